//! The resident engine behind the explorer: keeps a model open and does one job after the other on it.

mod activation_cache;
mod attempts;
mod by_method;
mod companions;
mod curve;
mod export;
mod jobs;
mod measure;
mod persistence;
mod reopen;
mod report;
mod retry;
mod run;
mod search;
mod stored_parts;
mod verify;
mod watch;
mod write;

use std::{path::PathBuf, rc::Rc};

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::{
    calibration::TextSource,
    config::{Machine, Settings},
    model::{Architecture, Checkpoint},
    pipeline::{CutModel, Pass},
    protocol::{Command, Event, Pace, PerplexityRecord, RunRecord, SearchRecord, Seconds, Stamped},
    prune::{Part, Schedule},
    session::Session,
};

use super::{
    Control, Error, ModelChoice, SessionPlace, Worker,
    calibrate::{Calibration, resolved},
    describe::{model_record, opened},
    machine::{forward_on, peak_memory},
    worker::{ending, start},
};
use activation_cache::ActivationCache;
use attempts::{ActiveAttempts, Attempts};
use measure::Perplexities;
use reopen::Opening;
use run::Run;
use write::Writers;

pub use jobs::{
    Choose, Export, LayerTries, MethodChange, PruneRun, Resume, Resumed, Retry, Tried, choose, export, prune,
    resume, retry,
};
pub use report::{Report, report};

/// The run number of what is told before the first job.
const OPENING: u64 = 0;

/// Opens a model, or the model of a session, on a thread of its own, then obeys commands until their channel closes. Every
/// job ends in one of `RunDone` (a run), `JobDone` (any other), `RunCancelled` and `RunFailed`; what was finished before
/// stays usable. `settings` hold until a run brings its own, or a session has others. What cannot be opened at the
/// beginning is the only failure that ends the thread.
pub fn workspace(model: ModelChoice, settings: Settings, place: SessionPlace) -> Worker<()> {
    start(OPENING, move |control| {
        let mut opening = Opening::first(model, settings, place, control)?;
        loop {
            let Opening { checkpoint, choice, settings, place, session } = opening;
            control.at_rest(OPENING);
            let opened = control.stamp(opened(&checkpoint)?);
            control.set_journal(None);
            control.emit(opened.event.clone());
            let mut workspace = Workspace::new(&checkpoint, choice, settings, place);
            match session {
                Some(session) => workspace.restore(*session, control)?,
                None => workspace.early_events.push(opened),
            }
            let Some(next) = workspace.obey_all(control) else { return Ok(()) };
            opening = next;
        }
    })
}

/// An open model with everything that has been found out about it.
struct Workspace<'c> {
    checkpoint: &'c Checkpoint,
    choice: ModelChoice,
    /// Of the last run; before the first, what the workspace was given.
    settings: Settings,
    /// Of the last run.
    seconds: Seconds,
    attempts: Attempts,
    /// Where a session is to be made by the first run.
    place: SessionPlace,
    session: Option<Session>,
    /// What was told before there was a session to write it down.
    early_events: Vec<Stamped>,
    /// Where relative names of texts begin, if not here.
    base: Option<PathBuf>,
    calibration: Option<(Drawn, Rc<Calibration>)>,
    forward: Option<(Machine, Device, DType)>,
    activations: ActivationCache,
    perplexities: Perplexities,
    /// A session that may have measured the dense model already.
    dense_from: Option<PathBuf>,
    /// The last one, whose ratios may be planned.
    search: Option<SearchRecord>,
    writers: Writers,
}

/// What calibration windows depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Drawn {
    calibration: Vec<TextSource>,
    samples: usize,
    seq_len: Option<usize>,
    seed: u64,
}

/// When calibration windows are told.
enum Telling {
    Always,
    WhenDrawn,
}

impl Drawn {
    fn by(settings: &Settings) -> Self {
        let Settings { calibration, samples, seq_len, seed, .. } = settings;
        Self { calibration: calibration.clone(), samples: *samples, seq_len: *seq_len, seed: *seed }
    }
}

impl<'c> Workspace<'c> {
    fn new(checkpoint: &'c Checkpoint, choice: ModelChoice, settings: Settings, place: SessionPlace) -> Self {
        Self {
            checkpoint,
            choice,
            settings,
            seconds: Seconds::default(),
            attempts: Attempts::new(checkpoint.architecture().layers.len()),
            place,
            session: None,
            early_events: Vec::new(),
            base: None,
            calibration: None,
            forward: None,
            activations: ActivationCache::default(),
            perplexities: Perplexities::default(),
            dense_from: None,
            search: None,
            writers: Writers::default(),
        }
    }

    /// Obeys until something else is to be opened, or until nobody commands any more.
    fn obey_all(mut self, control: &mut Control) -> Option<Opening> {
        let mut next = None;
        while let Some(command) = control.next() {
            if let Command::Reopen { session } = command {
                match Opening::of_session(&session, None, control) {
                    Ok(opening) => {
                        next = Some(opening);
                        break;
                    }
                    Err(error) => control.emit(Event::Warning { message: error.to_string() }),
                }
            } else {
                self.obey(command, control);
            }
        }
        self.activations.flush();
        next
    }

