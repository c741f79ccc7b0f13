//! Opens a model, or a session with its model, and restores the attempts of a session.

use std::path::Path;

use crate::{
    config::Settings,
    model::Checkpoint,
    protocol::{Draft, Event, LayerRecord, Restored, RestoredAttempt, RestoredLayer, RestoredPerplexity},
    prune::Part,
    session::{AttemptEntry, Measured, PartPlace, Session},
};

use super::{
    super::{
        open::ModelChoice,
        place::{self, SessionPlace, check_model, check_stamps, check_texts, model_choice},
    },
    Context, Error, Workspace,
    attempts::{Cut, Solved},
    published::tidy,
    stored_parts::PartFiles,
};

/// An opened model or session, ready to make a workspace.
pub struct OpenedModel {
    pub checkpoint: Checkpoint,
    pub choice: ModelChoice,
    pub settings: Settings,
    pub place: SessionPlace,
    pub session: Option<Box<Found>>,
}

/// An opened session whose model and texts are unchanged.
pub struct Found {
    pub session: Session,
    pub draft: Option<Draft>,
    /// Messages about damage.
    pub warnings: Vec<String>,
}

impl OpenedModel {
    /// Opens the model, or the session of `place`. With a session, `choice` gives the model's current
    /// location.
    pub fn first(
        choice: ModelChoice,
        settings: Settings,
        place: SessionPlace,
        context: &mut Context,
    ) -> Result<Self, Error> {
        let SessionPlace::Open(dir) = place else {
            let checkpoint = choice.open(context)?;
            return Ok(Self { checkpoint, choice, settings, place, session: None });
        };
        let moved = match choice {
            ModelChoice::Demo => None,
            ModelChoice::Named(name) => Some(name),
        };
        Self::of_session(&dir, moved, context)
    }

    /// Opens a session and its model, which must be unchanged. `moved` gives the model's current location.
    pub fn of_session(dir: &Path, moved: Option<String>, context: &mut Context) -> Result<Self, Error> {
        let (mut session, mut warnings) = Session::open(dir)?;
        let is_moved = moved.is_some();
        let choice = model_choice(&session.state().model.place, moved);
        let checkpoint = choice.open(context).map_err(|cause| match cause {
            cause if cause.is_cancelled() => cause,
            cause => Error::ModelGone { session: dir.into(), cause: Box::new(cause) },
        })?;
        let state = session.state();
        check_model(dir, &state.model.files, &checkpoint, context)?;
        for calibration in &state.calibrations {
            check_texts(dir, calibration, &state.base, context)?;
        }
        if let Some(pending) = &state.pending {
            warnings.extend(check_stamps(dir, pending, &state.base)?);
        }
        let draft = session.draft().unwrap_or_else(|cause| {
            warnings.push(format!("{cause}; the draft is lost"));
            None
        });
        let newest = state.run_state.as_ref().and_then(|run_state| state.setups.get(run_state.setup));
        let settings = match (&draft, &state.pending, newest) {
            (Some(draft), _, _) => (*draft.settings).clone(),
            (None, Some(pending), _) => pending.settings.clone(),
            (None, None, Some(setup)) => setup.settings.clone(),
            (None, None, None) => return Err(Error::NothingRun(dir.into())),
        };
        tidy(&mut session)?;
        let place = place::model_place(&choice, &checkpoint)?;
        if is_moved && place != session.state().model.place {
            session.change(|state| state.model.place = place)?;
        }
        let session = Some(Box::new(Found { session, draft, warnings }));
        Ok(Self { checkpoint, choice, settings, place: SessionPlace::None, session })
    }
}

