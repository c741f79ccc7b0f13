//! `slimgpt eval`: perplexity of a checkpoint on a text.

use std::{ops::ControlFlow, path::Path};

use candle_core::{DType, Device};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    calibration::TextSource,
    config::{self, Machine},
    eval::{MeasuredPerplexity, Perplexity, draw_windows},
    model::{BlockByBlock, Checkpoint},
    protocol::Stage,
};

use super::{Context, Error, ModelChoice, machine::forward_on, texts};

pub struct Evaluate {
    pub model: ModelChoice,
    pub evaluation: config::Evaluation,
    pub machine: Machine,
}

/// A measured perplexity and its inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    pub model: String,
    pub text: String,
    pub seq_len: usize,
    /// Tokens in the windows. The first token of a window is not predicted.
    pub tokens: u64,
    pub bos: bool,
    pub perplexity: f64,
    /// Standard error of the perplexity over the windows; None for a single window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

/// A tokenised evaluation text.
pub struct EvalText {
    pub name: String,
    tokens: Vec<u32>,
    seq_len: usize,
    /// The token placed before each window.
    bos: Option<u32>,
}

impl EvalText {
    pub fn new(
        source: &TextSource,
        evaluation: &config::Evaluation,
        checkpoint: &Checkpoint,
        base: Option<&Path>,
        context: &mut Context,
    ) -> Result<Self, Error> {
        let tokenizer = checkpoint.tokenizer()?;
        let bos = evaluation.bos.then(|| texts::bos("bos", checkpoint)).transpose()?;
        let text = texts::read(source, base, checkpoint, context)?;
        let name = text.name.clone();
        let seq_len = evaluation.seq_len;
        let mut tokens = texts::tokens(&[text], &tokenizer, checkpoint, context)?;
        if let Some(windows) = evaluation.windows {
            tokens = draw_windows(&tokens, seq_len, windows, evaluation.seed);
        }
        Ok(Self { name, tokens, seq_len, bos })
    }

    /// SHA-256 of the tokens.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.tokens.iter().for_each(|token| hasher.update(token.to_le_bytes()));
        super::describe::hexadecimal(&hasher.finalize())
    }

    /// The full windows, without overlap. The rest of the text is unused.
    pub fn windows(&self) -> impl Iterator<Item = &[u32]> {
        self.tokens.chunks_exact(self.seq_len)
    }

    /// Number of tokens in the full windows.
    pub fn whole_windows(&self) -> u64 {
        (self.tokens.len() / self.seq_len * self.seq_len) as u64
    }

    /// The measurement of a model's perplexity.
    pub fn perplexity<'p>(
        &'p self,
        model: &'p dyn BlockByBlock,
        machine: &Machine,
        (device, dtype): (&'p Device, DType),
    ) -> Perplexity<'p> {
        Perplexity {
            model,
            tokens: &self.tokens,
            text: &self.name,
            seq_len: self.seq_len,
            bos: self.bos,
            device,
            dtype,
            memory_budget: machine.memory_budget.0,
        }
    }

    /// Reports progress in tokens. `done` of `total` steps are done. Breaks if the job should end.
    pub fn progress(
        &self,
        pruned: bool,
        (done, total): (u64, u64),
        context: &mut Context,
    ) -> ControlFlow<()> {
        let tokens = self.whole_windows();
        let done = (done as f64 / total.max(1) as f64 * tokens as f64).round() as u64;
        context.progress(Stage::Evaluate { pruned }, done, tokens)
    }

    /// Perplexity of a model. `pruned` selects the model name in the progress events.
    pub fn measure(
        &self,
        model: &dyn BlockByBlock,
        machine: &Machine,
        forward: (&Device, DType),
        pruned: bool,
        context: &mut Context,
    ) -> Result<MeasuredPerplexity, Error> {
        let perplexity = self.perplexity(model, machine, forward);
        Ok(perplexity.measure(&mut |done, total| self.progress(pruned, (done, total), context))?)
    }
}

/// Fails if a window, BOS included, is longer than the context of the model, or has fewer than two tokens.
pub fn check_window(
    key: &'static str,
    evaluation: &config::Evaluation,
    checkpoint: &Checkpoint,
) -> Result<(), Error> {
    let config::Evaluation { seq_len, bos, .. } = *evaluation;
    let limit = checkpoint.architecture().max_positions - usize::from(bos);
    if seq_len > limit {
        return Err(Error::TooLong { key, asked: seq_len, limit });
    }
    config::at_least(2)(key, &seq_len)?;
    Ok(())
}

/// The evaluation text; the built-in model has a default.
pub fn text_of<'t>(text: Option<&'t TextSource>, model: &ModelChoice) -> Result<&'t TextSource, Error> {
    match (text, model) {
        (Some(source), _) => Ok(source),
        (None, ModelChoice::Demo) => Ok(&TextSource::DemoHeldOut),
        (None, ModelChoice::Named(_)) => Err(Error::NoEvalText),
    }
}

pub fn evaluate(job: &Evaluate, context: &mut Context) -> Result<Evaluation, Error> {
    let (device, dtype) = forward_on(&job.machine)?;
    let checkpoint = job.model.open(context)?;
    let source = text_of(job.evaluation.text.as_ref(), &job.model)?;
    check_window("seq-len", &job.evaluation, &checkpoint)?;
    let text = EvalText::new(source, &job.evaluation, &checkpoint, None, context)?;
    let measured = text.measure(&checkpoint, &job.machine, (&device, dtype), false, context)?;
    Ok(Evaluation {
        model: checkpoint.name().into(),
        tokens: text.whole_windows(),
        text: text.name,
        seq_len: job.evaluation.seq_len,
        bos: job.evaluation.bos,
        perplexity: measured.perplexity,
        standard_error: measured.standard_error,
    })
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::{demo, engine::DraftSaver, model::Source};

    #[test]
    fn the_seed_of_an_evaluation_draws_its_windows() {
        let checkpoint = Checkpoint::open(Source::Embedded(demo::FILES)).unwrap();
        let windows = |seed: u64, count: Option<usize>| -> Vec<Vec<u32>> {
            let (_commands, receiver) = mpsc::channel(1);
            let (sender, _events) = mpsc::channel(4096);
            let mut context = Context::new(1, receiver, sender, DraftSaver::default());
            let evaluation =
                config::Evaluation { seq_len: 64, windows: count, seed, ..config::Evaluation::default() };
            let source = TextSource::DemoHeldOut;
            let text = EvalText::new(&source, &evaluation, &checkpoint, None, &mut context).unwrap();
            text.windows().map(<[u32]>::to_vec).collect()
        };
        let drawn = windows(3, Some(5));
        assert_eq!(drawn.len(), 5);
        assert_eq!(windows(3, Some(5)), drawn);
        assert_ne!(windows(4, Some(5)), drawn);
        let all = windows(3, None);
        assert!(all.len() > 5 && drawn.iter().all(|window| all.contains(window)));
        assert_eq!(windows(4, None), all, "all windows need no seed");
    }
}
