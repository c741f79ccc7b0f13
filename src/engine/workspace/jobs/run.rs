//! A run: solves the layers from one to the last. Each new attempt is activated at once.

use std::rc::Rc;

use candle_core::{DType, Device};

use crate::{
    config::Settings,
    export,
    pipeline::{self, Footprint, LayerPlan, LayerTask, Pass, Propagate, Removals, Streams, Task},
    protocol::{Attempt, Event, JobKind, Method, Methods, OnCancel, RunRecord, Seconds, Statistics, job},
    prune::{LayerRatio, Part, Schedule, StreamErrors},
    session::{FileStamp, PendingRun, Target},
};

use crate::engine::{
    calibrate::{Calibration, check_reach, resolved},
    describe::{model_record, planned},
    evaluate::check_window,
    evaluation::{Evaluation, Measurement},
    place,
};

use super::{
    super::session_writer::{IncompleteAttempt, SavedPart},
    Announce, AttemptWriter, Context, Error, PartFiles, PartOrigin, Work, Workspace,
    compare_streams::emit_output_error,
    plan_by,
    put_back::Before,
    run_state::RunState,
};

/// A run, either as the explorer's job or as part of a command.
pub struct PruneLayers {
    /// The first layer; equal to the number of layers if only the end of an earlier run is missing.
    pub from: usize,
    /// Ratios, indexed by layer; empty if the run first has to search for them.
    pub ratios: Vec<LayerRatio>,
    pub settings: Settings,
    pub methods: Methods,
    /// The output of the run; saved for resuming.
    pub target: Option<Target>,
    /// Time so far, including earlier processes.
    pub seconds: Seconds,
}

/// A run with complete settings, before its texts are read.
struct ReadyRun {
    from: usize,
    /// One per layer; empty if the run must search for them first.
    ratios: Vec<LayerRatio>,
    settings: Settings,
    target: Option<Target>,
    /// The texts at the start of the run.
    texts: Vec<FileStamp>,
}

impl ReadyRun {
    fn is_to_be_searched(&self) -> bool {
        self.settings.ratios.schedule == Schedule::Auto && self.ratios.is_empty()
    }

    /// Refuses ratios that do not fit the model, and sizes that the formats of the output cannot express.
    fn check(&self, workspace: &Workspace<'_>) -> Result<(), Error> {
        if self.is_to_be_searched() {
            return Ok(());
        }
        let (checkpoint, architecture) = (workspace.checkpoint, workspace.checkpoint.architecture());
        let run_state = RunState::new(self.settings.clone(), self.ratios.clone(), None, architecture)?;
        if self.target.is_some() {
            let settings = &self.settings;
            let planned = pipeline::planned(architecture, &run_state.plan);
            let added = |part| settings.objective.bias_compensation && settings.prunes(part);
            let planned = planned.with_output_biases(added(Part::Attention), added(Part::Mlp));
            export::check(checkpoint, &planned, &settings.output)?;
        }
        Ok(())
    }

    fn pending(&self) -> PendingRun {
        let Self { from: _, ratios, settings, target, texts } = self;
        let (settings, ratios) = (settings.clone(), ratios.clone());
        PendingRun { settings, ratios, target: target.clone(), texts: texts.clone() }
    }
}

/// A run after its texts are read.
struct Prepared<'m> {
    run_state: RunState,
    calibration: Rc<Calibration>,
    measurement: Option<Measurement<'m>>,
    /// The measurement on the second text.
    guard: Option<Measurement<'m>>,
}

