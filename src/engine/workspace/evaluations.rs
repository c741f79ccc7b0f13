//! Measured perplexities. A perplexity is measured again only if its inputs have changed.

use std::path::Path;

use candle_core::{DType, Device};

use crate::{
    config::{self, Settings},
    eval::{MeanDivergence, MeasuredPerplexity},
    protocol::{Event, PerplexityRecord},
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
        let made = |m: &Measured| match of {
            Some(_) => made_by(m, measurement.evaluation),
            None => makes_dense(m, measurement.evaluation),
        };
        let same = |m: &&Measured| made(m) && m.tokens_sha256 == sha256 && m.of == *of;
        self.0.iter().find(same).map(|measured| &measured.record)
    }
}

/// As [`made_by`], for the dense model, which is not compared with itself.
fn makes_dense(measured: &Measured, evaluation: &Evaluation) -> bool {
    let alone = |of: &config::Evaluation| config::Evaluation { divergence: false, ..of.clone() };
    alone(&measured.evaluation) == alone(&evaluation.settings) && measured.machine == evaluation.machine
}

fn made_by(measured: &Measured, evaluation: &Evaluation) -> bool {
    (&measured.evaluation, measured.machine) == (&evaluation.settings, evaluation.machine)
}

impl Workspace<'_> {
    /// The known perplexity of the dense model.
    fn known_dense(&self, measurement: &Measurement) -> Option<MeasuredPerplexity> {
        let record = self.perplexities.known(measurement, &None)?;
        let (perplexity, standard_error) = (record.before, record.before_error);
        let divergence = None;
        perplexity.is_finite().then_some(MeasuredPerplexity { perplexity, standard_error, divergence })
    }

    /// Announces the evaluation of a run, and the perplexity of the dense model if it is known.
    pub fn begin_evaluation(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        let known = self.known_dense(measurement);
        measurement.announce(known.is_none(), context);
        self.save_dense(measurement, known, context)
    }

    /// Measures the dense model, unless its perplexity is known or the frontend asks to skip it.
    pub fn measure_before(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        let known = self.known_dense(measurement);
        let measured = match (known, context.skips_dense()) {
            (None, false) => match context.ranks().cloned() {
                None => measurement.dense(self.checkpoint, context)?,
                Some(ranks) => measurement.dense_on(&ranks, self.checkpoint, context)?,
            },
            (known, _) => known,
        };
        self.save_dense(measurement, measured, context)
    }

    /// Ends the measurement of the dense model that passed its blocks during the run.
    pub fn finish_before(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        let measured = measurement.finish_between(self.checkpoint, context)?;
        self.save_dense(measurement, measured, context)
    }

    fn save_dense(
        &mut self,
        measurement: &mut Measurement,
        measured: Option<MeasuredPerplexity>,
        context: &mut Context,
    ) -> Result<(), Error> {
        let Some(measured) = measured else { return Ok(()) };
        measurement.set_before(measured, context);
        self.save_perplexity(measurement, None)?;
        match measurement.record.after {
            // The record of the pruned model now has both.
            Some(_) => self.save_perplexity(measurement, Some(self.attempts.numbers().to_vec())),
            None => Ok(()),
        }
    }

    /// Reads the second text, if there is one.
    pub fn open_guard<'m>(
        &self,
        settings: &Settings,
        guard: Option<&'m Evaluation>,
        forward: (&'m Device, DType),
        context: &mut Context,
    ) -> Result<Option<Measurement<'m>>, Error> {
        let Some(guard) = guard else { return Ok(None) };
        guard.warn(&settings.calibration.texts, context);
        if settings.evaluation.text.as_ref() == Some(&guard.text) {
            let message = format!("guard: {} is also the evaluation text; name another text", guard.text);
            context.emit(Event::Warning { message });
        }
        Measurement::new(guard, forward, self.checkpoint, self.base.as_deref(), context).map(Some)
    }

    /// Measures both models, unless their perplexities are known.
    pub fn measure_both(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        self.measure_before(measurement, context)?;
        self.measure_after(measurement, context)
    }

    /// Measures the pruned model with the active attempts.
    pub fn measure_after(
        &mut self,
        measurement: &mut Measurement,
        context: &mut Context,
    ) -> Result<(), Error> {
        let numbers = self.attempts.numbers();
        let of = Some(numbers.to_vec());
        let (record, dense) = (&measurement.record, numbers.iter().all(Option::is_none));
        let known = match dense && measurement.has_before() {
            true => {
                let same = MeanDivergence { mean: 0.0, standard_error: None };
                Some(MeasuredPerplexity {
                    perplexity: record.before,
                    standard_error: record.before_error,
                    divergence: measurement.evaluation.settings.divergence.then_some(same),
                })
            }
            false => self.perplexities.known(measurement, &of).and_then(|record| {
                let (perplexity, standard_error) = (record.after?, record.after_error);
                let divergence = record
                    .divergence
                    .map(|mean| MeanDivergence { mean, standard_error: record.divergence_error });
                Some(MeasuredPerplexity { perplexity, standard_error, divergence })
            }),
        };
        let measured = match known {
            Some(known) => known,
            // The divergence needs both models, and is measured by this rank alone.
            None => match context.ranks().cloned().filter(|_| !measurement.evaluation.settings.divergence) {
                None => measurement.pruned(&self.cut_model(&self.active()), self.checkpoint, context)?,
                Some(ranks) => {
                    let sizes = self.attempts.sizes(self.checkpoint.architecture());
                    measurement.pruned_on(&ranks, self.checkpoint, (&self.active(), &sizes), context)?
                }
            },
        };
        measurement.set_after(measured, context);
        self.save_perplexity(measurement, of)
    }

    /// The newest perplexity with the active attempts, on the evaluation text of the last run.
    pub fn newest_perplexity(&self) -> Option<PerplexityRecord> {
        self.newest(&Evaluation::of_run(&self.settings)?)
    }

    /// The newest perplexity with the active attempts, on the second text of the last run.
    pub fn newest_guard(&self) -> Option<PerplexityRecord> {
        self.newest(&Evaluation::of_guard(&self.settings)?)
    }

    /// The newest perplexity of an evaluation with the active attempts.
    pub fn newest(&self, evaluation: &Evaluation) -> Option<PerplexityRecord> {
        let of = Some(self.attempts.numbers().to_vec());
        let mut newest_first = self.perplexities.0.iter().rev();
        newest_first.find(|m| made_by(m, evaluation) && m.of == of).map(|measured| measured.record.clone())
    }

    fn save_perplexity(&mut self, measurement: &Measurement, of: Of) -> Result<(), Error> {
        let Evaluation { text: _, settings: evaluation, machine } = measurement.evaluation.clone();
        let (tokens_sha256, mut record) = (measurement.text_sha256(), measurement.record.clone());
        if of.is_none() {
            (record.after, record.after_error) = (None, None);
            (record.divergence, record.divergence_error) = (None, None);
        }
        let measured = Measured { evaluation, machine, tokens_sha256, of, record };
        if self.perplexities.0.last() == Some(&measured) {
            return Ok(());
        }
        // The newest one is last; an earlier measurement of the same model on the same tokens is replaced.
        let renew = |all: &mut Vec<Measured>| {
            all.retain(|known| !is_same_measurement(known, &measured));
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

fn is_same_measurement(a: &Measured, b: &Measured) -> bool {
    (&a.evaluation, a.machine, &a.tokens_sha256, &a.of) == (&b.evaluation, b.machine, &b.tokens_sha256, &b.of)
}
