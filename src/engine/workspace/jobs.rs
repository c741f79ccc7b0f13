//! What is done without a screen: one job on a workspace of its own, from opening to closing.

use std::path::{Path, PathBuf};

use crate::{
    config::{OutputOptions, Settings},
    export::OutputDir,
    pipeline,
    protocol::{Attempt, Draft, Event, Method, MethodChange, Methods, RunRecord, Seconds},
    prune::{LayerRatio, LayerRecord, Schedule},
    session::{self, Target},
};

use super::{
    super::{
        ModelChoice, SessionPlace,
        evaluation::{Evaluation, Measurement},
        publish::directory,
    },
    Context, Error, Opening, Run, Workspace,
    activation_cache::{ActivationCache, Returning},
    export::{for_later, is_own_output, is_written},
    opened, resolved,
};

pub struct PruneRun {
    pub model: ModelChoice,
    pub settings: Settings,
    /// None: what came of it stays in the session.
    pub out: Option<PathBuf>,
    /// Replace what is there.
    pub force: bool,
    pub session: SessionPlace,
    /// A session that may have measured the dense model on the same text already.
    pub dense_from: Option<PathBuf>,
}

/// Goes on with a session's run.
pub struct Resume {
    pub session: PathBuf,
    /// Where the model lies now, if it was moved.
    pub model: Option<String>,
    /// Where to write to, if not where the run was to write.
    pub out: Option<PathBuf>,
    pub force: bool,
}

pub struct Resumed {
    pub record: RunRecord,
    /// Where the model lies; None where nobody has said where it is to.
    pub out: Option<PathBuf>,
    /// Nothing was left to be done.
    pub was_finished: bool,
}

/// Another attempt at a layer.
pub struct Retry {
    pub session: PathBuf,
    pub model: Option<String>,
    pub layer: usize,
    pub change: MethodChange,
    /// Put it active.
    pub choose: bool,
}

/// Puts an attempt active, or none.
pub struct Choose {
    pub session: PathBuf,
    pub model: Option<String>,
    pub layer: usize,
    pub attempt: Option<usize>,
}

pub struct Export {
    pub session: PathBuf,
    pub model: Option<String>,
    /// What is said of the form; else as the session's last run was to be written.
    pub form: OutputOptions,
    pub out: PathBuf,
    pub force: bool,
}

/// The attempts of a layer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LayerTries {
    pub layer: usize,
    pub tries: Vec<Tried>,
    /// Layers below whose attempts active rest on others than those active above.
    pub stale_below: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Tried {
    pub attempt: Attempt,
    pub record: LayerRecord,
    pub active: bool,
    pub stale: bool,
}

/// Prunes, measures, and writes where that is asked for. What it returns then also lies in `OUT/run.json`.
pub fn prune(job: PruneRun, context: &mut Context) -> Result<RunRecord, Error> {
    let PruneRun { model, settings, out, force, session, dense_from } = job;
    let checkpoint = model.open(context)?;
    let settings = resolved(settings, checkpoint.architecture())?;
    let ratios = match settings.ratios.schedule {
        Schedule::Auto => Vec::new(),
        _ => pipeline::scheduled(checkpoint.architecture().layers.len(), &settings)?,
    };
    if let Some(out) = &out {
        OutputDir::check(out, force, directory(&checkpoint))?;
    }
    let opened = context.stamp(opened(&checkpoint)?);
    context.emit(opened.event.clone());
    let mut workspace = Workspace::new(&checkpoint, model, settings.clone(), session);
    workspace.activations = ActivationCache::returning(Returning::Later);
    workspace.early_events.push(opened);
    workspace.dense_from = dense_from;
    let target = out.as_deref().map(for_later).transpose()?.map(|path| Target { path, force });
    let (methods, seconds) = (Methods::OfRun, Seconds::default());
    let run = Run { from: 0, ratios, settings, methods, target, seconds };
    let record = workspace.run(run, context).and_then(|record| match &out {
        Some(out) => finish(&mut workspace, out, force, context),
        None => {
            context.emit(Event::RunDone { record: Box::new(record.clone()) });
            Ok(record)
        }
    });
    workspace.close(context);
    record
}

