//! Perplexity: exp of the mean negative log-likelihood over non-overlapping windows.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};

use crate::model::{Block, BlockByBlock, EmbeddingAndHead, Rope};

use super::Error;

/// Number of tokens in one forward pass. A longer window is computed alone.
const TOKENS_PER_BATCH: usize = 2048;

/// The inputs of a perplexity measurement.
pub struct Perplexity<'a> {
    /// The model.
    pub model: &'a dyn BlockByBlock,
    /// The whole text, encoded once without special tokens.
    pub tokens: &'a [u32],
    /// Name of the text, for errors.
    pub text: &'a str,
    /// L: number of tokens per window. An incomplete last window is dropped.
    pub seq_len: usize,
    /// A token to prepend to each window.
    pub bos: Option<u32>,
    /// The device of the forward pass.
    pub device: &'a Device,
    /// The number type of the forward pass.
    pub dtype: DType,
    /// Memory for hidden states and logits, in bytes. It limits the batches and changes no result.
    pub memory_budget: u64,
}

/// A measured perplexity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredPerplexity {
    /// exp(mean NLL of tokens 2…L of each window).
    pub perplexity: f64,
    /// Standard error of the perplexity, with the windows as independent samples: perplexity · s/√n, where s is the
    /// standard deviation of the mean NLL of a window. None for a single window.
    pub standard_error: Option<f64>,
    /// KL(dense ‖ this model), if it was measured.
    pub divergence: Option<MeanDivergence>,
}

/// A mean KL divergence over the predicted tokens of all windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanDivergence {
    /// Nats per token.
    pub mean: f64,
    /// Standard error of the mean, with the windows as independent samples. None for a single window.
    pub standard_error: Option<f64>,
}

/// Receives (done, total) in batches × passes; its `Break` cancels the measurement.
type Progress<'p> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'p;

