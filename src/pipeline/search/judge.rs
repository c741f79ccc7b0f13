//! Compares the predictions of a pruned model with those of the dense model on the windows for judging.

use candle_core::Tensor;

use super::{
    super::{Error, stream::Stream},
    Search, SearchNotice, SearchObserver, quietly,
};

/// Agreement of a pruned model with the dense one, per predicted token.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judgement {
    /// KL(dense ‖ pruned) in nats.
    pub divergence: f64,
    /// Mean −ln p of the next token under the pruned model, in nats.
    pub loss: f64,
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
        let settings = self.layerwise();
        let judge = self.judging(&settings);
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
        let (mut sums, mut count) = (Judgement::default(), 0);
        for (dense, own) in dense.batches.iter().zip(&stream.batches) {
            let batch = own.dim(0)?;
            let targets: Vec<u32> =
                windows.by_ref().take(batch).flat_map(|tokens| tokens[1..].iter().copied()).collect();
            let targets = Tensor::from_vec(targets, (batch, predicted), self.device)?;
            let (dense, own) = (dense.narrow(1, 0, predicted)?, own.narrow(1, 0, predicted)?);
            let budget = self.settings.machine.memory_budget.0;
            for token in embedding_and_head.compare(&dense, &own, &targets, budget)? {
                sums.divergence += token.divergence;
                sums.loss += token.loss;
                count += 1;
            }
        }
        let mean = |sum: f64| sum / count as f64;
        let judged = Judgement { divergence: mean(sums.divergence), loss: mean(sums.loss) };
        if judged.divergence.is_finite() && judged.loss.is_finite() {
            Ok(judged)
        } else {
            Err(Error::NotFinite { layer: self.checkpoint.architecture().layers.len() - 1 })
        }
    }
}
