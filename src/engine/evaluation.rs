//! Perplexity of the dense and the pruned model on one text.

use std::path::Path;

use candle_core::{DType, Device};

use crate::{
    calibration::TextSource,
    config::{self, Machine, Settings},
    model::{BlockByBlock, Checkpoint},
    protocol::{Event, PerplexityRecord},
};

use super::{Context, Error, evaluate::EvalText};

/// The inputs of a perplexity measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    pub text: TextSource,
    /// The settings that affect a perplexity.
    pub settings: config::Evaluation,
    pub machine: Machine,
}

/// A perplexity measurement of both models.
pub struct Measurement<'a> {
    pub evaluation: &'a Evaluation,
    text: EvalText,
    forward: (&'a Device, DType),
    pub record: PerplexityRecord,
}

impl Evaluation {
    /// None if the settings name no evaluation text.
    pub fn new(settings: &config::Evaluation, machine: Machine) -> Option<Self> {
        let settings = settings.of_perplexity()?;
        Some(Self { text: settings.text.clone()?, settings, machine })
    }

    /// The evaluation of a run; None if its settings name no evaluation text.
    pub fn of_run(settings: &Settings) -> Option<Self> {
        Self::new(&settings.evaluation, settings.machine)
    }

    /// Warns if the text is one of the calibration texts.
    pub fn warn(&self, calibration: &[TextSource], context: &mut Context) {
        if calibration.contains(&self.text) {
            let message = format!(
                "evaluation text {} is also the calibration text; its perplexity is better than on other text",
                self.text
            );
            context.emit(Event::Warning { message });
        }
    }
}

impl<'a> Measurement<'a> {
    pub fn new(
        evaluation: &'a Evaluation,
        forward: (&'a Device, DType),
        checkpoint: &Checkpoint,
        base: Option<&Path>,
        context: &mut Context,
    ) -> Result<Self, Error> {
        let Evaluation { text: source, settings, machine: _ } = evaluation;
        let text = EvalText::new(source, settings, checkpoint, base, context)?;
        let record = PerplexityRecord {
            text: source.to_string(),
            seq_len: settings.seq_len,
            tokens: text.whole_windows(),
            bos: settings.bos,
            before: f64::NAN,
            after: None,
        };
        Ok(Self { evaluation, text, forward, record })
    }

    /// SHA-256 of the tokens.
    pub fn text_sha256(&self) -> String {
        self.text.sha256()
    }

    /// Measures the dense model unless its perplexity is known, and emits the record.
    pub fn before(
        &mut self,
        model: &dyn BlockByBlock,
        known: Option<f64>,
        context: &mut Context,
    ) -> Result<(), Error> {
        self.record.before = match known {
            Some(known) => known,
            None => self.text.measure(model, &self.evaluation.machine, self.forward, false, context)?,
        };
        context.emit(Event::PerplexityMeasured { record: self.record.clone() });
        Ok(())
    }

    /// Measures the pruned model unless its perplexity is known, and emits the record.
    pub fn after(
        &mut self,
        model: &dyn BlockByBlock,
        known: Option<f64>,
        context: &mut Context,
    ) -> Result<(), Error> {
        self.record.after = Some(match known {
            Some(known) => known,
            None => self.text.measure(model, &self.evaluation.machine, self.forward, true, context)?,
        });
        context.emit(Event::PerplexityMeasured { record: self.record.clone() });
        Ok(())
    }
}
