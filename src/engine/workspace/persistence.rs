//! What the workspace writes to its session, and when that is made.

use std::{
    rc::Rc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    calibration::Windows,
    config::Settings,
    pipeline::BlockCut,
    protocol::{Event, Method, PartRecord, SearchRecord, Seconds, Stamped, Statistics},
    prune::{LayerRatio, Part},
    session::{self, LayerEntry, ModelEntry, PartPlace, RunState, Session, Setup, State, Target},
};

use super::{
    super::{
        describe::model_record,
        place::{self, SessionPlace},
    },
    Calibration, Context, Error, Workspace, stored_parts,
};

/// An attempt that a process before this one had begun.
pub struct Begun {
    pub number: usize,
    pub attention: Option<BegunPart>,
    pub mlp: Option<BegunPart>,
}

/// A part of it that was through.
pub struct BegunPart {
    pub record: PartRecord,
    pub statistics: Option<Statistics>,
    pub cut: BlockCut,
}

impl Workspace<'_> {
    /// Makes the session that was asked for, where it is not there yet. `told` was told before it is.
    pub(super) fn begin_session(
        &mut self,
        told: impl IntoIterator<Item = Event>,
        context: &mut Context,
    ) -> Result<(), Error> {
        if self.session.is_some() || self.place == SessionPlace::None {
            return Ok(());
        }
        let checkpoint = self.checkpoint;
        let state = State {
            sequence: 0,
            slimgpt_version: env!("CARGO_PKG_VERSION").into(),
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            changed: 0,
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
            perplexities: Vec::new(),
            output: None,
        };
        if let Some(other) = &self.dense_from {
            self.perplexities.take_over(other, &state.model.files);
        }
        let session = match &self.place {
            SessionPlace::None | SessionPlace::Open(_) => return Ok(()),
            SessionPlace::New(dir) => Session::create(dir, state)?,
            SessionPlace::Under(root) => {
                let session = Session::create_under(root, checkpoint.name(), state)?;
                session::clear_other_streams(root, session.path());
                session
            }
        };
        let told: Vec<Stamped> = told.into_iter().map(|event| context.stamp(event)).collect();
        self.early_events.extend(told);
        self.enter_session(session, context)
    }

    /// The search that ratios come of from now on.
    pub(super) fn save_search(&mut self, record: &SearchRecord) -> Result<(), Error> {
        self.search = Some(record.clone());
        let Some(session) = &mut self.session else { return Ok(()) };
        Ok(session.change(|state| state.search = Some(record.clone()))?)
    }

    /// From now on all is recorded there.
    pub(super) fn enter_session(&mut self, session: Session, context: &mut Context) -> Result<(), Error> {
        context.enter_session(session.journal()?, session.draft_file());
        for stamped in self.early_events.drain(..) {
            context.log(&stamped);
        }
        self.activations.use_disk(session.streams(self.settings.storage.cache.0));
        context.emit(Event::SessionOpened { path: session.path().into() });
        self.session = Some(session);
        Ok(())
    }

    /// The number of the setup with these settings.
    pub(super) fn save_setup(
        &mut self,
        settings: &Settings,
        calibration: &Calibration,
        context: &mut Context,
    ) -> Result<usize, Error> {
        let Some(session) = &mut self.session else { return Ok(0) };
        let sources = &settings.calibration.texts;
        let known = session
            .state()
            .calibrations
            .iter()
            .position(|known| known.sources == *sources && known.record == calibration.record);
        let calibration = match known {
            Some(number) => number,
            None => {
                let number = session.state().calibrations.len();
                let sha256 = session.write_windows(number, &calibration.windows.to_safetensors())?;
                let base = session.state().base.clone();
                let entry = session::Calibration {
                    sources: sources.clone(),
                    record: calibration.record.clone(),
                    text_tokens: calibration.text_tokens,
                    texts: place::text_files(sources, &base, context)?,
                    sha256,
                };
                session.change(|state| state.calibrations.push(entry))?;
                number
            }
        };
        let setup = Setup { settings: settings.clone(), calibration };
        if let Some(number) = session.state().setups.iter().position(|known| *known == setup) {
            return Ok(number);
        }
        session.change(|state| state.setups.push(setup))?;
        Ok(session.state().setups.len() - 1)
    }

    /// The windows of a session that were drawn by these settings; None where there are none. Windows that are damaged
    /// are drawn again from their texts, to the same.
    pub(super) fn saved_calibration(
        &mut self,
        settings: &Settings,
        context: &mut Context,
    ) -> Result<Option<Rc<Calibration>>, Error> {
        let Some(session) = &self.session else { return Ok(None) };
        let drawn = |known: &session::Calibration| {
            let record = &known.record;
            known.sources == settings.calibration.texts
                && (record.samples, Some(record.seq_len), record.seed)
                    == (settings.calibration.samples, settings.calibration.seq_len, settings.calibration.seed)
        };
        let Some(number) = session.state().calibrations.iter().position(drawn) else { return Ok(None) };
        let known = session.state().calibrations[number].clone();
        let windows = match session.read_windows(number, &known.sha256) {
            Ok(bytes) => Windows::from_safetensors(&bytes).ok(),
            Err(cause) => {
                let message = format!("{cause}; the windows are drawn from the text again");
                context.emit(Event::Warning { message });
                None
            }
        };
        if let Some(windows) = windows {
            let calibration = Calibration { windows, record: known.record, text_tokens: known.text_tokens };
            return Ok(Some(Rc::new(calibration)));
        }
        let calibration = Calibration::draw(settings, self.checkpoint, self.base.as_deref(), context)?;
        if session.write_windows(number, &calibration.windows.to_safetensors())? != known.sha256 {
            let what = "its calibration windows are damaged, and the texts give others now".to_string();
            return Err(Error::Changed { session: session.path().into(), what });
        }
        Ok(Some(Rc::new(calibration)))
    }

    /// A run begins, or goes on.
    pub(super) fn save_run_state(
        &mut self,
        (from, setup): (usize, usize),
        ratios: &[LayerRatio],
        target: Option<&Target>,
        seconds: Seconds,
    ) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let (ratios, target) = (ratios.to_vec(), target.cloned());
        let run_state = RunState { from, ratios, setup, seconds, finished: false, target };
        Ok(session.change(|state| state.run_state = Some(run_state))?)
    }

    /// The numbers of attempts that came to no end are taken too.
    pub(super) fn reserve_begun_numbers(&mut self, layer: usize) {
        let begun = self.session.iter().flat_map(|session| &session.state().layers[layer].attempts);
        let numbers: Vec<usize> = begun.map(|entry| entry.attempt.number).collect();
        numbers.into_iter().for_each(|number| self.attempts.reserve_number(layer, number));
    }

    /// The attempt of a layer that came to no end, where it is this very one.
    pub(super) fn begun(
        &self,
        layer: usize,
        method: &Method,
        above: &[usize],
        settings: &Settings,
    ) -> Option<Begun> {
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
        // A part that cannot be read is solved again.
        let part = |part: Part| {
            entry.part(part)?;
            let place = PartPlace { layer, attempt: number, part };
            let head = session.read_part(place).ok()?;
            let cut = stored_parts::read_part(session, BlockCut::new(layer), place).ok()?;
            Some(BegunPart { record: head.record, statistics: head.statistics, cut })
        };
        Some(Begun { number, attention: part(Part::Attention), mlp: part(Part::Mlp) })
    }

    /// An attempt is through; in a run it is active at once.
    pub(super) fn save_attempt_end(
        &mut self,
        (layer, number): (usize, usize),
        output_error: Option<f64>,
        run: Option<Seconds>,
    ) -> Result<(), Error> {
        let record = match run {
            Some(_) => Some(model_record(self.checkpoint, &self.architecture())?),
            None => None,
        };
        let Some(session) = &mut self.session else { return Ok(()) };
        Ok(session.change(|state| {
            let entry = &mut state.layers[layer];
            if let Some(attempt) = entry.attempts.iter_mut().find(|entry| entry.attempt.number == number) {
                (attempt.complete, attempt.output_error) = (true, output_error);
            }
            if let (Some(seconds), Some(record)) = (run, record) {
                entry.active = Some(number);
                state.model.record = record;
                if let Some(run_state) = &mut state.run_state {
                    run_state.seconds = seconds;
                }
            }
        })?)
    }

    /// An attempt is put active, or none.
    pub(super) fn save_choice(&mut self, layer: usize, attempt: Option<usize>) -> Result<(), Error> {
        self.attempts.check(layer, attempt)?;
        let before = self.attempts.numbers()[layer];
        self.attempts.choose(layer, attempt)?;
        let record = model_record(self.checkpoint, &self.architecture())?;
        let Some(session) = &mut self.session else { return Ok(()) };
        let changed = session.change(|state| {
            state.layers[layer].active = attempt;
            state.model.record = record;
        });
        if changed.is_err() {
            self.attempts.choose(layer, before)?;
        }
        Ok(changed?)
    }

    /// Other ratios hold from now on.
    pub(super) fn save_ratios(&mut self, ratios: &[LayerRatio], setup: usize) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let ratios = ratios.to_vec();
        Ok(session.change(|state| {
            if let Some(run_state) = &mut state.run_state {
                (run_state.ratios, run_state.setup) = (ratios, setup);
            }
        })?)
    }

    /// The run is at its end.
    pub(super) fn save_finish(&mut self, seconds: Seconds) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        Ok(session.change(|state| {
            if let Some(run_state) = &mut state.run_state {
                (run_state.seconds, run_state.finished) = (seconds, true);
            }
        })?)
    }
}
