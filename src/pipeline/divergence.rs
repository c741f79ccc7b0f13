//! KL(dense ‖ pruned) of the predictions at single tokens.

use candle_core::Tensor;

use super::{Error, LayerPlan, LayerTask, Pass, Streams, notice::Observer};

impl Pass<'_> {
    /// KL(dense ‖ pruned) in nats of the predicted distribution at every token, [samples, seq_len], after a pass that prunes
    /// all layers by `plan`. The pass must have a dense stream.
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
        let budget = self.settings.machine.memory_budget.0;
        let mut costs = Vec::with_capacity(self.windows.tokens().len());
        for (pruned, dense) in streams.pruned.batches.iter().zip(&dense.batches) {
            let (batch, tokens, _) = pruned.dims3()?;
            // Their losses are not used.
            let targets = Tensor::zeros((batch, tokens), candle_core::DType::U32, self.device)?;
            let compared = head.compare(dense, pruned, &targets, budget)?;
            costs.extend(compared.iter().map(|token| token.divergence));
        }
        Ok(costs)
    }
}
