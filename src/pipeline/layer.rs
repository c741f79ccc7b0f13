//! One layer. Both parts of its block are treated alike: measure, solve, propagate.

use std::time::{Duration, Instant};

use candle_core::Tensor;

use crate::{
    cluster::Work,
    config::Solver,
    model::{Block, LayerSize, select_columns},
    prune::{
        self, AttentionUnit, LayerRatio, LayerRecord, Outcome, Part, PartRecord, StreamErrors, Target, Units,
    },
};

use super::{
    BlockCut, Error, LayerPlan, MomentCache, Notice, Pass, Removals, Streams,
    cut::Means,
    measure::{Inputs, Measured, Wanted, failed},
    notice::{Observer, emit},
    pass::{after_part, inputs_stay, part_inputs},
    plan::{seed_of, units, untouched_part},
    ranks::Asked,
    stream::with_values,
};

/// The treatment of a part.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the comment of each variant explains its fields")]
pub enum Task<'a> {
    /// Remove this number of units; `solver` replaces the solver of the settings.
    Solve { removals: Removals, solver: Option<Solver> },
    /// Keep the part unchanged.
    Keep,
    /// Apply an earlier cut again.
    Reuse { record: &'a PartRecord, cut: &'a BlockCut },
}

/// The point to which the streams are propagated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagate {
    /// To the output of the layer.
    ToOutput,
    /// Only as far as needed for the record.
    RecordOnly,
}

/// The treatment of a layer.
pub struct LayerTask<'a> {
    /// Index of the layer, from 0.
    pub layer: usize,
    /// The ratio for the record; the tasks contain the counts.
    pub ratio: LayerRatio,
    /// The unit of the attention.
    pub unit: AttentionUnit,
    /// The treatment of the attention.
    pub attention: Task<'a>,
    /// The treatment of the FFN.
    pub mlp: Task<'a>,
    /// The point to which the streams are propagated.
    pub propagate: Propagate,
}

/// A finished layer.
pub struct SolvedLayer {
    /// Its record for `run.json`.
    pub record: LayerRecord,
    /// Both streams behind each part, if errors are tracked.
    pub stream_errors: Option<StreamErrors>,
    /// Its cut.
    pub cut: BlockCut,
    /// Time spent solving, excluding the observer.
    pub solve_seconds: f64,
}

/// A layer in progress.
pub(super) struct Layer {
    pub index: usize,
    /// The size before pruning.
    pub size: LayerSize,
    /// The unit of the attention.
    pub unit: AttentionUnit,
    /// The block. A part is original until it is measured and solved; then its removed weights are freed. By
    /// then, the dense stream has passed the part.
    pub block: Block,
    pub cut: BlockCut,
    solve_seconds: f64,
}

/// The data that [`prune::PruneProblem`] borrows.
pub(super) struct Problem {
    /// [hidden, n]
    pub weight: Tensor,
    units: Units,
    seed: u64,
    remove: usize,
    scheduled: usize,
    solver: Solver,
}

impl LayerTask<'_> {
    /// The tasks of a layer in a run.
    pub fn of_plan(layer: usize, plan: &LayerPlan) -> Self {
        let task = |removals: Option<Removals>| {
            removals.map_or(Task::Keep, |removals| Task::Solve { removals, solver: None })
        };
        Self {
            layer,
            ratio: plan.ratio,
            unit: plan.unit,
            attention: task(plan.attention),
            mlp: task(plan.mlp),
            propagate: Propagate::ToOutput,
        }
    }
}