impl Perplexity<'_> {
    /// Measures the perplexity block by block, with only one block's weights in memory. `progress` receives
    /// (done, total) after each batch of each block.
    ///
    /// # Errors
    /// If the text is shorter than one window, the perplexity is not finite, or the model cannot be computed;
    /// [`Error::Cancelled`] if `progress` breaks.
    pub fn measure(&self, progress: &mut Progress<'_>) -> Result<MeasuredPerplexity, Error> {
        let windows = self.windows()?;
        let at_once = self.windows_at_once();
        let total: u64 = windows.chunks(at_once).map(|chunk| self.steps(chunk.len())).sum();
        let mut done = 0;
        let ends = self.model.embedding_and_head(self.device, self.dtype)?;
        let mut losses = Vec::with_capacity(windows.len());
        for chunk in windows.chunks(at_once) {
            let mut streams = self.enter(&ends, chunk)?;
            let mut step = |steps| {
                done += steps;
                progress(done, total)
            };
            for layer in 0..self.model.architecture().layers.len() {
                streams.pass(self, layer, &mut step)?;
            }
            losses.extend(streams.losses_by(self, &ends, &mut step)?);
        }
        self.of_losses(&losses)
    }

    /// As [`Self::measure`], together with KL(`dense` ‖ model). The dense model runs over the windows too; its perplexity is
    /// not measured.
    ///
    /// # Errors
    /// As for [`Self::measure`].
    pub fn measure_against(
        &self,
        dense: &dyn BlockByBlock,
        progress: &mut Progress<'_>,
    ) -> Result<MeasuredPerplexity, Error> {
        let of_dense = Perplexity { model: dense, ..*self };
        let windows = self.windows()?;
        // The hidden states of both models are kept.
        let at_once = (self.windows_at_once() / 2).max(1);
        let total: u64 = windows.chunks(at_once).map(|chunk| 2 * self.steps(chunk.len())).sum();
        let mut done = 0;
        let ends = dense.embedding_and_head(self.device, self.dtype)?;
        let (mut losses, mut divergences) = (Vec::new(), Vec::new());
        for chunk in windows.chunks(at_once) {
            let mut step = |steps| {
                done += steps;
                progress(done, total)
            };
            let through = |of: &Perplexity<'_>, step: &mut dyn FnMut(u64) -> ControlFlow<()>| {
                let mut streams = of.enter(&ends, chunk)?;
                for layer in 0..of.model.architecture().layers.len() {
                    streams.pass(of, layer, step)?;
                }
                Ok::<_, Error>(streams)
            };
            let expected = through(&of_dense, &mut step)?;
            let own = through(self, &mut step)?;
            for (expected, own) in expected.batches.iter().zip(&own.batches) {
                let (targets, predicted) = (own.targets(self)?, self.seq_len - 1);
                let (expected, hidden) = (expected.predicting(self)?, own.predicting(self)?);
                let tokens = ends.compare(&expected, &hidden, &targets, self.memory_budget)?;
                for window in tokens.chunks(predicted) {
                    losses.push(window.iter().map(|token| token.loss).sum::<f64>());
                    divergences.push(window.iter().map(|token| token.divergence).sum::<f64>());
                }
                go_on(step(2))?;
            }
        }
        let (mean, standard_error) = self.mean(&divergences);
        if !mean.is_finite() {
            return Err(Error::NotFinite { text: self.text.into() });
        }
        let divergence = Some(MeanDivergence { mean, standard_error });
        Ok(MeasuredPerplexity { divergence, ..self.of_losses(&losses)? })
    }

    /// The hidden states of all windows before the first block, to measure between other work. None if they do not
    /// fit into `room` bytes or into half the memory budget.
    ///
    /// # Errors
    /// As for [`Self::measure`].
    pub fn begin(&self, room: u64) -> Result<Option<EvaluationStreams>, Error> {
        let windows = self.windows()?;
        let fits =
            windows.len() <= self.windows_at_once() && windows.len() as u64 * self.bytes_per_window() <= room;
        if !fits {
            return Ok(None);
        }
        let ends = self.model.embedding_and_head(self.device, self.dtype)?;
        Ok(Some(self.enter(&ends, &windows)?))
    }

    /// The number of steps that progress counts for the windows of [`Self::begin`].
    #[must_use]
    pub fn steps(&self, windows: usize) -> u64 {
        windows.div_ceil(self.windows_per_batch()) as u64
            * (self.model.architecture().layers.len() as u64 + 1)
    }

    /// The perplexity of the mean loss of each window.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn of_losses(&self, losses: &[f64]) -> Result<MeasuredPerplexity, Error> {
        let (mean, standard_error) = self.mean(losses);
        let perplexity = mean.exp();
        if !perplexity.is_finite() {
            return Err(Error::NotFinite { text: self.text.into() });
        }
        let standard_error = standard_error.map(|error| perplexity * error);
        Ok(MeasuredPerplexity { perplexity, standard_error, divergence: None })
    }

    /// The mean per predicted token of sums over windows, and its standard error.
    fn mean(&self, sums: &[f64]) -> (f64, Option<f64>) {
        let windows = sums.len() as f64;
        let predicted = (self.seq_len - 1) as f64;
        let mean = sums.iter().sum::<f64>() / (windows * predicted);
        let squares: f64 = sums.iter().map(|sum| (sum / predicted - mean).powi(2)).sum();
        let standard_error = (sums.len() > 1).then(|| (squares / (windows - 1.0) / windows).sqrt());
        (mean, standard_error)
    }

    /// The windows of the text.
    ///
    /// # Errors
    /// [`Error::TextTooShort`].
    pub fn windows(&self) -> Result<Vec<&[u32]>, Error> {
        let windows: Vec<&[u32]> = self.tokens.chunks_exact(self.seq_len).collect();
        if windows.is_empty() {
            return Err(Error::TextTooShort {
                text: self.text.into(),
                tokens: self.tokens.len(),
                needed: self.seq_len,
            });
        }
        Ok(windows)
    }

    /// Tokens of a window, BOS included.
    fn length(&self) -> usize {
        self.seq_len + usize::from(self.bos.is_some())
    }

    fn bytes_per_window(&self) -> u64 {
        (self.length() * self.model.architecture().hidden * self.dtype.size_in_bytes()) as u64
    }

    /// Number of windows whose hidden states are in memory together.
    #[must_use]
    pub fn windows_at_once(&self) -> usize {
        usize::try_from(self.memory_budget / 2 / self.bytes_per_window()).unwrap_or(usize::MAX).max(1)
    }

    fn windows_per_batch(&self) -> usize {
        (TOKENS_PER_BATCH / self.length()).max(1)
    }

    fn enter(&self, ends: &EmbeddingAndHead, windows: &[&[u32]]) -> Result<EvaluationStreams, Error> {
        let rope = self.model.rope(self.length(), self.device, self.dtype)?;
        let batches = windows.chunks(self.windows_per_batch()).map(|batch| {
            let targets = batch.iter().map(|window| window[1..].to_vec()).collect();
            Ok(Batch { targets, hidden: self.embed(ends, batch)? })
        });
        Ok(EvaluationStreams { batches: batches.collect::<Result<_, Error>>()?, rope })
    }

    /// The input of the first block [windows, length, hidden], with a BOS token before each window if requested.
    fn embed(&self, ends: &EmbeddingAndHead, windows: &[&[u32]]) -> Result<Tensor, Error> {
        let Some(bos) = self.bos else { return Ok(ends.embed(windows)?) };
        let longer: Vec<Vec<u32>> = windows.iter().map(|window| [&[bos], *window].concat()).collect();
        let longer: Vec<&[u32]> = longer.iter().map(Vec::as_slice).collect();
        Ok(ends.embed(&longer)?)
    }
}

