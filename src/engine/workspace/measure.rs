//! Perplexity of both models, measured once for as long as nothing changes.

use std::path::Path;

use crate::{
    calibration::TextSource,
    protocol::{Event, PerplexityRecord},
    session::{self, Fingerprint, Measured},
};

use super::{
    super::{
        evaluate::check_window,
        evaluation::{Evaluation, Measurement},
    },
    Context, Error, Workspace,
};

/// What has been measured, in its order.
#[derive(Default)]
pub struct Perplexities(pub Vec<Measured>);

/// The attempts that were active, one a layer; None of the dense model.
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

    fn known(&self, measurement: &Measurement, of: &Of) -> Option<&PerplexityRecord> {
        let sha256 = measurement.text_sha256();
        let same =
            |m: &&Measured| on(m) == *measurement.evaluation && m.tokens_sha256 == sha256 && m.of == *of;
        self.0.iter().find(same).map(|measured| &measured.record)
    }
}

fn on(measured: &Measured) -> Evaluation {
    let Measured { text, seq_len, bos, machine, .. } = measured;
    Evaluation { text: text.clone(), seq_len: *seq_len, bos: *bos, machine: *machine }
}

impl Workspace<'_> {
    pub(super) fn measure(
        &mut self,
        text: TextSource,
        seq_len: usize,
        bos: bool,
        context: &mut Context,
    ) -> Result<Event, Error> {
        check_window("seq-len", seq_len, bos, self.checkpoint)?;
        let evaluation = Evaluation { text, seq_len, bos, machine: self.settings.machine };
        evaluation.warn(&self.settings.calibration.texts, context);
        let (device, dtype) = self.forward(&evaluation.machine)?;
        let mut measurement =
            Measurement::new(&evaluation, (&device, dtype), self.checkpoint, self.base.as_deref(), context)?;
        self.measure_before(&mut measurement, context)?;
        self.measure_after(&mut measurement, context)?;
        Ok(Event::JobDone)
    }

    /// The dense model's.
    pub(super) fn measure_before(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        let known = self.perplexities.known(measurement, &None).map(|record| record.before);
        measurement.before(self.checkpoint, known, context)?;
        self.save_perplexity(measurement, None)
    }

    /// The pruned model's, as the attempts active make it.
    pub(super) fn measure_after(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        let numbers = self.attempts.numbers();
        let dense = numbers.iter().all(Option::is_none);
        let of = Some(numbers.to_vec());
        let known = if dense {
            Some(measurement.record.before)
        } else {
            self.perplexities.known(measurement, &of).and_then(|record| record.after)
        };
        measurement.after(&self.cut_model(&self.active()), known, context)?;
        self.save_perplexity(measurement, of)
    }

    /// The newest perplexity of what is active, on the evaluation text of the last run.
    pub(super) fn newest_perplexity(&self) -> Option<PerplexityRecord> {
        let evaluation = Evaluation::of_run(&self.settings)?;
        let of = Some(self.attempts.numbers().to_vec());
        let mut newest_first = self.perplexities.0.iter().rev();
        newest_first.find(|m| on(m) == evaluation && m.of == of).map(|measured| measured.record.clone())
    }

    fn save_perplexity(&mut self, measurement: &Measurement, of: Of) -> Result<(), Error> {
        let Evaluation { text, seq_len, bos, machine } = measurement.evaluation.clone();
        let (tokens_sha256, record) = (measurement.text_sha256(), measurement.record.clone());
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

    /// True where the perplexity of what is active was measured already.
    pub(super) fn knows(&self, measurement: &Measurement) -> bool {
        let numbers = self.attempts.numbers();
        let dense = numbers.iter().all(Option::is_none);
        dense || self.perplexities.known(measurement, &Some(numbers.to_vec())).is_some()
    }
}
