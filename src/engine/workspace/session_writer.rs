//! Creates the session of a workspace and writes to it.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    config::Settings,
    failure::Kind,
    pipeline::BlockCut,
    protocol::{Event, Label, Method, PartRecord, SearchRecord, Seconds, Stamped, Statistics},
    prune::{LayerRatio, Part, StreamErrors},
    session::{self, LayerEntry, ModelEntry, PartPlace, PendingRun, RunState, Session, State, Target},
};

use super::{
    super::{
        describe::model_record,
        place::{self, SessionPlace},
    },
    Context, Error, Workspace, stored_parts,
};

/// The session that a workspace writes to.
pub struct SessionWriter {
    /// The location at which the first run creates a session.
    place: SessionPlace,
    session: Option<Session>,
    /// Events emitted before the session exists. They are logged when it is created.
    pub early_events: Vec<Stamped>,
}

/// A run that has started but has not read its texts.
pub struct Begun {
    /// If a session was created for the run: the events emitted before.
    early: Option<Vec<Stamped>>,
}

impl Begun {
    /// True if a session was created; the frontend does not know it yet.
    pub fn is_new(&self) -> bool {
        self.early.is_some()
    }
}

/// An attempt begun by an earlier process and not completed.
pub struct IncompleteAttempt {
    pub number: usize,
    pub attention: Option<SavedPart>,
    pub mlp: Option<SavedPart>,
}

/// A part solved and saved by an earlier process.
pub struct SavedPart {
    pub record: PartRecord,
    pub statistics: Option<Statistics>,
    pub cut: BlockCut,
}

impl SessionWriter {
    pub fn new(place: SessionPlace) -> Self {
        Self { place, session: None, early_events: Vec::new() }
    }