/// Hidden states of evaluation windows at one depth of a model.
pub struct EvaluationStreams {
    batches: Vec<Batch>,
    rope: Rope,
}

/// Windows that are computed together.
struct Batch {
    /// Tokens 2…L of each window.
    targets: Vec<Vec<u32>>,
    /// [windows, length, hidden]
    hidden: Tensor,
}

impl Batch {
    /// The hidden states that predict the targets. With a BOS, position 0 predicts token 1 of the window, which the
    /// definition excludes.
    fn predicting(&self, of: &Perplexity<'_>) -> Result<Tensor, Error> {
        Ok(self.hidden.narrow(1, of.length() - of.seq_len, of.seq_len - 1)?)
    }

    /// [windows, L − 1]
    fn targets(&self, of: &Perplexity<'_>) -> Result<Tensor, Error> {
        let shape = (self.targets.len(), of.seq_len - 1);
        Ok(Tensor::from_vec(self.targets.concat(), shape, of.device)?)
    }
}

impl EvaluationStreams {
    /// Number of windows.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.batches.iter().map(|batch| batch.targets.len()).sum()
    }

    /// Passes the windows through a block. `step` is called after each batch.
    ///
    /// # Errors
    /// If the block cannot be computed; [`Error::Cancelled`] if `step` breaks.
    pub fn pass(
        &mut self,
        of: &Perplexity<'_>,
        layer: usize,
        step: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let block: Block = of.model.block(layer, of.device, of.dtype)?;
        for batch in &mut self.batches {
            batch.hidden = block.forward(&batch.hidden, &self.rope)?;
            go_on(step(1))?;
        }
        Ok(())
    }

    /// The sum of −ln p over the targets of each window, after the last block. `step` is called after each batch.
    ///
    /// # Errors
    /// As for [`Self::pass`].
    pub fn losses(
        &self,
        of: &Perplexity<'_>,
        step: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Vec<f64>, Error> {
        let ends = of.model.embedding_and_head(of.device, of.dtype)?;
        self.losses_by(of, &ends, step)
    }

    fn losses_by(
        &self,
        of: &Perplexity<'_>,
        ends: &EmbeddingAndHead,
        step: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Vec<f64>, Error> {
        let mut losses = Vec::new();
        for batch in &self.batches {
            let (predicting, targets) = (batch.predicting(of)?, batch.targets(of)?);
            let tokens = ends.negative_log_likelihoods(&predicting, &targets, of.memory_budget)?;
            losses.extend(tokens.chunks(of.seq_len - 1).map(|window| window.iter().sum::<f64>()));
            go_on(step(1))?;
        }
        Ok(losses)
    }
}

fn go_on(flow: ControlFlow<()>) -> Result<(), Error> {
    if flow.is_break() { Err(Error::Cancelled) } else { Ok(()) }
}
