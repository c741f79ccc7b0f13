//! Commands without a screen: each opens a workspace, does one job and closes the workspace.

mod measure;
mod prune;
mod report;

use std::path::{Path, PathBuf};

use crate::{
    config::{OutputOptions, Settings},
    protocol::{Attempt, Draft, Event, JobKind, Method, MethodChange, RunRecord},
    prune::{LayerRatio, LayerRecord},
};

use super::{
    Context, Error, OpenedModel, Workspace,
    activation_cache::{ActivationCache, Reuse},
    opened,
};

pub use measure::{Measure, Measured, measure};
pub use prune::{Again, PruneAgain, PruneRun, Resume, Resumed, prune, prune_again, resume};
pub use report::{Report, report};

/// Solves a layer again, once with each change.
pub struct Retry {
    pub session: PathBuf,
    pub model: Option<String>,
    pub layer: usize,
    pub changes: Vec<MethodChange>,
    /// Whether to activate the last attempt.
    pub choose: bool,
}

/// Activates an attempt, or deactivates the active one.
pub struct Choose {
    pub session: PathBuf,
    pub model: Option<String>,
    pub layer: usize,
    pub attempt: Option<usize>,
}

pub struct Export {
    pub session: PathBuf,
    pub model: Option<String>,
    /// Options of the export. The remaining settings are those of the session's last run.
    pub form: OutputOptions,
    pub out: PathBuf,
    pub force: bool,
}

/// The attempts of a layer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LayerTries {
    pub layer: usize,
    pub tries: Vec<Tried>,
    /// Stale layers after this one.
    pub stale_below: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Tried {
    pub attempt: Attempt,
    pub record: LayerRecord,
    pub active: bool,
    pub stale: bool,
}

/// Solves a layer again, with the active attempts in the layers above.
pub fn retry(job: Retry, context: &mut Context) -> Result<LayerTries, Error> {
    let Retry { session, model, layer, changes, choose } = job;
    on_session(&session, model, context, |workspace, draft, context| {
        workspace.attempts.check_layer(layer)?;
        let (mut ratios, _) = workspace.planned(draft.clone(), &session)?;
        let planned = ratios.get(layer).copied().unwrap_or_default();
        let methods =
            changes.into_iter().map(|change| workspace.active_method(layer, planned).changed(change));
        let methods = methods.collect::<Result<Vec<Method>, _>>()?;
        context.emit(Event::JobStarted { kind: JobKind::Retry });
        let mut newest = None;
        for method in methods {
            let ratio = method.ratio;
            newest = Some((workspace.retry(layer, method, context)?, ratio));
        }
        if let Some((number, ratio)) = newest.filter(|_| choose) {
            workspace.save_choice(layer, Some(number))?;
            context.emit(Event::AttemptActivated { layer, attempt: Some(number) });
            ratios.resize(workspace.attempts.numbers().len(), LayerRatio::ZERO);
            ratios[layer] = ratio;
            workspace.save_plan(draft, &ratios, context);
        }
        context.emit(Event::JobDone);
        Ok(workspace.tries(layer, &ratios))
    })
}

/// Activates an attempt. Its ratio becomes the planned one.
pub fn choose(job: Choose, context: &mut Context) -> Result<LayerTries, Error> {
    let Choose { session, model, layer, attempt } = job;
    on_session(&session, model, context, |workspace, draft, context| {
        let (mut ratios, _) = workspace.planned(draft.clone(), &session)?;
        workspace.save_choice(layer, attempt)?;
        context.emit(Event::AttemptActivated { layer, attempt });
        // A layer without an active attempt is planned as dense.
        let chosen = workspace.attempts.active(layer);
        ratios.resize(workspace.attempts.numbers().len(), LayerRatio::ZERO);
        ratios[layer] = chosen.map_or(LayerRatio::ZERO, |solved| solved.attempt.method.ratio);
        workspace.save_plan(draft, &ratios, context);
        Ok(workspace.tries(layer, &ratios))
    })
}

/// Exports the model with the active attempts.
pub fn export(job: Export, context: &mut Context) -> Result<RunRecord, Error> {
    let Export { session, model, form, out, force } = job;
    on_session(&session, model, context, |workspace, _, context| {
        let form = workspace.settings.output.changed(form).map_err(Error::from)?;
        context.emit(Event::JobStarted { kind: JobKind::Export });
        let record = workspace.export(&form, &out, force, context)?;
        context.emit(Event::JobDone);
        Ok(record)
    })
}

/// Opens a session, applies `work` to it, and closes it.
fn on_session<T>(
    dir: &Path,
    model: Option<String>,
    context: &mut Context,
    work: impl FnOnce(&mut Workspace<'_>, Option<Draft>, &mut Context) -> Result<T, Error>,
) -> Result<T, Error> {
    let OpenedModel { checkpoint, choice, settings, place, session } =
        OpenedModel::of_session(dir, model, context)?;
    context.emit(opened(&checkpoint)?);
    let mut workspace = Workspace::new(&checkpoint, choice, settings, place);
    workspace.activations = ActivationCache::reuse(Reuse::Later);
    let mut draft = None;
    if let Some(found) = session {
        draft.clone_from(&found.draft);
        workspace.restore(*found, context)?;
    }
    let done = work(&mut workspace, draft, context);
    workspace.close(context);
    done
}

impl Workspace<'_> {
    /// Ratios and settings of the next run, from the draft or otherwise from the last run. The ratios are empty
    /// if that run must search for them first.
    fn planned(&self, draft: Option<Draft>, session: &Path) -> Result<(Vec<LayerRatio>, Settings), Error> {
        let state = self.session.get().map(|session| session.state());
        let pending = state.and_then(|state| state.pending.as_ref()).map(|pending| &pending.ratios);
        let run_state = state.and_then(|state| state.run_state.as_ref()).map(|run_state| &run_state.ratios);
        let ratios = match (draft, pending.or(run_state)) {
            (Some(draft), _) if draft.ratios.len() == self.attempts.numbers().len() => draft.ratios,
            (_, Some(ratios)) => ratios.clone(),
            (_, None) => return Err(Error::NothingRun(session.into())),
        };
        Ok((ratios, self.settings.clone()))
    }

    /// The method of the active attempt, or that of a run if the layer is dense.
    fn active_method(&self, layer: usize, planned: LayerRatio) -> Method {
        let Some(solved) = self.attempts.active(layer) else {
            return Method::of_run(&self.settings, planned);
        };
        let own = &solved.attempt.method;
        self.attempts.tuned(layer, own.ratio).unwrap_or_else(|| own.clone())
    }

    /// Saves changed planned ratios.
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

    fn tries(&self, layer: usize, ratios: &[LayerRatio]) -> LayerTries {
        let numbers = self.attempts.numbers();
        let tried = self.attempts.of_layer(layer).iter().map(|solved| Tried {
            attempt: solved.attempt.clone(),
            record: solved.record.clone(),
            active: numbers[layer] == Some(solved.attempt.number),
            stale: self.attempts.is_behind_others(solved),
        });
        let below = layer + 1..numbers.len();
        let counts = self.planned_counts(&self.settings);
        let stale = |&below: &usize| self.attempts.is_stale(below, ratios.get(below).copied(), &counts);
        LayerTries { layer, tries: tried.collect(), stale_below: below.filter(stale).collect() }
    }

    fn close(mut self, context: &mut Context) {
        self.activations.flush();
        context.leave_session();
    }
}