    /// The open session; None before it is created, or if nothing is recorded.
    pub fn get(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    pub fn get_mut(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    pub fn is_open(&self) -> bool {
        self.session.is_some()
    }

    /// Changes the state of the session and writes it. Without a session, does nothing.
    pub fn change(&mut self, change: impl FnOnce(&mut State)) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        Ok(session.change(change)?)
    }

    /// Changes the last run, if there is one.
    fn change_run(&mut self, change: impl FnOnce(&mut RunState)) -> Result<(), Error> {
        self.change(|state| {
            if let Some(run_state) = &mut state.run_state {
                change(run_state);
            }
        })
    }

    /// Records that a run has begun or continues.
    pub fn save_run_state(
        &mut self,
        (from, setup): (usize, usize),
        ratios: &[LayerRatio],
        target: Option<&Target>,
        seconds: Seconds,
    ) -> Result<(), Error> {
        let (ratios, target) = (ratios.to_vec(), target.cloned());
        let run_state = RunState { from, ratios, setup, seconds, finished: false, target };
        self.change(|state| (state.run_state, state.pending) = (Some(run_state), None))
    }

    /// Records a run that has not read its texts, or that there is none.
    pub fn save_pending(&mut self, pending: Option<PendingRun>) -> Result<(), Error> {
        match &self.session {
            Some(session) if session.state().pending != pending => {
                self.change(|state| state.pending = pending)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Detaches the open session and returns its path.
    fn leave(&mut self) -> Option<PathBuf> {
        self.session.take().map(|session| session.path().to_owned())
    }

    /// Records that the run uses other ratios from now on.
    pub fn save_ratios(&mut self, ratios: &[LayerRatio], setup: usize) -> Result<(), Error> {
        self.change_run(|run_state| (run_state.ratios, run_state.setup) = (ratios.to_vec(), setup))
    }

    /// Records that the run is finished.
    pub fn save_finish(&mut self, seconds: Seconds) -> Result<(), Error> {
        self.change_run(|run_state| (run_state.seconds, run_state.finished) = (seconds, true))
    }

    /// Numbers of all attempts of a layer, including incomplete ones.
    pub fn numbers(&self, layer: usize) -> Vec<usize> {
        let attempts = self.session.iter().flat_map(|session| &session.state().layers[layer].attempts);
        attempts.map(|entry| entry.attempt.number).collect()
    }

    /// The incomplete attempt of a layer, if it has this method, these attempts above and these settings.
    pub fn incomplete(
        &self,
        layer: usize,
        method: &Method,
        above: &[usize],
        settings: &Settings,
    ) -> Option<IncompleteAttempt> {
        let session = self.session.as_ref()?;
        let entry = session.state().layers.get(layer)?.attempts.last()?;
        let setup = session.state().setups.get(entry.setup)?;
        let same = entry.attempt.method == *method
            && entry.attempt.above == above
            && setup.settings.of_layer() == settings.of_layer();
        if entry.complete || !same {
            return None;
        }
        let number = entry.attempt.number;
        // A part whose file cannot be read is solved again.
        let part = |part: Part| {
            entry.part(part)?;
            let place = PartPlace { layer, attempt: number, part };
            let head = session.read_part(place).ok()?;
            let cut = stored_parts::read_part(session, BlockCut::new(layer), place).ok()?;
            Some(SavedPart { record: head.record, statistics: head.statistics, cut })
        };
        Some(IncompleteAttempt { number, attention: part(Part::Attention), mlp: part(Part::Mlp) })
    }
}

impl Workspace<'_> {
    /// Records a run before its texts are read. Creates the session if one was requested and does not exist yet.
    /// `events` were emitted earlier.
    pub fn begin_session(
        &mut self,
        pending: PendingRun,
        events: impl IntoIterator<Item = Event>,
        context: &mut Context,
    ) -> Result<Begun, Error> {
        if self.session.is_open() || self.session.place == SessionPlace::None {
            self.session.save_pending(Some(pending))?;
            return Ok(Begun { early: None });
        }
        let checkpoint = self.checkpoint;
        let state = State {
            sequence: 0,
            slimgpt_version: env!("CARGO_PKG_VERSION").into(),
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            changed: 0,
            label: Label::default(),
            base: place::base()?,
            model: ModelEntry {
                place: place::model_place(&self.choice, checkpoint)?,
                record: model_record(checkpoint, checkpoint.architecture())?,
                files: place::model_files(checkpoint, context)?,
            },
            setups: Vec::new(),
            calibrations: Vec::new(),
            layers: vec![LayerEntry::default(); checkpoint.architecture().layers.len()],
            search: self.search.clone(),
            run_state: None,
            pending: Some(pending),
            perplexities: Vec::new(),
            output: None,
        };
        if let Some(other) = &self.dense_from {
            self.perplexities.copy_dense(other, &state.model.files);
        }
        let session = match &self.session.place {
            SessionPlace::None | SessionPlace::Open(_) => return Ok(Begun { early: None }),
            SessionPlace::New(dir) => Session::create(dir, state)?,
            SessionPlace::Under(root) => {
                let session = Session::create_under(root, checkpoint.name(), state)?;
                session::clear_other_streams(root, session.path());
                session
            }
        };
        let early = self.session.early_events.clone();
        let events: Vec<Stamped> = events.into_iter().map(|event| context.stamp(event)).collect();
        self.session.early_events.extend(events);
        self.enter_session(session, context)?;
        Ok(Begun { early: Some(early) })
    }

    /// Withdraws a run that was refused before its first layer, and removes a session created for it. After a failure or
    /// a cancellation the run remains and can be resumed.
    pub fn refuse_run(&mut self, begun: Begun, why: &Error, context: &mut Context) {
        match (why.kind(), begun.early) {
            (Kind::Input, Some(early)) => {
                context.leave_session();
                if let Some(path) = self.session.leave() {
                    // Remaining files are harmless: they are an unfinished session.
                    let _ = session::remove(&path);
                }
                self.session.early_events = early;
            }
            // The error of the run is more important than that of its session.
            (Kind::Input, None) => drop(self.session.save_pending(None)),
            (Kind::Failed | Kind::Cancelled, Some(_)) => self.announce_session(context),
            (Kind::Failed | Kind::Cancelled, None) => {}
        }
    }

    /// Announces the session to the frontend, and stores layer inputs in it.
    pub fn announce_session(&mut self, context: &mut Context) {
        let Some(session) = self.session.get() else { return };
        self.activations.use_disk(session.streams(self.settings.storage.cache.0));
        context.emit(Event::SessionOpened { path: session.path().into() });
    }

    /// Saves the search that provides the ratios.
    pub fn save_search(&mut self, record: &SearchRecord) -> Result<(), Error> {
        self.search = Some(record.clone());
        self.session.change(|state| state.search = Some(record.clone()))
    }

    /// From now on, records everything in this session. [`Workspace::announce_session`] informs the frontend.
    pub fn enter_session(&mut self, session: Session, context: &mut Context) -> Result<(), Error> {
        context.enter_session(session.journal()?, session.draft_file());
        for stamped in self.session.early_events.drain(..) {
            context.log(&stamped);
        }
        self.session.session = Some(session);
        Ok(())
    }

    /// Reserves the numbers of incomplete attempts.
    pub fn reserve_numbers(&mut self, layer: usize) {
        for number in self.session.numbers(layer) {
            self.attempts.reserve_number(layer, number);
        }
    }

    /// Names the session and sets its note.
    pub fn save_label(&mut self, label: Label) -> Result<(), Error> {
        self.session.change(|state| state.label = label)
    }

    /// Records that an attempt is complete. During a run it is activated at once.
    pub fn save_attempt_end(
        &mut self,
        (layer, number): (usize, usize),
        (output_error, stream_errors): (Option<f64>, Option<StreamErrors>),
        run: Option<Seconds>,
    ) -> Result<(), Error> {
        let record = match run {
            Some(_) => Some(model_record(self.checkpoint, &self.architecture())?),
            None => None,
        };
        self.session.change(|state| {
            let entry = &mut state.layers[layer];
            if let Some(attempt) = entry.attempts.iter_mut().find(|entry| entry.attempt.number == number) {
                (attempt.complete, attempt.output_error) = (true, output_error);
                attempt.stream_errors = stream_errors.filter(StreamErrors::is_finite);
            }
            if let (Some(seconds), Some(record)) = (run, record) {
                entry.active = Some(number);
                state.model.record = record;
                if let Some(run_state) = &mut state.run_state {
                    run_state.seconds = seconds;
                }
            }
        })
    }

    /// Activates an attempt, or deactivates the active one.
    pub fn save_choice(&mut self, layer: usize, attempt: Option<usize>) -> Result<(), Error> {
        self.save_choices(&[(layer, attempt)])
    }

    /// Activates attempts, all of them or none. Each pair is a layer and the number of its attempt.
    pub fn save_choices(&mut self, choices: &[(usize, Option<usize>)]) -> Result<(), Error> {
        self.save_choices_and(choices, |_| ())
    }

    /// Like [`Self::save_choices`], and changes the state of the session in the same write.
    pub fn save_choices_and(
        &mut self,
        choices: &[(usize, Option<usize>)],
        also: impl FnOnce(&mut State),
    ) -> Result<(), Error> {
        for &(layer, attempt) in choices {
            self.attempts.check(layer, attempt)?;
        }
        let before = self.attempts.numbers().to_vec();
        for &(layer, attempt) in choices {
            self.attempts.choose(layer, attempt)?;
        }
        let record = model_record(self.checkpoint, &self.architecture())?;
        let changed = self.session.change(|state| {
            for &(layer, attempt) in choices {
                state.layers[layer].active = attempt;
            }
            state.model.record = record;
            also(state);
        });
        if changed.is_err() {
            for &(layer, _) in choices {
                self.attempts.choose(layer, before[layer])?;
            }
        }
        changed
    }

    /// Removes an attempt that was just solved and equals an earlier one.
    pub fn drop_attempt(&mut self, layer: usize, number: usize) -> Result<(), Error> {
        self.session.change(|state| {
            state.layers[layer].attempts.retain(|entry| entry.attempt.number != number);
        })?;
        if let Some(session) = self.session.get() {
            for part in [Part::Attention, Part::Mlp] {
                session.remove_part(PartPlace { layer, attempt: number, part });
            }
        }
        Ok(())
    }
}
