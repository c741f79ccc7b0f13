//! The pass over the layers (algorithm.md: steps 1 to 5), both parts of a block alike.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};

use crate::{
    calibration::Windows,
    config::{Part, Settings, Target},
    model::{Architecture, Block, Checkpoint, Rope},
    prune::{self, CrossMoment, LayerRecord, Moment, Outcome, PartRecord, SecondMoment, Units},
};

use super::{
    Error, LayerPlan, Notice,
    cut::BlockCut,
    notice::Observer,
    plan::units,
    stream::{Stream, values},
};

/// What a pass works on.
pub struct Pass<'a, 'c> {
    pub checkpoint: &'c Checkpoint,
    pub settings: &'a Settings,
    pub plan: &'a [LayerPlan],
    pub windows: &'a Windows,
    pub device: &'a Device,
    pub dtype: DType,
}

/// What a pass leaves.
pub struct Finished {
    pub layers: Vec<LayerRecord>,
    /// The sizes after pruning.
    pub architecture: Architecture,
    /// Forward passes and second moments.
    pub calibration_seconds: f64,
    pub solve_seconds: f64,
}

/// One block with what it is done to.
struct Layer<'a> {
    index: usize,
    plan: &'a LayerPlan,
    /// Changes as its parts are pruned.
    block: Block,
    /// The block as it came; weights are shared, not copied.
    original: Block,
}

/// The two streams, on their way through the blocks.
struct Streams {
    pruned: Stream,
    /// Present where errors are tracked or the target is the dense stream.
    dense: Option<Stream>,
    rope: Rope,
    solve_seconds: f64,
}

/// What one part's forward pass over all windows leaves.
struct Measured {
    moment: Moment,
    /// T = E[(W x + h − h̃) x̃ᵀ] [hidden, n], row-major, for the dense-stream target.
    toward_dense: Option<Vec<f64>>,
}

impl<'c> Pass<'_, 'c> {
    /// Prunes every layer of the plan, from the first to the last. Only one block's weights are in memory.
    pub fn run(&self, observer: &mut Observer<'_, 'c>) -> Result<Finished, Error> {
        let began = Instant::now();
        let ends = self.checkpoint.ends(self.device, self.dtype)?;
        let pruned = Stream::embed(self.windows, &ends)?;
        drop(ends);
        let dense = self.settings.needs_dense_stream().then(|| pruned.clone());
        let rope = self.checkpoint.rope(self.windows.seq_len(), self.device, self.dtype)?;
        let mut streams = Streams { pruned, dense, rope, solve_seconds: 0.0 };
        let mut architecture = self.checkpoint.architecture().clone();
        let mut layers = Vec::with_capacity(self.plan.len());
        for (index, plan) in self.plan.iter().enumerate() {
            tell(observer, Notice::LayerStarted { layer: index })?;
            let block = self.checkpoint.block(index, self.device, self.dtype)?;
            let mut cut = BlockCut::new(index, block.size(), self.settings.attention_unit);
            let mut layer = Layer { index, plan, original: block.clone(), block };
            let attention = self.part(Part::Attention, &mut layer, &mut streams, &mut cut, observer)?;
            let mlp = self.part(Part::Mlp, &mut layer, &mut streams, &mut cut, observer)?;
            let output_error = match &streams.dense {
                Some(dense) if self.settings.track_errors => Some(streams.pruned.error_against(dense)?),
                _ => None,
            };
            if !streams.pruned.is_finite()? {
                return Err(Error::NotFinite { layer: index });
            }
            let record = LayerRecord { index, ratio: plan.ratio, attention, mlp, output_error };
            architecture.layers[index] = layer.block.size();
            tell(observer, Notice::LayerDone { record: &record, tensors: cut.tensors(self.checkpoint)? })?;
            layers.push(record);
        }
        Ok(Finished {
            layers,
            architecture,
            calibration_seconds: began.elapsed().as_secs_f64() - streams.solve_seconds,
            solve_seconds: streams.solve_seconds,
        })
    }
}

