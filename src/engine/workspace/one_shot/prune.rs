//! `slimgpt prune` and `slimgpt resume`: a run, and its export.

use std::path::{Path, PathBuf};

use crate::{
    config::Settings,
    engine::{
        ModelChoice, SessionPlace,
        evaluation::{Evaluation, Measurement},
        publish::directory,
    },
    export::OutputDir,
    names::names,
    pipeline,
    protocol::{Event, JobKind, Methods, RunRecord, Seconds},
    prune::{LayerRatio, Schedule},
    session::{self, Target},
};

use super::{
    super::{
        Announce, Context, Error, Workspace,
        activation_cache::{ActivationCache, Reuse},
        check_reach,
        jobs::PruneLayers,
        opened,
        published::{for_later, is_own_output, is_written},
        resolved,
    },
    on_session,
};

/// Prunes a model.
pub struct PruneRun {
    pub model: ModelChoice,
    pub settings: Settings,
    /// Output path of the model; None keeps the result in the session only.
    pub out: Option<PathBuf>,
    /// Whether to replace an earlier export.
    pub force: bool,
    pub session: SessionPlace,
    /// A session that may contain a measured perplexity of the dense model on the same text.
    pub dense_from: Option<PathBuf>,
}

/// Prunes the model of an existing session again. Earlier attempts are kept.
pub struct PruneAgain {
    pub session: PathBuf,
    /// Current location of the model, if it was moved.
    pub model: Option<String>,
    pub settings: Settings,
    pub layers: Again,
    /// Output path of the model; None keeps the result in the session only.
    pub out: Option<PathBuf>,
    /// Whether to replace an earlier export.
    pub force: bool,
}

names! {
    /// The layers that a run in an existing session prunes.
    pub enum Again {
        /// every layer gets another attempt, unless the result is the same
        All = "all",
        /// only layers without an attempt, stale ones, and those planned with another ratio; the others keep their attempts
        Rest = "rest",
    }
}

/// Resumes the run of a session.
pub struct Resume {
    pub session: PathBuf,
    /// Current location of the model, if it was moved.
    pub model: Option<String>,
    /// Output path of the model, if it differs from that of the run.
    pub out: Option<PathBuf>,
    pub force: bool,
}

pub struct Resumed {
    pub record: RunRecord,
    /// Output path of the model; None if no path was given.
    pub out: Option<PathBuf>,
    /// True if nothing was left to do.
    pub was_finished: bool,
}

/// Prunes, measures, and exports if `out` is given. Returns the content of `OUT/run.json`.
pub fn prune(job: PruneRun, context: &mut Context) -> Result<RunRecord, Error> {
    let PruneRun { model, settings, out, force, session, dense_from } = job;
    let checkpoint = model.open(context)?;
    let warnings = check_reach(&settings, None, checkpoint.architecture())?;
    let settings = resolved(settings, checkpoint.architecture())?;
    let ratios = planned_ratios(&settings, checkpoint.architecture().layers.len())?;
    if let Some(out) = &out {
        OutputDir::check(out, force, directory(&checkpoint))?;
    }
    let opened = context.stamp(opened(&checkpoint)?);
    context.emit(opened.event.clone());
    context.emit(Event::JobStarted { kind: JobKind::Run });
    warnings.into_iter().for_each(|warning| context.emit(warning));
    let mut workspace = Workspace::new(&checkpoint, model, settings.clone(), session);
    workspace.activations = ActivationCache::reuse(Reuse::Later);
    workspace.session.early_events.push(opened);
    workspace.dense_from = dense_from;
    let target = out.as_deref().map(for_later).transpose()?.map(|path| Target { path, force });
    let (methods, seconds) = (Methods::OfRun, Seconds::default());
    let run = PruneLayers { from: 0, ratios, settings, methods, target, seconds };
    let record = workspace
        .run(run, context)
        .and_then(|record| end(&mut workspace, record, (out.as_deref(), force), context));
    workspace.close(context);
    record
}