/// Goes on with what is missing or stale, and writes what came of it.
pub fn resume(job: Resume, context: &mut Context) -> Result<Resumed, Error> {
    let Resume { session, model, out, force } = job;
    on_session(&session, model, context, |workspace, draft, context| {
        let (ratios, settings) = workspace.planned(draft, &session)?;
        workspace.drop_damaged(context)?;
        let state = workspace.session.as_ref().map(|session| session.state().clone());
        let run_state = state.and_then(|state| state.run_state);
        let finished = run_state.as_ref().is_some_and(|run_state| run_state.finished);
        let target = run_state.as_ref().and_then(|run_state| run_state.target.clone());
        let target = match out {
            Some(out) => Some(Target { path: for_later(&out)?, force }),
            None => target.map(|target| Target { force: target.force || force, ..target }),
        };
        let numbers = workspace.attempts.numbers();
        let written = target
            .as_ref()
            .is_none_or(|target| is_written(workspace.session.as_ref(), &target.path, numbers));
        let from = workspace.attempts.first_stale(&ratios);
        let finished = finished && (from.is_some() || workspace.is_measured(&settings, context)?);
        // What this session wrote there, and nobody has changed, it may replace.
        let target = target.map(|target| {
            let own = is_own_output(workspace.session.as_ref(), &target.path);
            Target { force: target.force || own, ..target }
        });
        // What is pruned now is written as well.
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
            let from = from.unwrap_or(ratios.len());
            let (target, seconds) = (target.clone(), seconds.unwrap_or_default());
            let methods = Methods::AsTuned;
            let run = Run { from, ratios, settings, methods, target, seconds };
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

/// Solves a layer again, behind the layers above as they are active.
pub fn retry(job: Retry, context: &mut Context) -> Result<LayerTries, Error> {
    let Retry { session, model, layer, change, choose } = job;
    on_session(&session, model, context, |workspace, draft, context| {
        workspace.attempts.check_layer(layer)?;
        let (mut ratios, _) = workspace.planned(draft.clone(), &session)?;
        let planned = ratios.get(layer).copied().unwrap_or_default();
        let method = workspace.active_method(layer, planned).changed(change)?;
        let ratio = method.ratio;
        let number = workspace.retry(layer, method, context)?;
        if choose {
            workspace.save_choice(layer, Some(number))?;
            context.emit(Event::AttemptActivated { layer, attempt: Some(number) });
            ratios[layer] = ratio;
            workspace.save_plan(draft, &ratios, context);
        }
        context.emit(Event::JobDone);
        Ok(workspace.tries(layer, &ratios))
    })
}

/// Puts an attempt active; its ratio becomes the planned one.
pub fn choose(job: Choose, context: &mut Context) -> Result<LayerTries, Error> {
    let Choose { session, model, layer, attempt } = job;
    on_session(&session, model, context, |workspace, draft, context| {
        let (mut ratios, _) = workspace.planned(draft.clone(), &session)?;
        workspace.save_choice(layer, attempt)?;
        context.emit(Event::AttemptActivated { layer, attempt });
        // Without an attempt the layer is to stay as the model has it.
        let chosen = workspace.attempts.active(layer);
        ratios[layer] = chosen.map_or(LayerRatio::ZERO, |solved| solved.attempt.method.ratio);
        workspace.save_plan(draft, &ratios, context);
        Ok(workspace.tries(layer, &ratios))
    })
}

/// Writes what the attempts active make.
pub fn export(job: Export, context: &mut Context) -> Result<RunRecord, Error> {
    let Export { session, model, form, out, force } = job;
    on_session(&session, model, context, |workspace, _, context| {
        let form = workspace.settings.output.changed(form).map_err(Error::from)?;
        let record = workspace.export(&form, &out, force, context)?;
        context.emit(Event::JobDone);
        Ok(record)
    })
}

/// Opens a session, works on it, and closes it in order.
pub(super) fn on_session<T>(
    dir: &Path,
    model: Option<String>,
    context: &mut Context,
    work: impl FnOnce(&mut Workspace<'_>, Option<Draft>, &mut Context) -> Result<T, Error>,
) -> Result<T, Error> {
    let Opening { checkpoint, choice, settings, place, session } = Opening::of_session(dir, model, context)?;
    context.emit(opened(&checkpoint)?);
    let mut workspace = Workspace::new(&checkpoint, choice, settings, place);
    workspace.activations = ActivationCache::returning(Returning::Later);
    let mut draft = None;
    if let Some(found) = session {
        draft.clone_from(&found.draft);
        workspace.restore(*found, context)?;
    }
    let done = work(&mut workspace, draft, context);
    workspace.close(context);
    done
}

/// Writes the model at the end of a run, and tells that this is done.
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
    /// What a run would be done with now: what lies on the draft, or else what the last run had.
    fn planned(&self, draft: Option<Draft>, session: &Path) -> Result<(Vec<LayerRatio>, Settings), Error> {
        let run_state = self.session.as_ref().and_then(|session| session.state().run_state.clone());
        let ratios = match (draft, run_state) {
            (Some(draft), _) if draft.ratios.len() == self.attempts.numbers().len() => draft.ratios,
            (_, Some(run_state)) => run_state.ratios,
            (_, None) => return Err(Error::NothingRun(session.into())),
        };
        Ok((ratios, self.settings.clone()))
    }

    /// How the layer is solved that is active, each part as it was; else how a run would solve it.
    fn active_method(&self, layer: usize, planned: LayerRatio) -> Method {
        let Some(solved) = self.attempts.active(layer) else {
            return Method::of_run(&self.settings, planned);
        };
        let own = &solved.attempt.method;
        self.attempts.tuned(layer, own.ratio).unwrap_or_else(|| own.clone())
    }

    /// Other ratios are planned from now on.
    fn save_plan(&self, draft: Option<Draft>, ratios: &[LayerRatio], context: &mut Context) {
        let draft = match draft {
            Some(draft) => Draft { ratios: ratios.to_vec(), ..draft },
            None => Draft {
                settings: Box::new(self.settings.clone()),
                ratios: ratios.to_vec(),
                frontend: serde_json::Value::Null,
            },
        };
        context.save_draft(&draft);
    }

    /// Leaves out attempts active whose weights are damaged; the layers are then to be solved again.
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

    /// True where the perplexity of what is active is known, on the text as it is now; also where none is asked for.
    fn is_measured(&mut self, settings: &Settings, context: &mut Context) -> Result<bool, Error> {
        let Some(evaluation) = Evaluation::of_run(settings) else { return Ok(true) };
        let (device, dtype) = self.forward(&evaluation.machine)?;
        let measurement =
            Measurement::new(&evaluation, (&device, dtype), self.checkpoint, self.base.as_deref(), context);
        Ok(match measurement {
            Ok(measurement) => self.knows(&measurement),
            Err(error) if error.is_cancelled() => return Err(error),
            // Without its text it cannot be measured anew.
            Err(_) => self.newest_perplexity().is_some(),
        })
    }

    fn tries(&self, layer: usize, ratios: &[LayerRatio]) -> LayerTries {
        let numbers = self.attempts.numbers();
        let tried = self.attempts.of_layer(layer).iter().map(|solved| Tried {
            attempt: solved.attempt.clone(),
            record: solved.record.clone(),
            active: numbers[layer] == Some(solved.attempt.number),
            stale: self.attempts.is_behind_others(solved),
        });
        let below = layer + 1..numbers.len();
        let stale = |&below: &usize| self.attempts.is_stale(below, ratios.get(below).copied());
        LayerTries { layer, tries: tried.collect(), stale_below: below.filter(stale).collect() }
    }

    /// The record of what is active.
    fn newest_record(&mut self, context: &mut Context) -> Result<RunRecord, Error> {
        let settings = self.settings()?;
        let calibration = self.calibration(&settings, super::Telling::WhenDrawn, context)?;
        let record = self.record(settings, &calibration, self.newest_perplexity(), self.seconds)?;
        let output = self.session.as_ref().and_then(|session| session.state().output.clone());
        let output = output.filter(|output| output.written && output.of == self.attempts.numbers());
        Ok(RunRecord { written: output.map(|output| output.forms).unwrap_or_default(), ..record })
    }

    fn close(mut self, context: &mut Context) {
        self.activations.flush();
        context.leave_session();
    }
}