impl<'c> Pass<'_, 'c> {
    /// Measures, prunes and propagates one part. Both streams end behind the part.
    fn part(
        &self,
        part: Part,
        layer: &mut Layer<'_>,
        streams: &mut Streams,
        cut: &mut BlockCut,
        observer: &mut Observer<'_, 'c>,
    ) -> Result<PartRecord, Error> {
        let index = layer.index;
        let remove = match part {
            Part::Attention => layer.plan.attention,
            Part::Mlp => layer.plan.mlp,
        };
        let (units, width, picked) =
            units(part, &layer.block.size(), self.checkpoint.architecture().head_dim, self.settings);
        let (measured, inputs) =
            self.measure(part, layer, streams, remove.is_some(), units * width, observer)?;

        let record = match (remove, measured) {
            (Some(remove), Some(measured)) => {
                let began = Instant::now();
                let outcome = self.solve(part, layer, picked, remove, &measured, observer)?;
                if !outcome.removed.is_empty() {
                    cut.apply(part, &outcome, &mut layer.block, self.checkpoint)?;
                }
                streams.solve_seconds += began.elapsed().as_secs_f64();
                record(outcome, units, width)
            }
            _ => PartRecord::untouched(units, width),
        };
        tell(observer, Notice::PartDone { layer: index, part, record: &record })?;

        let columns = columns(&record.kept, width, self.device)?;
        let total = self.windows.samples() as u64;
        let mut done = 0;
        for (h, x) in streams.pruned.batches.iter_mut().zip(inputs) {
            let x = match x {
                Some(x) if record.removed.is_empty() => x,
                Some(x) => x.index_select(&columns, 2)?,
                None => part_inputs(&layer.block, part, h, &streams.rope)?,
            };
            *h = (&*h + part_output(&layer.block, part, &x)?)?;
            done += h.dim(0)? as u64;
            tell(observer, Notice::Propagating { layer: index, part, done, total })?;
        }
        Ok(record)
    }

    /// Picks the units that leave and fits the rest.
    fn solve(
        &self,
        part: Part,
        layer: &Layer<'_>,
        units: Units,
        remove: usize,
        measured: &Measured,
        observer: &mut Observer<'_, 'c>,
    ) -> Result<Outcome, Error> {
        let scored = match part {
            Part::Attention => layer.block.o_proj(),
            Part::Mlp => layer.block.down_proj(),
        };
        let groups = match units {
            Units::Heads { per_group: Some(_), .. } => layer.block.size().kv_heads,
            Units::Heads { per_group: None, .. } | Units::Channels { .. } => 1,
        };
        let problem = prune::Part {
            weight: &values(scored)?,
            rows: self.checkpoint.architecture().hidden,
            moment: &measured.moment,
            units,
            remove: remove / groups,
            damping: self.settings.damping,
            compensate: self.settings.compensation,
            target: measured.toward_dense.as_deref(),
        };
        let layer = layer.index;
        prune::prune(&problem, &mut |progress| observer(Notice::Solving { layer, part, progress }))
            .map_err(|cause| failed(layer, part, cause, observer))
    }

    /// The inputs x̃ of the scored weight over all windows: their moments where the part is to be pruned, and the inputs
    /// themselves, kept for the attention always and for the FFN while they fit the budget. The dense stream goes on.
    fn measure(
        &self,
        part: Part,
        layer: &Layer<'_>,
        streams: &mut Streams,
        prune: bool,
        n: usize,
        observer: &mut Observer<'_, 'c>,
    ) -> Result<(Option<Measured>, Vec<Option<Tensor>>), Error> {
        let hidden = self.checkpoint.architecture().hidden;
        let keep = part == Part::Attention || self.fits(n, streams.dense.is_some());
        let mut moment = prune.then(|| SecondMoment::new(n));
        let mut cross =
            (prune && self.settings.target == Target::DenseStream).then(|| CrossMoment::new(hidden, n));
        let total = self.windows.samples() as u64;
        let mut done = 0;
        let mut inputs = Vec::with_capacity(streams.pruned.batches.len());
        for (batch, h) in streams.pruned.batches.iter().enumerate() {
            let x = part_inputs(&layer.block, part, h, &streams.rope)?;
            let x_values = if prune { values(&x)? } else { Vec::new() };
            if let Some(moment) = &mut moment {
                moment.add(&x_values).map_err(|cause| failed(layer.index, part, cause, observer))?;
            }
            if let Some(dense) = &mut streams.dense {
                let h_dense = &dense.batches[batch];
                let x_dense = part_inputs(&layer.original, part, h_dense, &streams.rope)?;
                let y_dense = part_output(&layer.original, part, &x_dense)?;
                let h_next = (h_dense + &y_dense)?;
                if let Some(cross) = &mut cross {
                    // The bias is added on both sides: the aim is W x + h − h̃.
                    let bias = match part {
                        Part::Attention => layer.original.o_bias(),
                        Part::Mlp => layer.original.down_bias(),
                    };
                    let mut aim = (&h_next - h)?;
                    if let Some(bias) = bias {
                        aim = aim.broadcast_sub(bias)?;
                    }
                    cross
                        .add(&values(&aim)?, &x_values)
                        .map_err(|cause| failed(layer.index, part, cause, observer))?;
                }
                dense.batches[batch] = h_next;
            }
            done += h.dim(0)? as u64;
            inputs.push(keep.then_some(x));
            tell(observer, Notice::Calibrating { layer: layer.index, part, done, total })?;
        }
        let mut fail = |cause| failed(layer.index, part, cause, observer);
        let measured = match moment {
            Some(moment) => Some(Measured {
                moment: moment.finish().map_err(&mut fail)?,
                toward_dense: cross.map(CrossMoment::finish).transpose().map_err(&mut fail)?,
            }),
            None => None,
        };
        Ok((measured, inputs))
    }

    /// True where the FFN's activations of all windows fit beside the streams.
    fn fits(&self, channels: usize, dense: bool) -> bool {
        let tokens = self.windows.tokens().len();
        let hidden = self.checkpoint.architecture().hidden * (1 + usize::from(dense));
        ((channels + hidden) * tokens * self.dtype.size_in_bytes()) as u64
            <= self.settings.machine.memory_budget.0
    }
}