impl Pass<'_> {
    /// Measures, prunes and propagates a layer; the streams end at its output. Only one block's weights are
    /// in memory. If `known` is given, moments are read from it and stored in it.
    ///
    /// # Errors
    /// [`Error::Part`] with the layer and the part if the method fails; [`Error::NotFinite`],
    /// [`Error::Overflow`], an error for an unreadable model, and [`Error::Cancelled`] if the observer
    /// breaks.
    pub fn layer(
        &self,
        task: &LayerTask,
        streams: &mut Streams,
        known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<SolvedLayer, Error> {
        let Some(share) = &streams.share else { return self.layer_with(task, streams, known, observer) };
        let (asked, cuts) = Asked::layer(task);
        let (command, into) = asked.command(self.settings, share, &cuts);
        let group = share.group.clone();
        streams.share = Some(into);
        // Other ranks have no cached moments.
        group.lead(Work::Pass, command, || self.layer_with(task, streams, None, observer))
    }

    /// [`Pass::layer`] on this rank's windows. On a group of ranks, the first solves the parts, and the records of the others
    /// are those of unchanged parts.
    pub(super) fn layer_with(
        &self,
        task: &LayerTask,
        streams: &mut Streams,
        mut known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<SolvedLayer, Error> {
        let index = task.layer;
        let mut layer = self.open(index, task.unit)?;
        let propagate = if self.tracks() { Propagate::ToOutput } else { task.propagate };
        let between = self.between(task, propagate, known.as_deref());
        let mut part = |part, what, propagate, known: Option<&mut MomentCache>, streams: &mut Streams| {
            let (record, inputs) =
                self.decide((part, what, propagate), &mut layer, streams, known, observer)?;
            emit(observer, Notice::PartDone { layer: index, part, record: &record, cut: &layer.cut })?;
            match propagate {
                Propagate::ToOutput => self.propagate(part, &layer, streams, inputs, observer)?,
                Propagate::RecordOnly => {}
            }
            let compared = if self.tracks() { streams.compared()? } else { None };
            Ok::<_, Error>((record, compared))
        };
        let (attention, behind_attention) =
            part(Part::Attention, task.attention, between, known.as_deref_mut(), streams)?;
        let (mlp, behind_mlp) = part(Part::Mlp, task.mlp, propagate, known, streams)?;
        if !streams.are_finite()? {
            return Err(Error::NotFinite { layer: index });
        }
        let output_error = behind_mlp.map(|(_, relative)| relative);
        let stream_errors = behind_attention.zip(behind_mlp);
        let stream_errors = stream_errors.map(|((attention, _), (mlp, _))| StreamErrors { attention, mlp });
        let record = LayerRecord { index, ratio: task.ratio, attention, mlp, output_error };
        Ok(SolvedLayer { record, stream_errors, cut: layer.cut, solve_seconds: layer.solve_seconds })
    }

    fn tracks(&self) -> bool {
        self.settings.evaluation.track_errors.is_on()
    }

    /// Whether the streams must reach the point between the parts.
    fn between(&self, task: &LayerTask, propagate: Propagate, known: Option<&MomentCache>) -> Propagate {
        let mut cut = BlockCut::new(task.layer);
        let measured = match (task.attention, task.mlp) {
            (_, Task::Keep | Task::Reuse { .. }) => true,
            // The cut is known only after the part is solved.
            (Task::Solve { .. }, Task::Solve { .. }) => false,
            (attention, Task::Solve { .. }) => {
                if let Task::Reuse { cut: earlier, .. } = attention {
                    cut.copy_part(Part::Attention, earlier);
                }
                known
                    .is_some_and(|known| known.get(Part::Mlp, &cut, self.settings.objective.target).is_some())
            }
        };
        if measured { propagate } else { Propagate::ToOutput }
    }

    pub(super) fn open(&self, layer: usize, unit: AttentionUnit) -> Result<Layer, Error> {
        let block = self.checkpoint.block(layer, self.device, self.dtype)?;
        let (size, cut) = (block.size(), BlockCut::new(layer));
        Ok(Layer { index: layer, size, unit, block, cut, solve_seconds: 0.0 })
    }

    /// Measures, prunes and propagates one part. Both streams end at the output of the part.
    pub(super) fn part(
        &self,
        part: Part,
        task: Task,
        layer: &mut Layer,
        streams: &mut Streams,
        known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<PartRecord, Error> {
        let (record, inputs) =
            self.decide((part, task, Propagate::ToOutput), layer, streams, known, observer)?;
        self.propagate(part, layer, streams, inputs, observer)?;
        Ok(record)
    }

    /// Measures a part if needed, and cuts it. The dense stream ends at the output of the part, the pruned
    /// stream at its input.
    fn decide(
        &self,
        (part, task, propagate): (Part, Task, Propagate),
        layer: &mut Layer,
        streams: &mut Streams,
        mut known: Option<&mut MomentCache>,
        observer: &mut Observer<'_>,
    ) -> Result<(PartRecord, Inputs), Error> {
        let Layer { index, size, unit, .. } = *layer;
        let head_dim = self.checkpoint.architecture().head_dim;
        let (count, width, picked) = units(part, &size, head_dim, unit, self.settings);
        let wanted = match task {
            Task::Solve { .. } => {
                let found = known
                    .as_ref()
                    .and_then(|known| known.get(part, &layer.cut, self.settings.objective.target));
                found.map_or(Wanted::Moments, Wanted::Cached)
            }
            Task::Keep | Task::Reuse { .. } => Wanted::Nothing,
        };
        let (measured, inputs) = match (propagate, wanted) {
            // No stream needs to pass through the part.
            (Propagate::RecordOnly, Wanted::Nothing) => (None, Vec::new()),
            (Propagate::RecordOnly, Wanted::Cached(measured)) => (Some(measured), Vec::new()),
            (_, wanted) => {
                let keep = propagate == Propagate::ToOutput && self.footprint().keeps(part, index);
                self.measure(part, &layer.block, streams, (wanted, count * width, keep), observer)?
            }
        };
        if let (Some(known), Some(measured)) = (&mut known, &measured) {
            known.set(part, &layer.cut, measured.clone());
        }

        let record = match (task, measured) {
            (Task::Solve { removals, solver }, Some(measured)) => {
                let began = Instant::now();
                let problem = self.problem(part, layer, picked, (removals, solver))?;
                let (outcome, away) = self.solve(part, index, &problem, &measured, observer)?;
                let mut mean_error = None;
                if !outcome.removed.is_empty() {
                    let means = self.settings.objective.bias_compensation;
                    let means =
                        means.then(|| means_of(part, layer, &problem, &measured, &outcome)).transpose()?;
                    mean_error = means.as_ref().map(|(_, error)| *error);
                    let means = means.as_ref().map(|(means, _)| means);
                    layer.cut.set(part, &outcome, means, (size, unit), self.checkpoint)?;
                }
                layer.solve_seconds += began.elapsed().saturating_sub(away).as_secs_f64();
                let untouched = untouched_part(part, &size, head_dim, unit, self.settings);
                PartRecord { mean_error, ..record(outcome, untouched) }
            }
            (Task::Reuse { record, cut }, _) => {
                layer.cut.copy_part(part, cut);
                record.clone()
            }
            (Task::Solve { .. }, None) | (Task::Keep, _) => {
                untouched_part(part, &size, head_dim, unit, self.settings)
            }
        };
        if let (Some(share), Task::Solve { .. }) = (&streams.share, task) {
            share.share_cut(part, &mut layer.cut)?;
        }
        layer.cut.narrow(part, &mut layer.block)?;
        Ok((record, inputs))
    }

    /// Propagates the pruned stream through a part that is already cut. `inputs` are the inputs of the whole
    /// scored weight.
    fn propagate(
        &self,
        part: Part,
        layer: &Layer,
        streams: &mut Streams,
        inputs: Inputs,
        observer: &mut Observer<'_>,
    ) -> Result<(), Error> {
        let (index, block) = (layer.index, &layer.block);
        let columns = layer.cut.columns(part, self.checkpoint.architecture().head_dim, self.device)?;
        let total = self.windows.samples() as u64;
        let ranks = streams.share.as_ref().map_or(1, |share| share.group.size() as u64);
        let mut done = 0;
        for (h, x) in streams.pruned.batches.iter_mut().zip(inputs) {
            let x = match (x, &columns) {
                (Some(x), None) => x,
                (Some(x), Some(columns)) if inputs_stay(block, part) => select_columns(&x, columns)?,
                (_, _) => part_inputs(block, part, h, &streams.rope)?,
            };
            *h = after_part(block, part, h, &x)?;
            done += h.dim(0)? as u64 * ranks;
            let done = done.min(total);
            emit(observer, Notice::Propagating { layer: index, part, done, total })?;
        }
        Ok(())
    }

    pub(super) fn problem(
        &self,
        part: Part,
        layer: &Layer,
        units: Units,
        (removals, solver): (Removals, Option<Solver>),
    ) -> Result<Problem, Error> {
        let scored = match part {
            Part::Attention => layer.block.o_proj(),
            Part::Mlp => layer.block.down_proj(),
        };
        let groups = match units {
            Units::Heads { per_group: Some(_), .. } => layer.size.kv_heads,
            Units::Heads { per_group: None, .. } | Units::Channels { .. } => 1,
        };
        let solver = solver.unwrap_or(self.settings.solver);
        let (remove, scheduled) = (removals.units / groups, removals.scheduled / groups);
        let seed = seed_of(self.settings.calibration.seed, layer.index, part);
        Ok(Problem { weight: scored.clone(), units, seed, remove, scheduled, solver })
    }

    /// Selects the units to remove and fits the kept columns. Also returns the time spent in the observer,
    /// which may have paused.
    fn solve(
        &self,
        part: Part,
        layer: usize,
        problem: &Problem,
        measured: &Measured,
        observer: &mut Observer<'_>,
    ) -> Result<(Outcome, Duration), Error> {
        let mut away = Duration::ZERO;
        let outcome = with_values(&problem.weight, |weight| {
            prune::prune(&self.posed(weight, problem, measured), &mut |progress| {
                let began = Instant::now();
                let answer = observer(Notice::Solving { layer, part, progress });
                away += began.elapsed();
                answer
            })
        })?;
        outcome.map(|outcome| (outcome, away)).map_err(|cause| failed(layer, part, cause, observer))
    }

    /// `weight` contains the problem's weight, row-major.
    pub(super) fn posed<'p>(
        &self,
        weight: &'p [f32],
        problem: &Problem,
        measured: &'p Measured,
    ) -> prune::PruneProblem<'p> {
        prune::PruneProblem {
            weight,
            rows: self.checkpoint.architecture().hidden,
            moment: &measured.moment,
            units: problem.units,
            score: problem.solver.score,
            seed: problem.seed,
            remove: problem.remove,
            scheduled: Some(problem.scheduled),
            refine: problem.solver.refine,
            damping: problem.solver.damping,
            compensate: problem.solver.compensation,
            solver_dtype: self.settings.objective.solver_dtype,
            target_weight: self.settings.objective.stream_weight,
            target: match self.settings.objective.target {
                Target::Layer => None,
                Target::DenseStream => measured.toward_dense.as_deref(),
            },
        }
    }
}

