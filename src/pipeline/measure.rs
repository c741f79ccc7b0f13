//! Second moments of one part's inputs over all calibration windows.

use std::sync::Arc;

use candle_core::Tensor;

use crate::{
    model::Block,
    prune::{self, Moment, Part, Target},
};

use super::{
    BlockCut, Error, Notice, Pass, Streams,
    chunks::windows_per_chunk,
    cut::HeadCut,
    moments::{Failed, Moments},
    notice::{Observer, emit},
    pass::{after_part, part_inputs},
};

/// The statistics of one part's inputs over all windows.
pub struct Measured {
    pub moment: Moment,
    /// T = E[(W x + h − h̃) x̃ᵀ] [hidden, n], row-major, for the dense-stream target.
    pub toward_dense: Option<Vec<f64>>,
}

/// The second moments of one layer, valid while the layer's inputs are unchanged.
#[derive(Default)]
pub struct MomentCache {
    attention: Option<Arc<Measured>>,
    /// The FFN's moments, with the cut of the attention during their measurement.
    mlp: Option<(Option<Arc<HeadCut>>, Arc<Measured>)>,
}

/// The quantities to measure in a part.
pub(super) enum Wanted {
    Nothing,
    Moments,
    /// Nothing, because the moments are known.
    Cached(Arc<Measured>),
}

/// The kept inputs of the scored weight [windows, seq_len, n], indexed by batch.
pub(super) type Inputs = Vec<Option<Tensor>>;

impl MomentCache {
    pub(super) fn get(&self, part: Part, cut: &BlockCut, target: Target) -> Option<Arc<Measured>> {
        let known = match part {
            Part::Attention => self.attention.as_ref(),
            Part::Mlp => {
                self.mlp.as_ref().filter(|(heads, _)| heads.as_ref() == cut.heads()).map(|(_, known)| known)
            }
        };
        let enough = |known: &&Arc<Measured>| match target {
            Target::Layer => true,
            Target::DenseStream => known.toward_dense.is_some(),
        };
        known.filter(enough).cloned()
    }

    pub(super) fn set(&mut self, part: Part, cut: &BlockCut, measured: Arc<Measured>) {
        match part {
            Part::Attention => self.attention = Some(measured),
            Part::Mlp => self.mlp = Some((cut.heads().cloned(), measured)),
        }
    }
}

impl Pass<'_> {
    /// Runs a part over all windows: accumulates the moments of the inputs x̃ of the scored weight [hidden,
    /// n] if requested, and returns the inputs themselves if `keep`. The part is not cut yet, so the dense
    /// stream passes through the same block. On a group of ranks, only the first has the moments.
    pub(super) fn measure(
        &self,
        part: Part,
        block: &Block,
        streams: &mut Streams,
        (wanted, n, keep): (Wanted, usize, bool),
        observer: &mut Observer<'_>,
    ) -> Result<(Option<Arc<Measured>>, Inputs), Error> {
        let (layer, hidden) = (block.layer(), self.checkpoint.architecture().hidden);
        let add_up = matches!(wanted, Wanted::Moments);
        let toward_dense = self.settings.objective.target == Target::DenseStream && streams.dense.is_some();
        let cross = toward_dense.then_some(hidden);
        let mut moments = add_up.then(|| match &streams.share {
            Some(share) => Moments::on_ranks(share, n, cross),
            None => Moments::new(self.device, n, cross),
        });
        let each = windows_per_chunk(streams.seq_len()) as u64;
        let (own, total) = (streams.windows() as u64, self.windows.samples() as u64);
        let mut done = 0;
        let mut inputs = Vec::with_capacity(streams.pruned.batches.len());
        for batch in 0..streams.pruned.batches.len() {
            let h = &streams.pruned.batches[batch];
            let x = part_inputs(block, part, h, &streams.rope)?;
            let mut wished = None;
            if let Some(dense) = &mut streams.dense {
                let h_dense = &dense.batches[batch];
                let x_dense = part_inputs(block, part, h_dense, &streams.rope)?;
                let h_next = after_part(block, part, h_dense, &x_dense)?;
                if add_up && toward_dense {
                    wished = Some(aim(block, part, (&x_dense, &h_next), h)?);
                }
                dense.batches[batch] = h_next;
            }
            if let Some(moments) = &mut moments {
                let first = done as usize;
                let windows = first..first + h.dims()[0];
                let windows = streams.share.as_ref().map_or(windows.clone(), |share| share.place(windows));
                let weights = self.weights_of(windows);
                let added = moments.add(&x, wished.as_ref(), weights);
                added.map_err(|cause| not_measured(layer, part, cause, observer))?;
            }
            done += h.dim(0)? as u64;
            inputs.push(keep.then_some(x));
            if let Some(moments) = moments.as_mut().filter(|_| done.is_multiple_of(each) || done == own) {
                moments.end_chunk().map_err(|cause| not_measured(layer, part, cause, observer))?;
            }
            let done = streams.done_by_all(done, total);
            emit(observer, Notice::Calibrating { layer, part, done, total })?;
        }
        let measured = match (wanted, moments) {
            (Wanted::Cached(measured), _) => Some(measured),
            (_, Some(moments)) => {
                let finished = moments.finish();
                let finished = finished.map_err(|cause| not_measured(layer, part, cause, observer))?;
                finished.map(|(moment, toward_dense)| Arc::new(Measured { moment, toward_dense }))
            }
            (_, None) => None,
        };
        Ok((measured, inputs))
    }
}

/// W x + (h − h̃) / f, where h + f · (W x + bias) is the dense stream after the part: the bias is added on both sides. If
/// a norm follows the part, W x alone, because no output of the part can compensate for h − h̃.
fn aim(block: &Block, part: Part, (x, h_next): (&Tensor, &Tensor), h: &Tensor) -> Result<Tensor, Error> {
    let Some(factor) = block.residual_factor() else { return scored_product(block, part, x) };
    let bias = match part {
        Part::Attention => block.o_bias(),
        Part::Mlp => block.down_bias(),
    };
    let aim = (h_next - h)?;
    let aim = if factor == 1.0 { aim } else { (aim / factor)? };
    Ok(match bias {
        Some(bias) => aim.broadcast_sub(bias)?,
        None => aim,
    })
}

/// W x, without the bias.
fn scored_product(block: &Block, part: Part, x: &Tensor) -> Result<Tensor, Error> {
    let weight = match part {
        Part::Attention => block.o_proj(),
        Part::Mlp => block.down_proj(),
    };
    Ok(x.broadcast_matmul(&weight.t()?)?)
}

fn not_measured(layer: usize, part: Part, cause: Failed, observer: &mut Observer<'_>) -> Error {
    match cause {
        Failed::Method(cause) => failed(layer, part, cause, observer),
        Failed::Tensors(cause) => cause,
    }
}

/// Reports a failure of the method, with layer and part.
pub(super) fn failed(layer: usize, part: Part, cause: prune::Error, observer: &mut Observer<'_>) -> Error {
    if !matches!(cause, prune::Error::Cancelled { .. }) {
        // The pass ends regardless of the observer's answer.
        let _ = observer(Notice::PartFailed { layer, part, cause: &cause.to_string() });
    }
    Error::Part { layer, part, cause }
}