/// x: the input of the part's scored weight, [windows, seq_len, n].
fn part_inputs(block: &Block, part: Part, h: &Tensor, rope: &Rope) -> Result<Tensor, Error> {
    Ok(match part {
        Part::Attention => block.attention_context(h, rope)?,
        Part::Mlp => block.mlp_activation(h)?,
    })
}

/// What the part adds to the residual stream, [windows, seq_len, hidden].
fn part_output(block: &Block, part: Part, x: &Tensor) -> Result<Tensor, Error> {
    Ok(match part {
        Part::Attention => block.attention_output(x)?,
        Part::Mlp => block.mlp_output(x)?,
    })
}

/// Columns of the scored weight that belong to the kept units.
fn columns(kept: &[usize], width: usize, device: &Device) -> Result<Tensor, Error> {
    let columns: Vec<u32> =
        kept.iter().flat_map(|unit| unit * width..(unit + 1) * width).map(|column| column as u32).collect();
    Ok(Tensor::new(columns, device)?)
}

/// What `run.json` holds of a part.
fn record(outcome: Outcome, units: usize, unit_width: usize) -> PartRecord {
    PartRecord {
        units,
        unit_width,
        kept: outcome.kept,
        removed: outcome.removed,
        step_errors: outcome.step_errors,
        group_sizes: outcome.group_sizes,
        relative_error: outcome.relative_error,
        hessian: Some(outcome.hessian),
    }
}

/// Tells a failure of the method, and gives it its place.
fn failed(layer: usize, part: Part, cause: prune::Error, observer: &mut Observer<'_, '_>) -> Error {
    if !matches!(cause, prune::Error::Cancelled { .. }) {
        // The pass ends in any case.
        let _ = observer(Notice::PartFailed { layer, part, cause: &cause.to_string() });
    }
    Error::Part { layer, part, cause }
}

fn tell<'c>(observer: &mut Observer<'_, 'c>, notice: Notice<'_, 'c>) -> Result<(), Error> {
    if observer(notice).is_break() { Err(Error::Cancelled) } else { Ok(()) }
}
