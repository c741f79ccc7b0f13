//! Perplexity of both models, measured once for as long as nothing changes.

use crate::{
    config::TextSource,
    protocol::{Event, PerplexityRecord},
};

use super::{
    super::{
        evaluate::check_window,
        meter::{Meter, Yardstick},
    },
    Bench, Control, Error,
};

/// What has been measured, in its order.
#[derive(Default)]
pub struct Perplexities(Vec<Measured>);

struct Measured {
    on: Yardstick,
    /// Fingerprint of the text, which may change under its name.
    text: u64,
    of: Of,
    record: PerplexityRecord,
}

#[derive(PartialEq)]
enum Of {
    Dense,
    /// With the attempts that were in force, one a layer.
    Pruned(Vec<Option<usize>>),
}

impl Perplexities {
    fn known(&self, meter: &Meter, of: &Of) -> Option<&PerplexityRecord> {
        let text = meter.fingerprint();
        let same = |m: &&Measured| (&m.on, m.text, &m.of) == (meter.yardstick, text, of);
        self.0.iter().find(same).map(|measured| &measured.record)
    }

    fn add(&mut self, meter: &Meter, of: Of) {
        let (on, text, record) = (meter.yardstick.clone(), meter.fingerprint(), meter.record.clone());
        self.0.push(Measured { on, text, of, record });
    }
}

impl Bench<'_> {
    pub(super) fn measure(
        &mut self,
        text: TextSource,
        seq_len: usize,
        bos: bool,
        control: &mut Control,
    ) -> Result<Event, Error> {
        check_window("seq-len", seq_len, bos, self.checkpoint)?;
        let yardstick = Yardstick { text, seq_len, bos, machine: self.settings.machine };
        yardstick.warn(&self.settings.calibration, control);
        let (device, dtype) = self.forward(&yardstick.machine)?;
        let mut meter = Meter::new(&yardstick, (&device, dtype), self.checkpoint, control)?;
        self.measure_before(&mut meter, control)?;
        self.measure_after(&mut meter, control)?;
        Ok(Event::JobDone)
    }

    /// The dense model's.
    pub(super) fn measure_before(&mut self, meter: &mut Meter, control: &mut Control) -> Result<(), Error> {
        let known = self.perplexities.known(meter, &Of::Dense).map(|record| record.before);
        meter.before(self.checkpoint, known, control)?;
        self.perplexities.add(meter, Of::Dense);
        Ok(())
    }

    /// The pruned model's, as the attempts in force make it.
    pub(super) fn measure_after(&mut self, meter: &mut Meter, control: &mut Control) -> Result<(), Error> {
        let numbers = self.attempts.numbers();
        let dense = numbers.iter().all(Option::is_none);
        let of = Of::Pruned(numbers.to_vec());
        let known = if dense {
            Some(meter.record.before)
        } else {
            self.perplexities.known(meter, &of).and_then(|record| record.after)
        };
        meter.after(&self.cut_model(), known, control)?;
        self.perplexities.add(meter, of);
        Ok(())
    }

    /// The newest perplexity of what is in force, on the evaluation text of the last run.
    pub(super) fn newest_perplexity(&self) -> Option<PerplexityRecord> {
        let on = Yardstick::of_run(&self.settings)?;
        let of = Of::Pruned(self.attempts.numbers().to_vec());
        let mut newest_first = self.perplexities.0.iter().rev();
        newest_first.find(|m| (&m.on, &m.of) == (&on, &of)).map(|measured| measured.record.clone())
    }
}
