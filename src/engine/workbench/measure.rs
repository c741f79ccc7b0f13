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

/// What has been measured.
#[derive(Default)]
pub struct Perplexities {
    dense: Vec<(Yardstick, u64, f64)>,
    /// In the order of their measuring, with the attempts that were in force.
    pruned: Vec<(Yardstick, u64, Vec<Option<usize>>, PerplexityRecord)>,
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
        let (yardstick, text) = (meter.yardstick, meter.fingerprint());
        let found = self.perplexities.dense.iter().find(|(by, on, _)| (by, *on) == (yardstick, text));
        let known = found.map(|(_, _, perplexity)| *perplexity);
        meter.before(self.checkpoint, known, control)?;
        if known.is_none() {
            self.perplexities.dense.push((yardstick.clone(), text, meter.record.before));
        }
        Ok(())
    }

    /// The pruned model's, as the attempts in force make it.
    pub(super) fn measure_after(&mut self, meter: &mut Meter, control: &mut Control) -> Result<(), Error> {
        let (yardstick, text, numbers) = (meter.yardstick, meter.fingerprint(), self.attempts.numbers());
        let same = |(by, on, of, _): &&(Yardstick, u64, Vec<Option<usize>>, PerplexityRecord)| {
            (by, *on, &of[..]) == (yardstick, text, numbers)
        };
        let known = if numbers.iter().all(Option::is_none) {
            Some(meter.record.before)
        } else {
            self.perplexities.pruned.iter().find(same).and_then(|(_, _, _, record)| record.after)
        };
        meter.after(&self.cut_model(), known, control)?;
        let measured = (yardstick.clone(), text, numbers.to_vec(), meter.record.clone());
        self.perplexities.pruned.push(measured);
        Ok(())
    }

    /// The newest perplexity of what is in force, on the evaluation text of the last run.
    pub(super) fn newest_perplexity(&self) -> Option<PerplexityRecord> {
        let yardstick = Yardstick::of_run(&self.settings)?;
        let numbers = self.attempts.numbers();
        let mut measured = self.perplexities.pruned.iter().rev();
        let found = measured.find(|(by, _, of, _)| (by, &of[..]) == (&yardstick, numbers));
        found.map(|(_, _, _, record)| record.clone())
    }
}
