//! A pass of the calibration windows through the blocks, and the steps that every kind of pass is made of.

use candle_core::{DType, Device, Tensor};

use crate::{
    calibration::Windows,
    config::{Part, Settings},
    model::{Block, Checkpoint, Rope},
};

use super::{
    BlockCut, Error, Notice,
    notice::{Observer, tell},
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
    pub fn lay_down(&self) -> Vec<Laid> {
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
    pub fn take_up(&self, laid: &[Laid]) -> Result<Option<Streams>, Error> {
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
        let ends = self.checkpoint.ends(self.device, self.dtype)?;
        let pruned = Stream::embed(self.windows, &ends)?;
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
        let original = self.checkpoint.block(layer, self.device, self.dtype)?;
        let head_dim = self.checkpoint.architecture().head_dim;
        let mut block = original.clone();
        let mut parts = Vec::with_capacity(2);
        for part in [Part::Attention, Part::Mlp] {
            let columns = cut.map(|cut| {
                cut.narrow(part, &mut block)?;
                cut.columns(part, head_dim, self.device)
            });
            parts.push((part, columns.transpose()?.flatten(), self.keeps(part, original.size().channels)));
        }
        let total = self.windows.samples() as u64;
        let mut done = 0;
        for (batch, h) in streams.pruned.batches.iter_mut().enumerate() {
            for (part, columns, kept) in &parts {
                let x = match columns {
                    Some(columns) if *kept => {
                        part_inputs(&original, *part, h, &streams.rope)?.index_select(columns, 2)?
                    }
                    Some(_) | None => part_inputs(&block, *part, h, &streams.rope)?,
                };
                *h = (&*h + part_output(&block, *part, &x)?)?;
            }
            if let Some(dense) = &mut streams.dense {
                dense.batches[batch] = original.forward(&dense.batches[batch], &streams.rope)?;
            }
            done += h.dim(0)? as u64;
            tell(observer, Notice::Passing { layer, done, total })?;
        }
        Ok(())
    }

    /// True where the inputs of all windows are kept between measuring and propagating: the attention's always, the
    /// FFN's where they fit beside the streams.
    pub(super) fn keeps(&self, part: Part, channels: usize) -> bool {
        match part {
            Part::Attention => true,
            Part::Mlp => {
                let streams = 1 + usize::from(self.settings.needs_dense_stream());
                let hidden = self.checkpoint.architecture().hidden * streams;
                let tokens = self.windows.tokens().len();
                ((channels + hidden) * tokens * self.dtype.size_in_bytes()) as u64
                    <= self.settings.machine.memory_budget.0
            }
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