    fn obey(&mut self, command: Command, control: &mut Control) {
        match command {
            Command::Run { run, from, ratios, settings, methods, pace } => {
                let (settings, target, seconds) = (*settings, None, Seconds::default());
                let job = Run { from, ratios, settings, methods, target, seconds };
                self.work(run, pace, control, |workspace, control| {
                    let record = Box::new(workspace.run(job, control)?);
                    Ok(Event::RunDone { record })
                });
            }
            Command::Search { run, settings } => {
                self.work(run, Pace::Free, control, |workspace, control| workspace.find(*settings, control));
            }
            Command::Retry { run, layer, method, pace } => {
                self.work(run, pace, control, |workspace, control| {
                    workspace.retry(layer, method, control).map(|_| Event::JobDone)
                });
            }
            Command::Choose { layer, attempt } => {
                control.emit(match self.save_choice(layer, attempt) {
                    Ok(()) => Event::Chosen { layer, attempt },
                    Err(error) => Event::Warning { message: error.to_string() },
                });
            }
            Command::Curve { run, layer, part, method } => {
                self.work(run, Pace::Free, control, |workspace, control| {
                    workspace.curve(layer, part, method, control)
                });
            }
            Command::Measure { run, text, seq_len, bos } => {
                self.work(run, Pace::Free, control, |workspace, control| {
                    workspace.measure(text, seq_len, bos, control)
                });
            }
            Command::Write { run, prompt } => {
                self.work(run, Pace::Free, control, |workspace, control| workspace.write(&prompt, control));
            }
            Command::Export { run, form, out, force } => {
                self.work(run, Pace::Free, control, |workspace, control| {
                    workspace.export(&form, &out, force, control).map(|_| Event::JobDone)
                });
            }
            // These go to the job at work, and there is none; or were obeyed already.
            Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Step { .. }
            | Command::Pace { .. }
            | Command::Cancel { .. }
            | Command::Replan { .. }
            | Command::SaveDraft { .. }
            | Command::Reopen { .. }
            | Command::Speed(_) => {}
        }
    }

    /// Does a job, whose result is the event that it ends in.
    fn work(
        &mut self,
        run: u64,
        pace: Pace,
        control: &mut Control,
        job: impl FnOnce(&mut Self, &mut Control) -> Result<Event, Error>,
    ) {
        control.begin(run, pace);
        let end = job(self, control).unwrap_or_else(|error| ending(&error));
        control.emit(end);
    }

    /// The settings that hold, complete for this model.
    fn settings(&self) -> Result<Settings, Error> {
        resolved(self.settings.clone(), self.checkpoint.architecture())
    }

    /// Calibration windows, drawn once for as long as what they depend on is the same.
    fn calibration(
        &mut self,
        settings: &Settings,
        telling: Telling,
        control: &mut Control,
    ) -> Result<Rc<Calibration>, Error> {
        let drawn = Drawn::by(settings);
        if let Some((by, calibration)) = &self.calibration
            && *by == drawn
        {
            match telling {
                Telling::Always => control.emit(calibration.told()),
                Telling::WhenDrawn => {}
            }
            return Ok(calibration.clone());
        }
        let calibration = match self.saved_calibration(settings, control)? {
            Some(kept) => kept,
            None => {
                let base = self.base.as_deref();
                Rc::new(Calibration::draw(settings, self.checkpoint, base, control)?)
            }
        };
        control.emit(calibration.told());
        self.calibration = Some((drawn, calibration.clone()));
        Ok(calibration)
    }

    /// Device and number type of a forward pass; a device is opened once.
    fn forward(&mut self, machine: &Machine) -> Result<(Device, DType), Error> {
        if let Some((of, device, dtype)) = &self.forward
            && (of.device, of.dtype) == (machine.device, machine.dtype)
        {
            return Ok((device.clone(), *dtype));
        }
        let (device, dtype) = forward_on(machine)?;
        self.forward = Some((*machine, device.clone(), dtype));
        Ok((device, dtype))
    }

    fn pass<'a>(
        &self,
        settings: &'a Settings,
        calibration: &'a Calibration,
        (device, dtype): (&'a Device, DType),
    ) -> Pass<'a>
    where
        'c: 'a,
    {
        Pass { checkpoint: self.checkpoint, settings, windows: &calibration.windows, device, dtype }
    }

    /// The cuts active.
    fn active(&self) -> ActiveAttempts<'_> {
        ActiveAttempts { attempts: &self.attempts, session: self.session.as_ref() }
    }

    /// The model as the attempts active make it; layers without one are dense.
    fn cut_model<'a>(&'a self, active: &'a ActiveAttempts<'a>) -> CutModel<'a> {
        CutModel::new(self.checkpoint, active, self.attempts.sizes(self.checkpoint.architecture()))
    }

    /// With the sizes that the attempts active leave, and the biases that they add.
    fn architecture(&self) -> Architecture {
        let before = self.checkpoint.architecture();
        let added = |part| self.attempts.add_bias(part);
        let biased = before.with_output_biases(added(Part::Attention), added(Part::Mlp));
        biased.with_layers(self.attempts.sizes(before))
    }

    /// What `run.json` says of the model that the attempts active make.
    fn record(
        &self,
        settings: Settings,
        calibration: &Calibration,
        perplexity: Option<PerplexityRecord>,
        seconds: Seconds,
    ) -> Result<RunRecord, Error> {
        Ok(RunRecord {
            slimgpt_version: env!("CARGO_PKG_VERSION").into(),
            model: model_record(self.checkpoint, &self.architecture())?,
            layers: self.attempts.records(self.checkpoint.architecture(), &settings),
            tuned: self.attempts.tuned_layers(),
            search: self.search.clone().filter(|_| settings.schedule == Schedule::Auto),
            written: Vec::new(),
            settings,
            calibration: calibration.record.clone(),
            perplexity,
            seconds,
            peak_memory_bytes: peak_memory(),
        })
    }
}
