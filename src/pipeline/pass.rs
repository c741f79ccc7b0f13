//! A pass of the calibration windows through the blocks, and the steps that all kinds of passes share.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::{
    calibration::{TokenWeights, Windows},
    cluster::{Group, Work},
    config::Settings,
    model::{Block, Checkpoint, Rope, select_columns},
    prune::{Part, StreamError, StreamErrors},
};

use super::{
    BlockCut, Error, Footprint, Notice,
    chunks::{batches, chunks, windows_per_chunk},
    compared::{ComparedChunk, compared},
    notice::{Observer, emit},
    ranks::{Asked, Share, weight_bytes},
    stream::Stream,
};

/// The inputs of a pass.
pub struct Pass<'a> {
    /// The model.
    pub checkpoint: &'a Checkpoint,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The calibration windows.
    pub windows: &'a Windows,
    /// Weights of their tokens in the second moments; None if all are equal.
    pub weights: Option<&'a TokenWeights>,
    /// The device of the forward passes.
    pub device: &'a Device,
    /// The number type of the forward passes.
    pub dtype: DType,
}

/// The two streams on their way through the blocks. Cheap to clone, because a pass replaces tensors instead
/// of changing them.
#[derive(Clone)]
pub struct Streams {
    /// The residual stream of the pruned model.
    pub pruned: Stream,
    /// The residual stream of the dense model, if errors are tracked or the dense stream is the target.
    pub dense: Option<Stream>,
    pub(super) rope: Rope,
    /// This rank's share of the windows; None if one process passes all of them.
    pub(super) share: Option<Share>,
    hidden: usize,
}

impl Streams {
    /// Bytes of the hidden states.
    pub fn bytes(&self) -> u64 {
        self.pruned.bytes() + self.dense.as_ref().map_or(0, Stream::bytes)
    }

    /// Whether a group of ranks passes the windows. The hidden states are then those of this rank's windows.
    pub fn are_dealt(&self) -> bool {
        self.share.is_some()
    }

    /// Windows that all ranks have passed when this rank has passed `done`, for progress.
    pub(super) fn done_by_all(&self, done: u64, total: u64) -> u64 {
        self.share.as_ref().map_or(done, |share| (done * share.group.size() as u64).min(total))
    }

    /// Whether all hidden states of the pruned stream are finite, on all ranks.
    pub(super) fn are_finite(&self) -> Result<bool, Error> {
        let own = self.pruned.is_finite()?;
        self.share.as_ref().map_or(Ok(own), |share| Ok(share.group.all(own)?))
    }

    /// Compares the pruned stream with the dense one over all tokens, and returns E‖h − h_dense‖² / E‖h_dense‖² too; None
    /// without a dense stream, and on all ranks but the first.
    pub(super) fn compared(&self) -> Result<Option<(StreamError, f64)>, Error> {
        let Some(dense) = &self.dense else { return Ok(None) };
        let chunks = self.pruned.compare(dense, windows_per_chunk(self.seq_len()))?;
        let Some(share) = &self.share else { return Ok(Some(compared(&chunks))) };
        let length = ComparedChunk::bytes_for(self.hidden);
        let chunks = share.by_chunk(&chunks, ComparedChunk::bytes, ComparedChunk::of_bytes, length)?;
        Ok(chunks.map(|chunks| compared(&chunks)))
    }

    /// Number of windows whose hidden states these are.
    pub fn windows(&self) -> usize {
        self.pruned.batches.iter().map(|h| h.dims()[0]).sum()
    }

    /// Number of windows of all ranks.
    pub fn all_windows(&self) -> usize {
        self.share.as_ref().map_or_else(|| self.windows(), Share::samples)
    }

    /// Drops all windows but the first ones; of streams that are dealt over ranks, none.
    ///
    /// # Errors
    /// If the device fails.
    pub fn keep_first(&mut self, windows: usize) -> Result<(), Error> {
        if self.are_dealt() {
            return Ok(());
        }
        self.pruned.keep_first(windows)?;
        self.dense.as_mut().map_or(Ok(()), |dense| dense.keep_first(windows))
    }

    /// Tokens per window.
    pub fn seq_len(&self) -> usize {
        self.rope.positions()
    }

    /// The number type of the forward pass.
    pub fn dtype(&self) -> DType {
        self.rope.dtype()
    }
}

/// A stored tensor of a stream, in its own number type.
pub struct StreamTensor {
    /// `pruned.0`, `pruned.1`, …, `dense.0`, …
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// Little-endian numbers, row-major.
    pub bytes: Vec<u8>,
}