impl Work for job::Run {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        let Self { from, ratios, settings, methods, on_cancel } = self;
        let (settings, target, seconds) = (*settings, None, Seconds::default());
        let before = match on_cancel {
            OnCancel::KeepFinished => None,
            OnCancel::PutBack => Some(Before::of(workspace)),
        };
        let is_whole = from == 0 && methods == Methods::OfRun;
        if is_whole {
            let given = (!ratios.is_empty()).then_some(&ratios[..]);
            let warnings = check_reach(&settings, given, workspace.checkpoint.architecture())?;
            warnings.into_iter().for_each(|warning| context.emit(warning));
        }
        let run = PruneLayers { from, ratios, settings, methods, target, seconds };
        match (workspace.run(run, context), before) {
            (Ok(record), _) => Ok(Event::RunDone { record: Box::new(record) }),
            (Err(error), Some(before)) if error.is_cancelled() => {
                workspace.put_back(before, context)?;
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl Workspace<'_> {
    /// Prunes layers, and measures perplexity if the settings name a text. Returns the record of the run.
    pub fn run(&mut self, run: PruneLayers, context: &mut Context) -> Result<RunRecord, Error> {
        let (checkpoint, architecture) = (self.checkpoint, self.checkpoint.architecture());
        let PruneLayers { from, ratios, settings, methods, target, mut seconds } = run;
        if from < architecture.layers.len() {
            self.attempts.above(from)?;
        }
        let settings = resolved(settings, architecture)?;
        let (device, dtype) = self.forward(&settings.machine)?;
        if settings.evaluation.text.is_some() || settings.evaluation.guard.is_some() {
            check_window("eval-seq-len", &settings.evaluation, checkpoint)?;
        }
        let evaluations = [Evaluation::of_run(&settings), Evaluation::of_guard(&settings)];
        let texts = place::text_stamps(&settings.calibration.texts, self.base.as_deref());
        let ready = ReadyRun { from, ratios, settings, target: target.clone(), texts };
        // Checks that need no texts come first.
        ready.check(self)?;
        let pending = ready.pending();
        let begun = self.begin_session(pending, [Event::JobStarted { kind: JobKind::Run }], context)?;
        let prepared = self.prepare(ready, &evaluations, (&device, dtype), context);
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.refuse_run(begun, &error, context);
                return Err(error);
            }
        };
        if begun.is_new() {
            self.announce_session(context);
        }
        let Prepared { mut run_state, calibration, mut measurement, guard } = prepared;
        let (settings, before) = (run_state.settings.clone(), seconds.total);
        self.settings.clone_from(&settings);
        let setup = self.save_setup(&settings, &calibration, context)?;
        self.session.save_run_state((from, setup), &run_state.ratios, target.as_ref(), seconds)?;
        let from = match methods {
            Methods::OfRun => from,
            Methods::AsTuned => self.reuse_attempts(from, &run_state, context)?,
        };
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        if let Some(measurement) =
            measurement.as_mut().filter(|of| from == 0 && !of.has_before() && context.ranks().is_none())
        {
            let room = self.room_beside(&pass);
            context.timed(&mut seconds.evaluate, |_| measurement.begin_between(checkpoint, room))?;
        }
        let times = (setup, before, &mut seconds);
        self.run_layers((from, methods), &mut run_state, &pass, measurement.as_mut(), times, context)?;
        // The first text is measured last, so its perplexity is the newest one.
        if let Some(mut guard) = guard {
            context.timed(&mut seconds.evaluate, |context| self.measure_both(&mut guard, context))?;
        }
        if let Some(measurement) = &mut measurement {
            context.timed(&mut seconds.evaluate, |context| {
                self.finish_before(measurement, context)?;
                self.measure_after(measurement, context)?;
                if measurement.has_before() { Ok(()) } else { self.measure_before(measurement, context) }
            })?;
        }
        seconds.total = before + context.seconds();
        self.seconds = seconds;
        self.session.save_finish(seconds)?;
        let perplexity = measurement.map(|measurement| measurement.record);
        self.record(run_state.settings, &calibration, perplexity, seconds)
    }