impl Workspace<'_> {
    /// Restores the attempts of a session, and emits its content.
    pub fn restore(&mut self, found: Found, context: &mut Context) -> Result<(), Error> {
        let Found { session, draft, mut warnings } = found;
        let state = session.state().clone();
        let mut layers = Vec::with_capacity(state.layers.len());
        for (layer, entry) in state.layers.iter().enumerate() {
            let mut restored = RestoredLayer { active: None, attempts: Vec::new() };
            for attempt in &entry.attempts {
                let number = attempt.attempt.number;
                self.attempts.reserve_number(layer, number);
                if !attempt.complete {
                    continue;
                }
                match self.restore_attempt(&session, layer, attempt) {
                    Ok(attempt) => restored.attempts.push(attempt),
                    Err(error) if entry.active == Some(number) => warnings.push(format!(
                        "{error}; layer {layer} is dense until another attempt is solved or activated"
                    )),
                    Err(error) => warnings.push(error.to_string()),
                }
            }
            restored.active = entry.active.filter(|&number| self.attempts.get(layer, number).is_some());
            self.attempts.choose(layer, restored.active)?;
            layers.push(restored);
        }
        self.perplexities.0.clone_from(&state.perplexities);
        self.search.clone_from(&state.search);
        self.base = place::base().ok().filter(|base| *base != state.base).map(|_| state.base.clone());
        let run_state = state.run_state.as_ref();
        self.seconds = run_state.map(|run_state| run_state.seconds).unwrap_or_default();
        let (ratios, frontend) = match draft {
            Some(draft) => (draft.ratios, draft.frontend),
            None => {
                let pending = state.pending.as_ref().map(|pending| &pending.ratios);
                let ratios = pending.or(run_state.map(|run_state| &run_state.ratios));
                (ratios.cloned().unwrap_or_default(), serde_json::Value::Null)
            }
        };
        let left = state.has_run().then(|| {
            let first = self.attempts.first_stale(&ratios, self.planned_counts(&self.settings));
            let finished = state.pending.is_none() && run_state.is_some_and(|run_state| run_state.finished);
            (finished, first.map_or(0, |first| self.attempts.numbers().len() - first))
        });
        let calibration = run_state.and_then(|run_state| state.setups.get(run_state.setup));
        let calibration = calibration.and_then(|setup| state.calibrations.get(setup.calibration));
        let restored = Restored {
            path: session.path().into(),
            settings: Box::new(self.settings.clone()),
            ratios,
            layers,
            calibration: calibration.map(|calibration| calibration.record.clone()),
            search: state.search.clone().map(Box::new),
            seconds: self.seconds.total,
            perplexities: state.perplexities.iter().map(perplexity).collect(),
            unfinished: left.filter(|(finished, left)| !finished || *left > 0).map(|(_, left)| left),
            frontend,
        };
        context.emit(Event::SessionRestored { session: Box::new(restored) });
        self.enter_session(session, context)?;
        self.announce_session(context);
        for message in warnings {
            context.emit(Event::Warning { message });
        }
        Ok(())
    }

    fn restore_attempt(
        &mut self,
        session: &Session,
        layer: usize,
        entry: &AttemptEntry,
    ) -> Result<RestoredAttempt, Error> {
        let number = entry.attempt.number;
        let mut size = self.checkpoint.architecture().layers[layer];
        let file = |part: Part| entry.part(part).map_or(number, |part| part.file);
        let (attention, mlp) = (file(Part::Attention), file(Part::Mlp));
        let mut heads = session.read_part(PartPlace { layer, attempt: attention, part: Part::Attention })?;
        heads.record.unit = Some(heads.record.unit_with(size.kv_heads));
        let channels = session.read_part(PartPlace { layer, attempt: mlp, part: Part::Mlp })?;
        if heads.weight.is_some() {
            (size.heads, size.kv_heads) = (heads.query_heads.len(), heads.kv_heads.len());
        }
        if channels.weight.is_some() {
            size.channels = channels.record.kept.len();
        }
        let record = LayerRecord {
            index: layer,
            ratio: entry.attempt.method.ratio,
            attention: heads.record,
            mlp: channels.record,
            output_error: entry.output_error,
        };
        let attempt = entry.attempt.clone();
        let made_with = session.state().setups.get(entry.setup);
        let made_with = made_with.map_or(&self.settings, |setup| &setup.settings);
        self.attempts.add(Solved {
            tuned: attempt.method.is_tuned(made_with),
            made_with: made_with.of_layer(),
            attempt: attempt.clone(),
            record: record.clone(),
            size,
            cut: Cut::InSession,
            files: PartFiles { attention, mlp },
        });
        let (attention, mlp) = (heads.statistics, channels.statistics);
        let stream_errors = entry.stream_errors;
        Ok(RestoredAttempt { attempt, record, stream_errors, attention, mlp })
    }
}

fn perplexity(measured: &Measured) -> RestoredPerplexity {
    RestoredPerplexity { of: measured.of.clone(), record: measured.record.clone() }
}