impl Streams {
    /// The hidden states, one tensor per batch.
    pub fn serialised(&self) -> Vec<StreamTensor> {
        let streams = [Some(("pruned", &self.pruned)), self.dense.as_ref().map(|dense| ("dense", dense))];
        let stored = |(stream, of): (&str, &Stream)| {
            let batches = of.batches.iter().enumerate();
            let batches = batches.map(|(batch, h)| StreamTensor {
                name: format!("{stream}.{batch}"),
                dtype: h.dtype(),
                shape: h.dims().to_vec(),
                bytes: safetensors::View::data(h).into_owned(),
            });
            batches.collect::<Vec<_>>()
        };
        streams.into_iter().flatten().flat_map(stored).collect()
    }
}

impl Pass<'_> {
    /// Weights of the tokens of these windows; None if all are equal.
    pub(super) fn weights_of(&self, windows: std::ops::Range<usize>) -> Option<&[f32]> {
        let seq_len = self.windows.seq_len();
        self.weights.map(|weights| &weights.values()[windows.start * seq_len..windows.end * seq_len])
    }

    /// Restores the stored streams; None if they do not belong to these windows.
    ///
    /// # Errors
    /// If the device fails.
    pub fn restore(&self, stored: &[StreamTensor]) -> Result<Option<Streams>, Error> {
        let stream = |name: &str| -> Result<Vec<Tensor>, Error> {
            let named = |batch: usize| format!("{name}.{batch}");
            let batches = (0..).map_while(|batch| stored.iter().find(|tensor| tensor.name == named(batch)));
            let tensor = |stored: &StreamTensor| {
                Ok(Tensor::from_raw_buffer(&stored.bytes, stored.dtype, &stored.shape, self.device)?)
            };
            batches.map(tensor).collect()
        };
        let (pruned, dense) = (stream("pruned")?, stream("dense")?);
        let tokens = self.windows.tokens().len() * self.checkpoint.architecture().hidden;
        let whole = |batches: &[Tensor]| batches.iter().map(Tensor::elem_count).sum::<usize>() == tokens;
        if !whole(&pruned) || !(dense.is_empty() || whole(&dense)) {
            return Ok(None);
        }
        let (pruned, dense) = (Stream { batches: pruned }, Stream { batches: dense });
        let each = windows_per_chunk(self.windows.seq_len());
        if !pruned.is_in_chunks(each) || !dense.is_in_chunks(each) {
            return Ok(None);
        }
        let rope = self.checkpoint.rope(self.windows.seq_len(), self.device, self.dtype)?;
        let dense = (!dense.batches.is_empty()).then_some(dense);
        Ok(Some(Streams { pruned, dense, rope, share: None, hidden: self.checkpoint.architecture().hidden }))
    }

    /// The streams at the input of the first block.
    ///
    /// # Errors
    /// As for [`Checkpoint::embed`].
    pub fn enter(&self) -> Result<Streams, Error> {
        self.enter_with(None)
    }

    /// [`Pass::enter`] with the windows dealt over a group of ranks, which this rank leads.
    ///
    /// # Errors
    /// As for [`Pass::enter`], on any rank.
    pub(crate) fn enter_on(&self, group: &Arc<Group>) -> Result<Streams, Error> {
        let (samples, seq_len) = (self.windows.samples(), self.windows.seq_len());
        let share = Share::first(group, samples, seq_len);
        let tokens = self.windows.tokens().iter().flat_map(|token| token.to_le_bytes()).collect();
        let weights = self.weights.map(|weights| weights.spread().clone());
        let blocks = [tokens, weight_bytes(self.windows, self.weights)];
        let asked = Asked::Enter { samples, seq_len, weights };
        let (command, share) = asked.command(self.settings, &share, &blocks);
        group.lead(Work::Pass, command, || self.enter_with(Some(share)))
    }

    /// The streams of this rank's share.
    pub(super) fn enter_with(&self, share: Option<Share>) -> Result<Streams, Error> {
        let at_once = self.footprint().windows_at_once();
        let embed = |batch: &[&[u32]]| Ok(self.checkpoint.embed(batch, self.device, self.dtype)?);
        let pruned = match &share {
            None => {
                let chunks = chunks(self.windows.samples(), self.windows.seq_len());
                Stream::embed(self.windows, batches(chunks, at_once), embed)?
            }
            Some(share) => Stream::embed(self.windows, batches(share.chunks(), at_once), embed)?,
        };
        let dense = self.settings.needs_dense_stream().then(|| pruned.clone());
        let rope = self.checkpoint.rope(self.windows.seq_len(), self.device, self.dtype)?;
        Ok(Streams { pruned, dense, rope, share, hidden: self.checkpoint.architecture().hidden })
    }

    /// Passes the streams through a solved layer, with the same result as during the solve. Without a cut,
    /// the layer is the original one.
    ///
    /// # Errors
    /// If the block cannot be read; [`Error::NotFinite`], and [`Error::Cancelled`] if the observer breaks.
    pub fn through(
        &self,
        layer: usize,
        cut: Option<&BlockCut>,
        streams: &mut Streams,
        observer: &mut Observer<'_>,
    ) -> Result<(), Error> {
        let Some(share) = &streams.share else { return self.through_with(layer, cut, streams, observer) };
        let (asked, cuts) = Asked::through(layer, cut);
        let (command, into) = asked.command(self.settings, share, &cuts);
        let group = share.group.clone();
        streams.share = Some(into);
        group.lead(Work::Pass, command, || self.through_with(layer, cut, streams, observer))
    }

    /// [`Pass::through`] on this rank's windows.
    pub(super) fn through_with(
        &self,
        layer: usize,
        cut: Option<&BlockCut>,
        streams: &mut Streams,
        observer: &mut Observer<'_>,
    ) -> Result<(), Error> {
        self.through_parts(layer, cut, streams, observer, &mut |_| Ok(()))
    }

    /// [`Pass::through`], comparing both streams behind each part. Also returns E‖h − h_dense‖² / E‖h_dense‖² of the output,
    /// which equals that of the solve.
    ///
    /// # Errors
    /// As for [`Pass::through`]; also if there is no dense stream.
    pub fn compared_through(
        &self,
        layer: usize,
        cut: Option<&BlockCut>,
        streams: &mut Streams,
        observer: &mut Observer<'_>,
    ) -> Result<(StreamErrors, f64), Error> {
        let mut behind = Vec::new();
        self.through_parts(layer, cut, streams, observer, &mut |streams| {
            behind.extend(streams.compared()?);
            Ok(())
        })?;
        match behind[..] {
            [(attention, _), (mlp, relative)] => Ok((StreamErrors { attention, mlp }, relative)),
            _ => {
                Err(candle_core::Error::Msg("expected a dense stream to compare with, found none".into())
                    .into())
            }
        }
    }

    /// Passes the streams through both parts; `behind` is called behind each.
    fn through_parts(
        &self,
        layer: usize,
        cut: Option<&BlockCut>,
        streams: &mut Streams,
        observer: &mut Observer<'_>,
        behind: &mut dyn FnMut(&Streams) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut block = self.checkpoint.block(layer, self.device, self.dtype)?;
        let head_dim = self.checkpoint.architecture().head_dim;
        let total = self.windows.samples() as u64;
        let mut done = 0;
        for part in [Part::Attention, Part::Mlp] {
            let mut cut_block = block.clone();
            if let Some(cut) = cut {
                cut.narrow(part, &mut cut_block)?;
            }
            let columns = cut.map(|cut| cut.columns(part, head_dim, self.device)).transpose()?.flatten();
            let columns = columns.filter(|_| self.footprint().keeps(part, layer));
            for (batch, h) in streams.pruned.batches.iter_mut().enumerate() {
                let x = match &columns {
                    Some(columns) if inputs_stay(&block, part) => {
                        select_columns(&part_inputs(&block, part, h, &streams.rope)?, columns)?
                    }
                    Some(_) | None => part_inputs(&cut_block, part, h, &streams.rope)?,
                };
                *h = after_part(&cut_block, part, h, &x)?;
                if let Some(dense) = &mut streams.dense {
                    let h = &mut dense.batches[batch];
                    *h = after_part(&block, part, h, &part_inputs(&block, part, h, &streams.rope)?)?;
                }
                done += h.dim(0)? as u64;
                // A window is done after it has passed both parts.
                let done = streams.share.as_ref().map_or(done, |share| done * share.group.size() as u64) / 2;
                emit(observer, Notice::Passing { layer, done: done.min(total), total })?;
            }
            block = cut_block;
            behind(streams)?;
        }
        Ok(())
    }

    /// The memory of this pass.
    pub(super) fn footprint(&self) -> Footprint<'_> {
        Footprint {
            architecture: self.checkpoint.architecture(),
            settings: self.settings,
            samples: self.windows.samples(),
            seq_len: self.windows.seq_len(),
            dtype: self.dtype,
        }
    }
}

/// x: the input of the part's scored weight, [windows, seq_len, n].
pub(super) fn part_inputs(block: &Block, part: Part, h: &Tensor, rope: &Rope) -> Result<Tensor, Error> {
    Ok(match part {
        Part::Attention => block.attention_context(h, rope)?,
        Part::Mlp => block.mlp_activation(h)?,
    })
}

/// Whether removing inputs of the scored weight leaves the kept inputs unchanged.
pub(super) fn inputs_stay(block: &Block, part: Part) -> bool {
    match part {
        Part::Attention => block.heads_are_independent(),
        Part::Mlp => true,
    }
}

/// The residual stream h [windows, seq_len, hidden] after the part, whose scored weight has the input x.
pub(super) fn after_part(block: &Block, part: Part, h: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
    Ok(match part {
        Part::Attention => block.after_attention(h, x)?,
        Part::Mlp => block.after_mlp(h, x)?,
    })
}