/// The ratios of the schedule, indexed by layer; empty if a search has to find them.
fn planned_ratios(settings: &Settings, layers: usize) -> Result<Vec<LayerRatio>, Error> {
    Ok(match settings.ratios.schedule {
        Schedule::Auto => Vec::new(),
        _ => pipeline::scheduled(layers, settings)?,
    })
}

/// Exports if there is a path, and reports the end of a run.
fn end(
    workspace: &mut Workspace<'_>,
    record: RunRecord,
    (out, force): (Option<&Path>, bool),
    context: &mut Context,
) -> Result<RunRecord, Error> {
    match out {
        Some(out) => finish(workspace, out, force, context),
        None => {
            context.emit(Event::RunDone { record: Box::new(record.clone()) });
            Ok(record)
        }
    }
}

/// Prunes in an existing session with these settings, measures, and exports if `out` is given. The plan of the session
/// becomes that of the settings.
pub fn prune_again(job: PruneAgain, context: &mut Context) -> Result<RunRecord, Error> {
    let PruneAgain { session, model, settings, layers, out, force } = job;
    on_session(&session, model, context, |workspace, draft, context| {
        let checkpoint = workspace.checkpoint;
        let architecture = checkpoint.architecture();
        let warnings = check_reach(&settings, None, architecture)?;
        let settings = resolved(settings, architecture)?;
        let ratios = planned_ratios(&settings, architecture.layers.len())?;
        if let Some(out) = &out {
            OutputDir::check(out, force, directory(checkpoint))?;
        }
        context.emit(Event::JobStarted { kind: JobKind::Run });
        warnings.into_iter().for_each(|warning| context.emit(warning));
        workspace.drop_damaged(context)?;
        let target = out.as_deref().map(for_later).transpose()?.map(|path| Target { path, force });
        let (from, methods) = match layers {
            Again::All => (0, Methods::OfRun),
            Again::Rest => {
                let first = workspace.attempts.first_stale(&ratios, workspace.planned_counts(&settings));
                (first.unwrap_or(architecture.layers.len()), Methods::AsTuned)
            }
        };
        // `resume` reads the plan from the draft, also if this run is interrupted.
        let mut draft = draft;
        if let Some(draft) = &mut draft {
            *draft.settings = settings.clone();
            draft.ratios.clone_from(&ratios);
            context.save_draft(draft);
        }
        let run = PruneLayers { from, ratios, settings, methods, target, seconds: Seconds::default() };
        let record = workspace.run(run, context)?;
        if let Some(draft) = &mut draft {
            draft.ratios = record.layers.iter().map(|layer| layer.ratio).collect();
            context.save_draft(draft);
        }
        end(workspace, record, (out.as_deref(), force), context)
    })
}

