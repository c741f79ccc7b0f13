//! Compares the predictions of a pruned model with those of the dense model on the windows for judging.

use candle_core::{Device, Tensor};

use super::{
    super::{
        Error, Streams,
        ranks::{Asked, Share},
    },
    Search, SearchNotice, SearchObserver, quietly,
};
use crate::{
    calibration::Windows,
    cluster::Work,
    model::{Compared, EmbeddingAndHead},
};

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
    /// The streams of the dense model behind its last block, computed at the first call.
    pub(super) fn dense(
        &self,
        notice: impl Fn() -> SearchNotice<'static>,
        observer: &mut SearchObserver<'_>,
    ) -> Result<&Streams, Error> {
        if let Some(dense) = self.dense.get() {
            return Ok(dense);
        }
        let judge = self.judging();
        let mut streams = self.enter(&judge)?;
        for layer in 0..self.checkpoint.architecture().layers.len() {
            judge.through(layer, None, &mut streams, &mut quietly(observer, &notice))?;
        }
        Ok(self.dense.get_or_init(|| streams))
    }

    /// Judges streams that have passed the last block. [`Self::dense`] has been called.
    pub(super) fn judge(&self, streams: &Streams) -> Result<Judgement, Error> {
        let dense = self.dense.get().expect("the dense stream is computed first");
        let embedding_and_head = match self.embedding_and_head.get() {
            Some(read) => read,
            None => {
                let read = self.checkpoint.embedding_and_head(self.device, self.dtype)?;
                self.embedding_and_head.get_or_init(|| read)
            }
        };
        let budget = self.settings.machine.memory_budget.0;
        let own = || compared_tokens(embedding_and_head, (dense, streams), self.judge, self.device, budget);
        let tokens = match (&dense.share, &streams.share) {
            (Some(of_dense), Some(share)) => {
                let asked = Asked::Judge { dense: of_dense.number() };
                let command = asked.command_on(self.settings, share);
                share.group.lead(Work::Pass, command, || by_window(share, &own()?, self.judge))?
            }
            (_, _) => own()?,
        };
        let predicted = self.judge.seq_len() - 1;
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

/// By predicted token of this rank's windows, how the streams `own` predict it, compared with the streams `dense`.
pub fn compared_tokens(
    ends: &EmbeddingAndHead,
    (dense, own): (&Streams, &Streams),
    windows: &Windows,
    device: &Device,
    budget: u64,
) -> Result<Vec<Compared>, Error> {
    let predicted = windows.seq_len() - 1;
    let windows: Vec<&[u32]> = match &own.share {
        None => windows.iter().collect(),
        Some(share) => {
            let tokens = windows.tokens().chunks_exact(windows.seq_len()).collect::<Vec<_>>();
            share.chunks().flatten().map(|window| tokens[window]).collect()
        }
    };
    let mut windows = windows.into_iter();
    let mut judged = Vec::new();
    for (dense, own) in dense.pruned.batches.iter().zip(&own.pruned.batches) {
        let batch = own.dim(0)?;
        let targets: Vec<u32> =
            windows.by_ref().take(batch).flat_map(|tokens| tokens[1..].iter().copied()).collect();
        let targets = Tensor::from_vec(targets, (batch, predicted), device)?;
        let (dense, own) = (dense.narrow(1, 0, predicted)?, own.narrow(1, 0, predicted)?);
        judged.extend(ends.compare(&dense, &own, &targets, budget)?);
    }
    Ok(judged)
}

/// The judgements of all ranks in the order of the windows, on the first rank; those of this rank on the others.
pub fn by_window(share: &Share, own: &[Compared], windows: &Windows) -> Result<Vec<Compared>, Error> {
    let values: Vec<f64> = own.iter().flat_map(|token| [token.divergence, token.loss]).collect();
    let gathered = share.by_window(&values, 2 * (windows.seq_len() - 1))?;
    let pairs = |values: Vec<f64>| {
        let pairs = values.as_chunks().0.iter();
        pairs.map(|&[divergence, loss]| Compared { divergence, loss }).collect()
    };
    Ok(gathered.map_or_else(|| own.to_vec(), pairs))
}
