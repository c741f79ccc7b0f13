//! Forward passes of a model: its blocks, its perplexity, its loss, and its calibration.

use std::{fs, ops::ControlFlow};

use candle_core::{DType, Device, Tensor};
use slimgpt::{
    config::Machine,
    eval::Perplexity,
    model::{Checkpoint, Source},
};

use crate::{
    Fallible,
    common::calibration::Calibration,
    timed,
    work::{Answer, Inputs},
};

/// Tokens of one forward pass, as in a measurement of perplexity.
const TOKENS_PER_BATCH: usize = 2048;
const CPU: (Device, DType) = (Device::Cpu, DType::F32);

/// An opened model and its tokens. Each piece of work reads its weights, from the page cache after the first time.
pub struct Model {
    pub inputs: Inputs,
    checkpoint: Checkpoint,
    tokens: Vec<u32>,
    memory_budget: u64,
}

impl Model {
    pub fn open(inputs: &Inputs) -> Fallible<Self> {
        let tokens: Vec<u32> = serde_json::from_slice(&fs::read(&inputs.tokens)?)?;
        let wanted = inputs.windows * inputs.length;
        let found = tokens.len();
        if found != wanted {
            let file = inputs.tokens.display();
            return Err(format!("{file}: expected {wanted} tokens, found {found}").into());
        }
        Ok(Self {
            inputs: inputs.clone(),
            checkpoint: Checkpoint::open(Source::directory(&inputs.model))?,
            tokens,
            memory_budget: Machine::default().memory_budget.0,
        })
    }

    pub fn evaluate(&self) -> Fallible<Answer> {
        let perplexity = Perplexity {
            model: &self.checkpoint,
            tokens: &self.tokens,
            text: "text",
            seq_len: self.inputs.length,
            bos: None,
            device: &CPU.0,
            dtype: CPU.1,
            memory_budget: self.memory_budget,
        };
        let mut value = None;
        let answer = timed(|| {
            value = Some(perplexity.measure(&mut |_, _| ControlFlow::Continue(()))?.perplexity);
            Ok(())
        })?;
        Ok(Answer { value, ..answer })
    }

    /// The blocks one after another, as in a measurement of perplexity.
    pub fn forward(&self) -> Fallible<Answer> {
        let (device, dtype) = CPU;
        let ends = self.checkpoint.embedding_and_head(&device, dtype)?;
        let mut hidden = self.batches(|batch| Ok(ends.embed(batch)?))?;
        let rope = self.checkpoint.rope(self.inputs.length, &device, dtype)?;
        timed(|| {
            for layer in 0..self.inputs.layers {
                let block = self.checkpoint.block(layer, &device, dtype)?;
                for h in &mut hidden {
                    *h = block.forward(h, &rope)?;
                }
            }
            Ok(())
        })
    }

    /// The loss of hidden states: here the embeddings of the tokens.
    pub fn loss(&self) -> Fallible<Answer> {
        let (device, dtype) = CPU;
        let ends = self.checkpoint.embedding_and_head(&device, dtype)?;
        let length = self.inputs.length;
        let batches = self.batches(|batch| {
            let targets: Vec<u32> = batch.iter().flat_map(|window| &window[1..]).copied().collect();
            let targets = Tensor::from_vec(targets, (batch.len(), length - 1), &device)?;
            Ok((ends.embed(batch)?.narrow(1, 0, length - 1)?, targets))
        })?;
        let mut sum = 0.0;
        let answer = timed(|| {
            for (h, targets) in &batches {
                sum += ends.negative_log_likelihood(h, targets, self.memory_budget)?;
            }
            Ok(())
        })?;
        Ok(Answer { value: Some(sum), ..answer })
    }

    /// Measures and propagates both parts of every block. Nothing is removed, and the time of the solves is left out.
    pub fn calibrate(&self) -> Fallible<Answer> {
        let Inputs { windows, length, layers, .. } = self.inputs;
        let calibration =
            Calibration::of(Source::directory(&self.inputs.model), self.tokens.clone(), windows, length)?;
        let mut streams = calibration.pass().enter()?;
        let mut seconds = 0.0;
        for layer in 0..layers {
            seconds += calibration.block(layer, &mut streams)?.as_secs_f64();
        }
        Ok(Answer { seconds, ..Answer::default() })
    }

    fn batches<T>(&self, each: impl FnMut(&[&[u32]]) -> Fallible<T>) -> Fallible<Vec<T>> {
        let windows: Vec<&[u32]> = self.tokens.chunks_exact(self.inputs.length).collect();
        windows.chunks((TOKENS_PER_BATCH / self.inputs.length).max(1)).map(each).collect()
    }
}