/// Solves missing and stale layers, and exports the result.
pub fn resume(job: Resume, context: &mut Context) -> Result<Resumed, Error> {
    let Resume { session, model, out, force } = job;
    on_session(&session, model, context, |workspace, draft, context| {
        let (ratios, settings) = workspace.planned(draft, &session)?;
        workspace.drop_damaged(context)?;
        let state = workspace.session.get().map(|session| session.state().clone());
        let target = state.as_ref().and_then(|state| state.target().cloned());
        let run_state = state.and_then(|state| state.run_state.filter(|_| state.pending.is_none()));
        let finished = run_state.as_ref().is_some_and(|run_state| run_state.finished);
        let target = match out {
            Some(out) => Some(Target { path: for_later(&out)?, force }),
            None => target.map(|target| Target { force: target.force || force, ..target }),
        };
        let numbers = workspace.attempts.numbers();
        let written =
            target.as_ref().is_none_or(|target| is_written(workspace.session.get(), &target.path, numbers));
        let from = workspace.attempts.first_stale(&ratios, workspace.planned_counts(&settings));
        let finished = finished && (from.is_some() || workspace.is_measured(&settings, context)?);
        // An unchanged export of this session may be replaced.
        let target = target.map(|target| {
            let own = is_own_output(workspace.session.get(), &target.path);
            Target { force: target.force || own, ..target }
        });
        // A run that prunes also exports.
        if let Some(target) = target.as_ref().filter(|_| !written || from.is_some() || !finished) {
            OutputDir::check(&target.path, target.force, directory(workspace.checkpoint))?;
        }
        if from.is_none() && finished && written {
            let record = workspace.newest_record(context)?;
            return Ok(Resumed { record, out: target.map(|target| target.path), was_finished: true });
        }
        let mut record = None;
        if from.is_some() || !finished {
            let seconds =
                run_state.filter(|run_state| !run_state.finished).map(|run_state| run_state.seconds);
            let from = from.unwrap_or(workspace.attempts.numbers().len());
            let (target, seconds) = (target.clone(), seconds.unwrap_or_default());
            let methods = Methods::AsTuned;
            let run = PruneLayers { from, ratios, settings, methods, target, seconds };
            context.emit(Event::JobStarted { kind: JobKind::Run });
            record = Some(workspace.run(run, context)?);
        }
        let record = match (&target, record) {
            (Some(target), _) => finish(workspace, &target.path, target.force, context)?,
            (None, Some(record)) => {
                context.emit(Event::RunDone { record: Box::new(record.clone()) });
                record
            }
            (None, None) => workspace.newest_record(context)?,
        };
        Ok(Resumed { record, out: target.map(|target| target.path), was_finished: false })
    })
}

/// Exports the model at the end of a run.
fn finish(
    workspace: &mut Workspace<'_>,
    out: &Path,
    force: bool,
    context: &mut Context,
) -> Result<RunRecord, Error> {
    if context.checkpoint().is_break() {
        return Err(Error::Cancelled);
    }
    let form = workspace.settings.output.clone();
    let record = workspace.export(&form, out, force, context)?;
    context.emit(Event::RunDone { record: Box::new(record.clone()) });
    Ok(record)
}

impl Workspace<'_> {
    /// Deactivates attempts with damaged weights, so their layers are solved again.
    fn drop_damaged(&mut self, context: &mut Context) -> Result<(), Error> {
        for layer in 0..self.attempts.numbers().len() {
            match self.active().cut(layer) {
                Err(Error::Session(cause @ session::Error::Damaged { .. })) => {
                    self.attempts.choose(layer, None)?;
                    context.emit(Event::Warning { message: format!("{cause}; the layer is solved again") });
                }
                read => drop(read?),
            }
        }
        Ok(())
    }

    /// True if no perplexity is requested, or if it is known for the active attempts and the current text.
    fn is_measured(&mut self, settings: &Settings, context: &mut Context) -> Result<bool, Error> {
        for evaluation in [Evaluation::of_run(settings), Evaluation::of_guard(settings)].into_iter().flatten()
        {
            if !self.is_known(&evaluation, context)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// True if the perplexity is known for the active attempts and the current text.
    fn is_known(&mut self, evaluation: &Evaluation, context: &mut Context) -> Result<bool, Error> {
        let (device, dtype) = self.forward(&evaluation.machine)?;
        let measurement =
            Measurement::new(evaluation, (&device, dtype), self.checkpoint, self.base.as_deref(), context);
        Ok(match measurement {
            Ok(measurement) => self.knows(&measurement),
            Err(error) if error.is_cancelled() => return Err(error),
            // The perplexity cannot be measured again without the text.
            Err(_) => self.newest(evaluation).is_some(),
        })
    }

    /// The record of the model with the active attempts.
    fn newest_record(&mut self, context: &mut Context) -> Result<RunRecord, Error> {
        let settings = self.settings()?;
        let calibration = self.calibration(&settings, Announce::WhenDrawn, context)?;
        let record = self.record(settings, &calibration, self.newest_perplexity(), self.seconds)?;
        let output = self.session.get().and_then(|session| session.state().output.clone());
        let output = output.filter(|output| output.written && output.of == self.attempts.numbers());
        Ok(RunRecord { written: output.map(|output| output.forms).unwrap_or_default(), ..record })
    }
}
