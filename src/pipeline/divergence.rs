//! KL(dense ‖ pruned) of the predictions at single tokens.

use candle_core::Tensor;
use rayon::prelude::*;

use super::{Error, LayerPlan, LayerTask, Pass, Streams, notice::Observer, stream::with_values};

impl Pass<'_> {
    /// KL(dense ‖ pruned) of the predicted distribution at every token, [samples, seq_len], after a pass that prunes all layers
    /// by `plan`. The pass must have a dense stream.
    ///
    /// # Errors
    /// As for [`Pass::layer`]; also if there is no dense stream.
    pub fn divergence_by_token(
        &self,
        plan: &[LayerPlan],
        observer: &mut Observer<'_>,
    ) -> Result<Vec<f64>, Error> {
        let mut streams = self.enter()?;
        for (layer, plan) in plan.iter().enumerate() {
            self.layer(&LayerTask::of_plan(layer, plan), &mut streams, None, observer)?;
        }
        self.divergence(&streams)
    }

    /// KL(dense ‖ pruned) at every token, from the streams behind the last block.
    fn divergence(&self, streams: &Streams) -> Result<Vec<f64>, Error> {
        let head = self.checkpoint.embedding_and_head(self.device, self.dtype)?;
        let Some(dense) = &streams.dense else {
            return Err(candle_core::Error::Msg(
                "expected a dense stream to compare with, found none".into(),
            )
            .into());
        };
        let budget = self.settings.machine.memory_budget.0 / 2;
        let mut costs = Vec::with_capacity(self.windows.tokens().len());
        for (pruned, dense) in streams.pruned.batches.iter().zip(&dense.batches) {
            // The rows of a position follow each other; a stretch may end between them.
            let mut waiting = Vec::new();
            let both = Tensor::stack(&[dense.flatten_to(1)?, pruned.flatten_to(1)?], 1)?;
            head.logits_in_stretches::<Error>(&both, budget, |logits| {
                let (_, vocab) = logits.dims2()?;
                with_values(&logits, |logits| waiting.extend_from_slice(logits))?;
                let whole = waiting.len() / (2 * vocab) * 2 * vocab;
                costs.par_extend(waiting[..whole].par_chunks_exact(2 * vocab).map(|both| {
                    let (dense, pruned) = both.split_at(vocab);
                    divergence(dense, pruned)
                }));
                waiting.drain(..whole);
                Ok(())
            })?;
        }
        Ok(costs)
    }
}

/// KL(p ‖ q) of the softmax of two rows of logits, in nats; not below 0 despite rounding.
fn divergence(p: &[f32], q: &[f32]) -> f64 {
    let log_sum = |logits: &[f32]| {
        let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        largest + logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum::<f64>().ln()
    };
    let (of_p, of_q) = (log_sum(p), log_sum(q));
    let terms = p.iter().zip(q).map(|(&p, &q)| {
        let p = f64::from(p) - of_p;
        p.exp() * (p - (f64::from(q) - of_q))
    });
    terms.sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_is_that_of_the_distributions() {
        let (p, q) = ([0.7f32, 0.2, 0.1], [0.5f32, 0.25, 0.25]);
        let logits = |p: &[f32; 3], shift: f32| p.map(|p| p.ln() + shift);
        let slow: f64 = p.iter().zip(&q).map(|(&p, &q)| f64::from(p) * f64::from(p / q).ln()).sum();
        assert!((divergence(&logits(&p, 3.0), &logits(&q, -2.0)) - slow).abs() < 1e-6);
        assert_eq!(divergence(&logits(&p, 0.0), &logits(&p, 0.0)), 0.0);
    }
}