/// The means that a bias preserves, and ‖E[Δy]‖² / E‖y‖² without it.
fn means_of(
    part: Part,
    layer: &Layer,
    problem: &Problem,
    measured: &Measured,
    outcome: &Outcome,
) -> Result<(Means, f64), Error> {
    let (block, moment, width) = (&layer.block, &measured.moment, problem.units.width());
    let columns = outcome.kept.iter().flat_map(|unit| unit * width..(unit + 1) * width);
    let inputs: Vec<f64> = columns.map(|column| moment.mean(column)).collect();
    let all: Vec<f64> = (0..moment.n()).map(|column| moment.mean(column)).collect();
    let mut output: Vec<f64> = with_values(&problem.weight, |weight| {
        let row = |row: &[f32]| row.iter().zip(&all).map(|(&w, x)| f64::from(w) * x).sum();
        weight.chunks_exact(all.len()).map(row).collect()
    })?;
    let left = outcome.weight.chunks_exact(inputs.len()).zip(&output).map(|(row, mean)| {
        let left = mean - row.iter().zip(&inputs).map(|(w, x)| w * x).sum::<f64>();
        left * left
    });
    let left: f64 = left.sum();
    let bias = match part {
        Part::Attention => block.o_bias(),
        Part::Mlp => block.down_bias(),
    };
    if let Some(bias) = bias {
        with_values(bias, |bias| output.iter_mut().zip(bias).for_each(|(mean, &b)| *mean += f64::from(b)))?;
    }
    let error = if outcome.energy > 0.0 { left / outcome.energy } else { 0.0 };
    Ok((Means { output, inputs }, error))
}

/// The record of a part for `run.json`, from that of the part before pruning.
fn record(outcome: Outcome, untouched: PartRecord) -> PartRecord {
    PartRecord {
        kept: outcome.kept,
        removed: outcome.removed,
        step_errors: outcome.step_errors,
        group_sizes: outcome.group_sizes,
        relative_error: outcome.relative_error,
        refined: outcome.refined,
        scheduled: outcome.scheduled,
        hessian: Some(outcome.hessian),
        ..untouched
    }
}
