//! A pass of the calibration windows through the blocks, and the steps that every kind of pass is made of.

use candle_core::{DType, Device, Tensor};

use crate::{
    calibration::Windows,
    config::Settings,
    model::{Block, Checkpoint, Rope},
    prune::Part,
};

use super::{
    BlockCut, Error, Footprint, Notice,
    notice::{Observer, emit},
    stream::Stream,
};

/// What a pass works on.
pub struct Pass<'a> {
    pub checkpoint: &'a Checkpoint,
    pub settings: &'a Settings,
    pub windows: &'a Windows,
    pub device: &'a Device,
    pub dtype: DType,
}

/// The two streams, on their way through the blocks. Cheap to clone: a pass replaces tensors and changes none.
#[derive(Clone)]
pub struct Streams {
    pub pruned: Stream,
    /// Present where errors are tracked or the target is the dense stream.
    pub dense: Option<Stream>,
    pub(super) rope: Rope,
}

impl Streams {
    /// Bytes of the hidden states.
    pub fn bytes(&self) -> u64 {
        self.pruned.bytes() + self.dense.as_ref().map_or(0, Stream::bytes)
    }

    /// Windows in all.
    pub fn windows(&self) -> usize {
        self.pruned.batches.iter().map(|h| h.dims()[0]).sum()
    }

    /// Tokens in each of them.
    pub fn seq_len(&self) -> usize {
        self.rope.positions()
    }

    /// The number type of the forward pass.
    pub fn dtype(&self) -> DType {
        self.rope.dtype()
    }
}

/// A tensor of a stream as it is laid down: bytes in its own number type.
pub struct Laid {
    /// `pruned.0`, `pruned.1`, …, `dense.0`, …
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// Little-endian numbers, row by row.
    pub bytes: Vec<u8>,
}

impl Streams {
    /// The hidden states, batch by batch.
    pub fn serialised(&self) -> Vec<Laid> {
        let streams = [Some(("pruned", &self.pruned)), self.dense.as_ref().map(|dense| ("dense", dense))];
        let laid = |(stream, of): (&str, &Stream)| {
            let batches = of.batches.iter().enumerate();
            let batches = batches.map(|(batch, h)| Laid {
                name: format!("{stream}.{batch}"),
                dtype: h.dtype(),
                shape: h.dims().to_vec(),
                bytes: safetensors::View::data(h).into_owned(),
            });
            batches.collect::<Vec<_>>()
        };
        streams.into_iter().flatten().flat_map(laid).collect()
    }
}

impl Pass<'_> {
    /// The streams that were laid down; None where they are not those of these windows.
    pub fn restore(&self, laid: &[Laid]) -> Result<Option<Streams>, Error> {
        let stream = |name: &str| -> Result<Vec<Tensor>, Error> {
            let named = |batch: usize| format!("{name}.{batch}");
            let batches = (0..).map_while(|batch| laid.iter().find(|tensor| tensor.name == named(batch)));
            let tensor =
                |laid: &Laid| Ok(Tensor::from_raw_buffer(&laid.bytes, laid.dtype, &laid.shape, self.device)?);
            batches.map(tensor).collect()
        };
        let (pruned, dense) = (stream("pruned")?, stream("dense")?);
        let tokens = self.windows.tokens().len() * self.checkpoint.architecture().hidden;
        let whole = |batches: &[Tensor]| batches.iter().map(Tensor::elem_count).sum::<usize>() == tokens;
        if !whole(&pruned) || !(dense.is_empty() || whole(&dense)) {
            return Ok(None);
        }
        let rope = self.checkpoint.rope(self.windows.seq_len(), self.device, self.dtype)?;
        let dense = (!dense.is_empty()).then_some(Stream { batches: dense });
        Ok(Some(Streams { pruned: Stream { batches: pruned }, dense, rope }))
    }

    /// The streams at the input of the first block.
    pub fn enter(&self) -> Result<Streams, Error> {
        let pruned = Stream::embed(self.windows, self.footprint().windows_at_once(), |batch| {
            Ok(self.checkpoint.embed(batch, self.device, self.dtype)?)
        })?;
        let dense = self.settings.needs_dense_stream().then(|| pruned.clone());
        let rope = self.checkpoint.rope(self.windows.seq_len(), self.device, self.dtype)?;
        Ok(Streams { pruned, dense, rope })
    }

    /// Takes the streams through a layer that is solved already, to the same numbers as when it was; without a cut the
    /// layer is as it came.
    pub fn through(
        &self,
        layer: usize,
        cut: Option<&BlockCut>,
        streams: &mut Streams,
        observer: &mut Observer<'_>,
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
                    Some(columns) => part_inputs(&block, part, h, &streams.rope)?.index_select(columns, 2)?,
                    None => part_inputs(&cut_block, part, h, &streams.rope)?,
                };
                *h = (&*h + part_output(&cut_block, part, &x)?)?;
                if let Some(dense) = &mut streams.dense {
                    let h = &mut dense.batches[batch];
                    *h = (&*h + part_output(&block, part, &part_inputs(&block, part, h, &streams.rope)?)?)?;
                }
                done += h.dim(0)? as u64;
                // A window has passed when it has passed both parts.
                emit(observer, Notice::Passing { layer, done: done / 2, total })?;
            }
            block = cut_block;
        }
        Ok(())
    }

    /// What it holds in memory.
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

/// What the part adds to the residual stream, [windows, seq_len, hidden].
pub(super) fn part_output(block: &Block, part: Part, x: &Tensor) -> Result<Tensor, Error> {
    Ok(match part {
        Part::Attention => block.attention_output(x)?,
        Part::Mlp => block.mlp_output(x)?,
    })
}
