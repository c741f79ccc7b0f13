//! Measured perplexities. A perplexity is measured again only if its inputs have changed.

use std::path::Path;

use crate::{
    protocol::PerplexityRecord,
    session::{self, Fingerprint, Measured},
};

use super::{
    super::evaluation::{Evaluation, Measurement},
    Context, Error, Workspace,
};

/// The measured perplexities, oldest first.
#[derive(Default)]
pub struct Perplexities(pub Vec<Measured>);

/// Numbers of the active attempts, indexed by layer; None for the dense model.
type Of = Option<Vec<Option<usize>>>;

impl Perplexities {
    /// Copies the perplexities of the dense model from another session of the same model, if it can be read.
    pub fn copy_dense(&mut self, other: &Path, files: &[Fingerprint]) {
        if let Ok(state) = session::look(other)
            && state.model.files == files
        {
            self.0.extend(state.perplexities.into_iter().filter(|measured| measured.of.is_none()));
        }
    }

    fn known(&self, measurement: &Measurement, of: &Of) -> Option<&PerplexityRecord> {
        let sha256 = measurement.text_sha256();
        let same =
            |m: &&Measured| made_by(m, measurement.evaluation) && m.tokens_sha256 == sha256 && m.of == *of;
        self.0.iter().find(same).map(|measured| &measured.record)
    }
}

fn made_by(measured: &Measured, evaluation: &Evaluation) -> bool {
    (&measured.evaluation, measured.machine) == (&evaluation.settings, evaluation.machine)
}

impl Workspace<'_> {
    /// Measures the dense model.
    pub fn measure_before(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        let known = self.perplexities.known(measurement, &None).map(|record| record.before);
        measurement.before(self.checkpoint, known, context)?;
        self.save_perplexity(measurement, None)
    }

    /// Measures the pruned model with the active attempts.
    pub fn measure_after(
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

    /// The newest perplexity with the active attempts, on the evaluation text of the last run.
    pub fn newest_perplexity(&self) -> Option<PerplexityRecord> {
        let evaluation = Evaluation::of_run(&self.settings)?;
        let of = Some(self.attempts.numbers().to_vec());
        let mut newest_first = self.perplexities.0.iter().rev();
        newest_first.find(|m| made_by(m, &evaluation) && m.of == of).map(|measured| measured.record.clone())
    }

    fn save_perplexity(&mut self, measurement: &Measurement, of: Of) -> Result<(), Error> {
        let Evaluation { text: _, settings: evaluation, machine } = measurement.evaluation.clone();
        let (tokens_sha256, record) = (measurement.text_sha256(), measurement.record.clone());
        let measured = Measured { evaluation, machine, tokens_sha256, of, record };
        if self.perplexities.0.last() == Some(&measured) {
            return Ok(());
        }
        // A known perplexity becomes the newest one.
        let renew = |all: &mut Vec<Measured>| {
            all.retain(|known| *known != measured);
            all.push(measured.clone());
        };
        renew(&mut self.perplexities.0);
        self.session.change(|state| renew(&mut state.perplexities))
    }

    /// True if the perplexity with the active attempts is known.
    pub fn knows(&self, measurement: &Measurement) -> bool {
        let numbers = self.attempts.numbers();
        let dense = numbers.iter().all(Option::is_none);
        dense || self.perplexities.known(measurement, &Some(numbers.to_vec())).is_some()
    }
}