    /// Searches for the ratios if they are missing, and reads the texts.
    fn prepare<'m>(
        &mut self,
        mut run: ReadyRun,
        [evaluation, guard]: &'m [Option<Evaluation>; 2],
        forward: (&'m Device, DType),
        context: &mut Context,
    ) -> Result<Prepared<'m>, Error> {
        let (checkpoint, architecture) = (self.checkpoint, self.checkpoint.architecture());
        let (mut measurement, mut guarded) = (None, None);
        if run.is_to_be_searched() {
            // The size of the evaluation counts in the progress of the search.
            measurement = self.open_measurement(&run.settings, evaluation.as_ref(), forward, context)?;
            guarded = self.open_guard(&run.settings, guard.as_ref(), forward, context)?;
            run.ratios = self.search(&run.settings, context)?.ratios().to_vec();
            self.session.save_pending(Some(run.pending()))?;
            run.check(self)?;
        }
        let ReadyRun { from, ratios, settings, target: _, texts: _ } = run;
        let found = self.search.as_ref().map(|search| search.ratios());
        let run_state = RunState::new(settings, ratios, found, architecture)?;
        let settings = &run_state.settings;
        context.emit(Event::RunStarted {
            from,
            model: model_record(checkpoint, architecture)?,
            settings: Box::new(settings.clone()),
            plan: run_state.plan.iter().zip(&architecture.layers).map(planned).collect(),
        });
        let calibration = self.calibration(settings, Announce::Always, context)?;
        if measurement.is_none() {
            measurement = self.open_measurement(settings, evaluation.as_ref(), forward, context)?;
        }
        if guarded.is_none() {
            guarded = self.open_guard(settings, guard.as_ref(), forward, context)?;
        }
        Ok(Prepared { run_state, calibration, measurement, guard: guarded })
    }

    /// Reads the evaluation text, if there is one, and announces its size.
    fn open_measurement<'m>(
        &mut self,
        settings: &Settings,
        evaluation: Option<&'m Evaluation>,
        forward: (&'m Device, DType),
        context: &mut Context,
    ) -> Result<Option<Measurement<'m>>, Error> {
        let Some(evaluation) = evaluation else { return Ok(None) };
        evaluation.warn(&settings.calibration.texts, context);
        let base = self.base.as_deref();
        let mut measurement = Measurement::new(evaluation, forward, self.checkpoint, base, context)?;
        self.begin_evaluation(&mut measurement, context)?;
        Ok(Some(measurement))
    }

    /// Activates attempts that were made with the method and inputs the run would use. Returns the first
    /// layer to solve.
    fn reuse_attempts(
        &mut self,
        from: usize,
        run_state: &RunState,
        context: &mut Context,
    ) -> Result<usize, Error> {
        let made_with = run_state.settings.of_layer();
        let counts = self.planned_counts(&run_state.settings);
        for layer in from..run_state.plan.len() {
            if !self.attempts.is_stale(layer, Some(run_state.ratios[layer]), &counts) {
                continue;
            }
            let tuned = self.attempts.tuned(layer, run_state.ratios[layer]);
            let method =
                tuned.unwrap_or_else(|| Method::of_run(&run_state.settings, run_state.plan[layer].ratio));
            let same = self.attempts.same_as(layer, &method, &made_with);
            let readable = |number: &usize| {
                self.attempts.get(layer, *number).is_some_and(|made| self.active().cut_of(made).is_ok())
            };
            let Some(number) = same.filter(readable) else { return Ok(layer) };
            if self.attempts.numbers()[layer] != Some(number) {
                self.save_choice(layer, Some(number))?;
                context.emit(Event::AttemptActivated { layer, attempt: Some(number) });
            }
        }
        Ok(run_state.plan.len())
    }

    /// Bytes of the memory budget that a pass leaves in its largest phase.
    fn room_beside(&self, pass: &Pass) -> u64 {
        let footprint = Footprint {
            architecture: self.checkpoint.architecture(),
            settings: pass.settings,
            samples: pass.windows.samples(),
            seq_len: pass.windows.seq_len(),
            dtype: pass.dtype,
        };
        let layers = 0..self.checkpoint.architecture().layers.len();
        let most = layers.map(|layer| footprint.most(layer)).max().unwrap_or(0);
        pass.settings.machine.memory_budget.0.saturating_sub(most)
    }

    /// Solves the layers. The dense model is measured between them. `before` is the time taken by earlier processes, in seconds.
    fn run_layers(
        &mut self,
        (from, methods): (usize, Methods),
        run_state: &mut RunState,
        pass: &Pass,
        mut measurement: Option<&mut Measurement>,
        (mut setup, before, seconds): (usize, f64, &mut Seconds),
        context: &mut Context,
    ) -> Result<(), Error> {
        if from >= run_state.plan.len() {
            return Ok(());
        }
        let (began, earlier) = (context.seconds(), *seconds);
        let mut streams = self.layer_inputs(from, pass, context)?;
        for layer in from..run_state.plan.len() {
            if context.checkpoint().is_break() {
                return Err(Error::Cancelled);
            }
            if let Some(ratios) = context.replanned() {
                setup = self.replan(run_state, layer, (&ratios, setup), context)?;
            }
            self.cache_streams(layer, &streams, pass.settings);
            let tuned = match methods {
                Methods::OfRun => None,
                Methods::AsTuned => self.attempts.tuned(layer, run_state.ratios[layer]),
            };
            let solved =
                self.run_layer((layer, tuned), &run_state.plan[layer], pass, setup, &mut streams, context)?;
            let Solving { record, stream_errors, attempt, seconds: solving } = solved;
            seconds.solve += solving;
            let solve = seconds.solve - earlier.solve;
            let evaluate = seconds.evaluate - earlier.evaluate;
            seconds.calibration = earlier.calibration + context.seconds() - began - solve - evaluate;
            seconds.total = before + context.seconds();
            self.attempts.choose(layer, Some(attempt.number))?;
            let number = attempt.number;
            self.save_attempt_end((layer, number), (record.output_error, stream_errors), Some(*seconds))?;
            context.emit(Event::LayerDone { record, attempt });
            emit_output_error((layer, Some(number)), None, stream_errors, context);
            if let Some(measurement) = &mut measurement {
                let checkpoint = self.checkpoint;
                context.timed(&mut seconds.evaluate, |context| {
                    measurement.pass_between(checkpoint, layer, context)
                })?;
            }
        }
        Ok(())
    }

    /// Solves one layer. Parts saved by an earlier process are kept.
    fn run_layer(
        &mut self,
        (layer, tuned): (usize, Option<Method>),
        plan: &LayerPlan,
        pass: &Pass<'_>,
        setup: usize,
        streams: &mut Streams,
        context: &mut Context,
    ) -> Result<Solving, Error> {
        let size = self.checkpoint.architecture().layers[layer];
        let (plan, settings) = match &tuned {
            None => (plan.clone(), pass.settings.clone()),
            Some(method) => plan_by(&size, method, pass.settings)?,
        };
        let method = tuned.unwrap_or_else(|| Method::of_run(&settings, plan.ratio));
        let run_settings = pass.settings;
        let pass = &Pass { settings: &settings, ..*pass };
        let above = self.attempts.above(layer)?;
        let begun = self.session.incomplete(layer, &method, &above, run_settings);
        let number = begun.as_ref().map_or(self.attempts.next_number(layer), |begun| begun.number);
        context.emit(Event::LayerStarted { layer, attempt: number, method: method.clone() });
        let attempt = Attempt { number, above, method: method.clone() };
        let IncompleteAttempt { attention, mlp, .. } =
            begun.unwrap_or(IncompleteAttempt { number, attention: None, mlp: None });
        for (part, begun) in [(Part::Attention, &attention), (Part::Mlp, &mlp)] {
            emit_statistics(layer, part, begun.as_ref(), context);
        }
        let task = LayerTask {
            layer,
            ratio: plan.ratio,
            unit: plan.unit,
            attention: task(attention.as_ref(), plan.attention, &method, Part::Attention),
            mlp: task(mlp.as_ref(), plan.mlp, &method, Part::Mlp),
            propagate: Propagate::ToOutput,
        };
        let origin =
            |begun: &Option<SavedPart>| if begun.is_some() { PartOrigin::Saved } else { PartOrigin::Solved };
        let origins = (origin(&attention), origin(&mlp));
        let mut writer = AttemptWriter::new(self.session.get_mut(), (layer, &attempt, setup), origins);
        let solved = pass.layer(&task, streams, None, &mut |notice| writer.handle(notice, context));
        let solved = writer.outcome(solved);
        self.reserve_numbers(layer);
        let solved = solved?;
        let (seconds, stream_errors) = (solved.solve_seconds, solved.stream_errors);
        if let Some((record, attempt)) = self.equal_attempt(&solved, &attempt, run_settings) {
            // The layers below were solved on this attempt, so they remain up to date.
            self.drop_attempt(layer, number)?;
            return Ok(Solving { record, stream_errors, attempt, seconds });
        }
        let files = PartFiles { attention: number, mlp: number };
        let record = self.add_attempt(solved, &attempt, files, run_settings);
        Ok(Solving { record, stream_errors, attempt, seconds })
    }

    /// Continues with other ratios from `layer` on. Invalid ratios are ignored with a warning.
    fn replan(
        &mut self,
        run_state: &mut RunState,
        layer: usize,
        (ratios, setup): (&[LayerRatio], usize),
        context: &mut Context,
    ) -> Result<usize, Error> {
        match run_state.replanned(layer, ratios, self.checkpoint.architecture()) {
            Ok(replanned) => {
                *run_state = replanned;
                self.settings.clone_from(&run_state.settings);
                let calibration = self.calibration(&run_state.settings, Announce::WhenDrawn, context)?;
                let setup = self.save_setup(&run_state.settings, &calibration, context)?;
                self.session.save_ratios(&run_state.ratios, setup)?;
                Ok(setup)
            }
            Err(error) => {
                let message = format!("the new ratios are ignored: {error}");
                context.emit(Event::Warning { message });
                Ok(setup)
            }
        }
    }
}

/// A layer being solved.
struct Solving {
    record: crate::prune::LayerRecord,
    stream_errors: Option<StreamErrors>,
    attempt: Attempt,
    seconds: f64,
}

/// The remaining work on a part.
fn task<'b>(
    begun: Option<&'b SavedPart>,
    removals: Option<Removals>,
    method: &Method,
    part: Part,
) -> Task<'b> {
    match (begun, removals) {
        (Some(SavedPart { record, cut, .. }), _) => Task::Reuse { record, cut },
        (None, Some(removals)) => {
            Task::Solve { removals, solver: method.of_part(part).map(|part| part.solver) }
        }
        (None, None) => Task::Keep,
    }
}

/// Emits the statistics of a part that an earlier process saved, because the frontend has not received them.
fn emit_statistics(layer: usize, part: Part, begun: Option<&SavedPart>, context: &mut Context) {
    if let Some(seen) = begun.and_then(|begun| begun.statistics.clone()) {
        let Statistics { stats, picture, scores, energy } = seen;
        context.emit(Event::HessianStatistics { layer, part, stats, picture, scores, energy });
    }
}
