//! Compares the predictions of a pruned model with those of the dense model on the windows for judging.

use candle_core::Tensor;

use super::{
    super::{Error, stream::Stream},
    Search, SearchNotice, SearchObserver, quietly,
};
use crate::model::Compared;

/// Agreement of a pruned model with the dense one, per predicted token.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judgement {
    /// KL(dense ‖ pruned) in nats, on the calibration text.
    pub divergence: f64,
    /// KL(dense ‖ pruned) in nats, on the guard text; None without one.
    pub guard: Option<f64>,
    /// Mean −ln p of the next token under the pruned model, in nats.
    pub loss: f64,
}

impl Judgement {
    /// KL(dense ‖ pruned) in nats, over the windows of both texts, which are equally many.
    pub fn of_both(&self) -> f64 {
        self.guard.map_or(self.divergence, |guard| (self.divergence + guard) / 2.0)
    }
}

impl Search<'_> {
    /// The stream of the dense model behind its last block, computed at the first call.
    pub(super) fn dense(
        &self,
        notice: impl Fn() -> SearchNotice<'static>,
        observer: &mut SearchObserver<'_>,
    ) -> Result<&Stream, Error> {
        if let Some(dense) = self.dense.get() {
            return Ok(dense);
        }
        let judge = self.judging();
        let mut streams = judge.enter()?;
        for layer in 0..self.checkpoint.architecture().layers.len() {
            judge.through(layer, None, &mut streams, &mut quietly(observer, &notice))?;
        }
        Ok(self.dense.get_or_init(|| streams.pruned))
    }

    /// Judges a stream that has passed the last block. [`Self::dense`] has been called.
    pub(super) fn judge(&self, stream: &Stream) -> Result<Judgement, Error> {
        let dense = self.dense.get().expect("the dense stream is computed first");
        let embedding_and_head = match self.embedding_and_head.get() {
            Some(read) => read,
            None => {
                let read = self.checkpoint.embedding_and_head(self.device, self.dtype)?;
                self.embedding_and_head.get_or_init(|| read)
            }
        };
        let predicted = self.judge.seq_len() - 1;
        let mut windows = self.judge.iter();
        let mut tokens = Vec::with_capacity(self.judge.samples() * predicted);
        for (dense, own) in dense.batches.iter().zip(&stream.batches) {
            let batch = own.dim(0)?;
            let targets: Vec<u32> =
                windows.by_ref().take(batch).flat_map(|tokens| tokens[1..].iter().copied()).collect();
            let targets = Tensor::from_vec(targets, (batch, predicted), self.device)?;
            let (dense, own) = (dense.narrow(1, 0, predicted)?, own.narrow(1, 0, predicted)?);
            let budget = self.settings.machine.memory_budget.0;
            tokens.extend(embedding_and_head.compare(&dense, &own, &targets, budget)?);
        }
        let (own, guard) = tokens.split_at((self.judge.samples() - self.guarded) * predicted);
        let divergence = |of: &[Compared]| mean(of.iter().map(|token| token.divergence));
        let judged = Judgement {
            divergence: divergence(own),
            guard: (!guard.is_empty()).then(|| divergence(guard)),
            loss: mean(own.iter().map(|token| token.loss)),
        };
        let is_finite = judged.of_both().is_finite();
        if is_finite && judged.loss.is_finite() {
            Ok(judged)
        } else {
            Err(Error::NotFinite { layer: self.checkpoint.architecture().layers.len() - 1 })
        }
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
