//! Perplexity of the dense and the pruned model on one text.

use std::{ops::ControlFlow, path::Path};

use candle_core::{DType, Device};

use crate::{
    calibration::{self, TextSource, Windows},
    config::{self, Machine, Settings},
    eval::{self, EvaluationStreams, MeasuredPerplexity},
    model::{BlockByBlock, Checkpoint, LayerSize},
    pipeline::Cuts,
    protocol::{Event, PerplexityRecord},
};

use super::{Context, Error, Ranks, evaluate::EvalText, texts};

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
    between: Option<Between>,
}

/// A measurement of the dense model between other work.
struct Between {
    streams: EvaluationStreams,
    /// The next block.
    next: usize,
    /// Done and total steps.
    steps: (u64, u64),
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

    /// The evaluation of the second text of a run; None if its settings name none.
    pub fn of_guard(settings: &Settings) -> Option<Self> {
        Self::new(&settings.evaluation.of_guard()?, settings.machine)
    }

    /// Windows of the text for a search: `samples` of `seq_len` tokens at random positions.
    pub fn windows(
        &self,
        (samples, seq_len): (usize, usize),
        seed: u64,
        checkpoint: &Checkpoint,
        base: Option<&Path>,
        context: &mut Context,
    ) -> Result<Windows, Error> {
        let text = texts::read(&self.text, base, checkpoint, context)?;
        let tokens = texts::tokens(&[text], &checkpoint.tokenizer()?, checkpoint, context)?;
        Windows::draw(&tokens, samples, seq_len, seed).map_err(|cause| match cause {
            calibration::Error::TooLittleText { found, needed, .. } => {
                Error::ShortGuard { text: self.text.to_string(), found, needed }
            }
            cause => cause.into(),
        })
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
            before_error: None,
            after_error: None,
            divergence: None,
            divergence_error: None,
        };
        Ok(Self { evaluation, text, forward, record, between: None })
    }

    /// SHA-256 of the tokens.
    pub fn text_sha256(&self) -> String {
        self.text.sha256()
    }

    /// Emits the size of the evaluation. `dense`: whether the dense model is measured.
    pub fn announce(&self, dense: bool, context: &mut Context) {
        let PerplexityRecord { text, seq_len, tokens, .. } = &self.record;
        let windows = (*tokens / *seq_len as u64) as usize;
        let divergence = self.evaluation.settings.divergence;
        context.emit(Event::EvaluationReady {
            text: text.clone(),
            windows,
            seq_len: *seq_len,
            dense,
            divergence,
        });
    }

    /// Whether the perplexity of the dense model is known.
    pub fn has_before(&self) -> bool {
        self.record.before.is_finite()
    }

    /// Sets the perplexity of the dense model and emits the record.
    pub fn set_before(&mut self, measured: MeasuredPerplexity, context: &mut Context) {
        (self.record.before, self.record.before_error) = (measured.perplexity, measured.standard_error);
        context.emit(Event::PerplexityMeasured { record: self.record.clone() });
    }

    /// Sets the perplexity of the pruned model and emits the record.
    pub fn set_after(&mut self, measured: MeasuredPerplexity, context: &mut Context) {
        (self.record.after, self.record.after_error) = (Some(measured.perplexity), measured.standard_error);
        self.record.divergence = measured.divergence.map(|divergence| divergence.mean);
        self.record.divergence_error = measured.divergence.and_then(|divergence| divergence.standard_error);
        context.emit(Event::PerplexityMeasured { record: self.record.clone() });
    }

    /// Measures the dense model; None if the frontend asks to skip it.
    pub fn dense(
        &self,
        model: &dyn BlockByBlock,
        context: &mut Context,
    ) -> Result<Option<MeasuredPerplexity>, Error> {
        let perplexity = self.text.perplexity(model, &self.evaluation.machine, self.forward);
        let measured = perplexity.measure(&mut |done, total| self.dense_step((done, total), context));
        unless_skipped(measured, context)
    }

    /// Measures the pruned model, and its divergence from the dense one if the settings ask for it.
    pub fn pruned(
        &self,
        model: &dyn BlockByBlock,
        dense: &dyn BlockByBlock,
        context: &mut Context,
    ) -> Result<MeasuredPerplexity, Error> {
        if self.evaluation.settings.divergence {
            let perplexity = self.text.perplexity(model, &self.evaluation.machine, self.forward);
            return Ok(perplexity.measure_against(dense, &mut |done, total| {
                self.text.progress(true, (done, total), context)
            })?);
        }
        self.text.measure(model, &self.evaluation.machine, self.forward, true, context)
    }

    /// [`Self::dense`] on a group of ranks.
    pub fn dense_on(
        &self,
        ranks: &Ranks,
        checkpoint: &Checkpoint,
        context: &mut Context,
    ) -> Result<Option<MeasuredPerplexity>, Error> {
        let machine = self.evaluation.machine;
        let perplexity = self.text.perplexity(checkpoint, &machine, self.forward);
        let measured = ranks.perplexity(&perplexity, (checkpoint, machine), None, &mut |done, total| {
            self.dense_step((done, total), context)
        });
        match measured {
            Err(error) if error.is_cancelled() => unless_skipped(Err(eval::Error::Cancelled), context),
            measured => Ok(Some(measured?)),
        }
    }

    /// [`Self::pruned`] on a group of ranks.
    pub fn pruned_on(
        &self,
        ranks: &Ranks,
        checkpoint: &Checkpoint,
        (cuts, sizes): (&dyn Cuts, &[LayerSize]),
        context: &mut Context,
    ) -> Result<MeasuredPerplexity, Error> {
        let machine = self.evaluation.machine;
        let perplexity = self.text.perplexity(checkpoint, &machine, self.forward);
        let pruned = Some((cuts, sizes));
        ranks.perplexity(&perplexity, (checkpoint, machine), pruned, &mut |done, total| {
            self.text.progress(true, (done, total), context)
        })
    }

    /// Prepares to measure the dense model block by block between other work, if its hidden states fit into `room`
    /// bytes. Otherwise, [`Self::dense`] measures it.
    pub fn begin_between(&mut self, model: &dyn BlockByBlock, room: u64) -> Result<(), Error> {
        let perplexity = self.text.perplexity(model, &self.evaluation.machine, self.forward);
        let streams = perplexity.begin(room)?;
        self.between = streams.map(|streams| Between {
            steps: (0, perplexity.steps(streams.windows())),
            streams,
            next: 0,
        });
        Ok(())
    }

    /// Passes the evaluation windows through block `layer` of the dense model, if they are at its input.
    pub fn pass_between(
        &mut self,
        model: &dyn BlockByBlock,
        layer: usize,
        context: &mut Context,
    ) -> Result<(), Error> {
        let Some(mut between) = self.between.take().filter(|between| between.next == layer) else {
            return Ok(());
        };
        let perplexity = self.text.perplexity(model, &self.evaluation.machine, self.forward);
        let (mut done, total) = between.steps;
        let passed = between.streams.pass(&perplexity, layer, &mut |steps| {
            done += steps;
            self.dense_step((done, total), context)
        });
        (between.steps.0, between.next) = (done, layer + 1);
        self.between = unless_skipped(passed, context)?.map(|()| between);
        Ok(())
    }

    /// The perplexity measured by [`Self::pass_between`]; None if it did not pass all layers.
    pub fn finish_between(
        &mut self,
        model: &dyn BlockByBlock,
        context: &mut Context,
    ) -> Result<Option<MeasuredPerplexity>, Error> {
        let layers = model.architecture().layers.len();
        let Some(between) = self.between.take().filter(|between| between.next == layers) else {
            return Ok(None);
        };
        let perplexity = self.text.perplexity(model, &self.evaluation.machine, self.forward);
        let (mut done, total) = between.steps;
        let losses = between.streams.losses(&perplexity, &mut |steps| {
            done += steps;
            self.dense_step((done, total), context)
        });
        let measured = losses.and_then(|losses| perplexity.of_losses(&losses));
        unless_skipped(measured, context)
    }

    fn dense_step(&self, steps: (u64, u64), context: &mut Context) -> ControlFlow<()> {
        self.text.progress(false, steps, context)?;
        if context.skips_dense() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The result of a measurement of the dense model; None if it broke off because the frontend asked to skip it.
fn unless_skipped<T>(measured: Result<T, eval::Error>, context: &mut Context) -> Result<Option<T>, Error> {
    match measured {
        Err(eval::Error::Cancelled) if context.skips_dense() && context.checkpoint().is_continue() => {
            Ok(None)
        }
        measured => Ok(Some(measured?)),
    }
}
