//! Perplexity of both models, measured once for as long as nothing changes.

use std::path::Path;

use crate::{
    config::TextSource,
    protocol::{Event, PerplexityRecord},
    session::{self, Fingerprint, Measured},
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
pub struct Perplexities(pub Vec<Measured>);

/// The attempts that were in force, one a layer; None of the dense model.
type Of = Option<Vec<Option<usize>>>;

impl Perplexities {
    /// Takes over what another session has measured of the same dense model; nothing where it cannot be read.
    pub fn take_over(&mut self, other: &Path, files: &[Fingerprint]) {
        if let Ok(state) = session::look(other)
            && state.model.files == files
        {
            self.0.extend(state.perplexities.into_iter().filter(|measured| measured.of.is_none()));
        }
    }

    fn known(&self, meter: &Meter, of: &Of) -> Option<&PerplexityRecord> {
        let sha256 = meter.text_sha256();
        let same = |m: &&Measured| on(m) == *meter.yardstick && m.tokens_sha256 == sha256 && m.of == *of;
        self.0.iter().find(same).map(|measured| &measured.record)
    }
}

fn on(measured: &Measured) -> Yardstick {
    let Measured { text, seq_len, bos, machine, .. } = measured;
    Yardstick { text: text.clone(), seq_len: *seq_len, bos: *bos, machine: *machine }
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
        let mut meter =
            Meter::new(&yardstick, (&device, dtype), self.checkpoint, self.base.as_deref(), control)?;
        self.measure_before(&mut meter, control)?;
        self.measure_after(&mut meter, control)?;
        Ok(Event::JobDone)
    }

    /// The dense model's.
    pub(super) fn measure_before(&mut self, meter: &mut Meter, control: &mut Control) -> Result<(), Error> {
        let known = self.perplexities.known(meter, &None).map(|record| record.before);
        meter.before(self.checkpoint, known, control)?;
        self.keep_measured(meter, None)
    }

    /// The pruned model's, as the attempts in force make it.
    pub(super) fn measure_after(&mut self, meter: &mut Meter, control: &mut Control) -> Result<(), Error> {
        let numbers = self.attempts.numbers();
        let dense = numbers.iter().all(Option::is_none);
        let of = Some(numbers.to_vec());
        let known = if dense {
            Some(meter.record.before)
        } else {
            self.perplexities.known(meter, &of).and_then(|record| record.after)
        };
        meter.after(&self.cut_model(&self.in_force()), known, control)?;
        self.keep_measured(meter, of)
    }

    /// The newest perplexity of what is in force, on the evaluation text of the last run.
    pub(super) fn newest_perplexity(&self) -> Option<PerplexityRecord> {
        let yardstick = Yardstick::of_run(&self.settings)?;
        let of = Some(self.attempts.numbers().to_vec());
        let mut newest_first = self.perplexities.0.iter().rev();
        newest_first.find(|m| on(m) == yardstick && m.of == of).map(|measured| measured.record.clone())
    }

    fn keep_measured(&mut self, meter: &Meter, of: Of) -> Result<(), Error> {
        let Yardstick { text, seq_len, bos, machine } = meter.yardstick.clone();
        let (tokens_sha256, record) = (meter.text_sha256(), meter.record.clone());
        let measured = Measured { text, seq_len, bos, machine, tokens_sha256, of, record };
        if self.perplexities.0.last() == Some(&measured) {
            return Ok(());
        }
        // One that was known already is the newest again.
        let renew = |all: &mut Vec<Measured>| {
            all.retain(|known| *known != measured);
            all.push(measured.clone());
        };
        renew(&mut self.perplexities.0);
        match &mut self.session {
            Some(session) => Ok(session.change(|state| renew(&mut state.perplexities))?),
            None => Ok(()),
        }
    }

    /// True where the perplexity of what is in force was measured already.
    pub(super) fn knows(&self, meter: &Meter) -> bool {
        let numbers = self.attempts.numbers();
        let dense = numbers.iter().all(Option::is_none);
        dense || self.perplexities.known(meter, &Some(numbers.to_vec())).is_some()
    }
}
