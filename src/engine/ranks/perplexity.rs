//! The perplexity of a model on a group of ranks: each passes its own windows through the blocks.

use std::{cell::RefCell, ops::ControlFlow};

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::{
    cluster::{self, Group, f64_bytes, f64_values},
    config::Machine,
    eval::{EvaluationStreams, Perplexity},
    model::{Checkpoint, LayerSize},
    pipeline::{
        BlockCut, CutModel, Cuts,
        ranks::{cut_bytes, cut_of_bytes, windows_of_rank},
    },
};

use super::super::{Error, machine::number_type};

/// A measurement. All windows have the same length.
#[derive(Serialize, Deserialize)]
pub struct Asked {
    /// Name of the text, for errors.
    pub text: String,
    pub seq_len: usize,
    pub bos: Option<u32>,
    pub machine: Machine,
    /// By layer, the heads, key-value heads and channels of the pruned model; None for the dense model.
    pub sizes: Option<Vec<(usize, usize, usize)>>,
}

/// The cut of the layer that the first rank has sent.
#[derive(Default)]
struct Received(RefCell<Option<BlockCut>>);

impl Cuts for Received {
    fn cut(&self, _: usize) -> Result<Option<BlockCut>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.borrow().clone())
    }
}

/// The sum of −ln p over the targets of each of these windows, on the first rank; None on the others. The first rank has the
/// cuts, and sends each before its layer.
pub fn losses(
    group: &Group,
    checkpoint: &Checkpoint,
    asked: &Asked,
    tokens: &[u32],
    cuts: Option<&dyn Cuts>,
    step: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Option<Vec<f64>>, Error> {
    let Asked { text, seq_len, bos, machine, sizes } = asked;
    let architecture = checkpoint.architecture();
    let windows: Vec<&[u32]> = tokens.chunks_exact(*seq_len).collect();
    let of_rank =
        |rank| windows_of_rank((windows.len(), *seq_len), (rank, group.size())).flatten().collect::<Vec<_>>();
    let (device, dtype) = (Device::Cpu, number_type(machine.dtype));
    let received = Received::default();
    let pruned = sizes.as_ref().map_or_else(
        || architecture.layers.clone(),
        |sizes| {
            let size = |&(heads, kv_heads, channels): &_| LayerSize { heads, kv_heads, channels };
            sizes.iter().map(size).collect()
        },
    );
    let model = CutModel::new(checkpoint, &received, pruned);
    let of_nothing = Perplexity {
        model: &model,
        tokens: &[],
        text,
        seq_len: *seq_len,
        bos: *bos,
        device: &device,
        dtype,
        memory_budget: machine.memory_budget.0,
    };
    let at_once = of_nothing.windows_at_once();
    // Every rank takes part in every round, because each receives the cuts.
    let rounds = (0..group.size()).map(|rank| of_rank(rank).len()).max().unwrap_or(0).div_ceil(at_once);
    let own = of_rank(group.rank());
    let layers = architecture.layers.len();
    let total = (rounds * (layers + 1)) as u64;
    let mut losses = Vec::with_capacity(own.len());
    for round in 0..rounds {
        let here = own.iter().skip(round * at_once).take(at_once);
        let here: Vec<u32> = here.flat_map(|&window| windows[window]).copied().collect();
        let of = Perplexity { tokens: &here, ..of_nothing };
        let mut streams: Option<EvaluationStreams> = match here.is_empty() {
            true => None,
            false => of.begin(u64::MAX)?,
        };
        let done = (round * (layers + 1)) as u64;
        for layer in 0..layers {
            if sizes.is_some() {
                let own = cuts.map(|cuts| cuts.cut(layer)).transpose().map_err(crate::model::Error::Cut)?;
                let own = own.map(|cut| cut_bytes(&cut.unwrap_or(BlockCut::new(layer))));
                let unreadable = |cause| cluster::Error::Unreadable { rank: 0, cause };
                let cut = cut_of_bytes(&group.broadcast(own)?).map_err(unreadable)?;
                received.0.replace(Some(cut));
            }
            if let Some(streams) = &mut streams {
                streams.pass(&of, layer, &mut |_| step(done + layer as u64, total))?;
            }
        }
        if let Some(streams) = &streams {
            losses.extend(streams.losses(&of, &mut |_| step(done + layers as u64, total))?);
        }
    }
    let mut bytes = Vec::new();
    f64_bytes(&losses, &mut bytes);
    let Some(gathered) = group.gather(bytes)? else { return Ok(None) };
    let mut in_order = vec![f64::NAN; windows.len()];
    for (rank, bytes) in gathered.iter().enumerate() {
        let own = of_rank(rank);
        if bytes.len() != 8 * own.len() {
            return Err(cluster::Error::Length { rank, expected: 8 * own.len(), found: bytes.len() }.into());
        }
        own.into_iter().zip(f64_values(bytes)).for_each(|(window, loss)| in_order[window] = loss);
    }
    Ok(Some(in_order))
}
