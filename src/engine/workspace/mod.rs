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
    config::{self, Machine, Settings},
    model::{Architecture, Checkpoint},
    pipeline::{CutModel, Pass},
    protocol::{Command, Event, Job, Pace, PerplexityRecord, RunRecord, SearchRecord, Seconds, Stamped, job},
    prune::{Part, Schedule},
    session::Session,
};

use super::{
    Context, Error, ModelChoice, SessionPlace, Worker,
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
    Choose, Export, LayerTries, PruneRun, Resume, Resumed, Retry, Tried, choose, export, prune, resume, retry,
};
pub use report::{Report, report};

/// The run number of what is told before the first job.
const OPENING: u64 = 0;

/// Opens a model, or the model of a session, on a thread of its own, then obeys commands until their channel closes. Every
/// job ends in one of `RunDone` (a run), `JobDone` (any other), `RunCancelled` and `RunFailed`; what was finished before
/// stays usable. `settings` hold until a run brings its own, or a session has others. What cannot be opened at the
/// beginning is the only failure that ends the thread.
pub fn workspace(model: ModelChoice, settings: Settings, place: SessionPlace) -> Worker<()> {
    start(OPENING, move |context| {
        let mut opening = Opening::first(model, settings, place, context)?;
        loop {
            let Opening { checkpoint, choice, settings, place, session } = opening;
            context.begin(OPENING, Pace::Free);
            let opened = context.stamp(opened(&checkpoint)?);
            context.leave_session();
            context.emit(opened.event.clone());
            let mut workspace = Workspace::new(&checkpoint, choice, settings, place);
            match session {
                Some(session) => workspace.restore(*session, context)?,
                None => workspace.early_events.push(opened),
            }
            let Some(next) = workspace.obey_all(context) else { return Ok(()) };
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
        let config::Calibration { texts, samples, seq_len, seed } = &settings.calibration;
        Self { calibration: texts.clone(), samples: *samples, seq_len: *seq_len, seed: *seed }
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
    fn obey_all(mut self, context: &mut Context) -> Option<Opening> {
        let mut next = None;
        while let Some(command) = context.next() {
            if let Command::Reopen { session } = command {
                match Opening::of_session(&session, None, context) {
                    Ok(opening) => {
                        next = Some(opening);
                        break;
                    }
                    Err(error) => context.emit(Event::Warning { message: error.to_string() }),
                }
            } else {
                self.obey(command, context);
            }
        }
        self.activations.flush();
        next
    }

    fn obey(&mut self, command: Command, context: &mut Context) {
        match command {
            Command::Start { run, pace, job } => {
                context.begin(run, pace);
                context.emit(Event::JobStarted { kind: job.kind() });
                let end = self.work(job, context).unwrap_or_else(|error| ending(&error));
                context.emit(end);
            }
            Command::Activate { layer, attempt } => {
                context.emit(match self.save_choice(layer, attempt) {
                    Ok(()) => Event::AttemptActivated { layer, attempt },
                    Err(error) => Event::Warning { message: error.to_string() },
                });
            }
            // Already obeyed, or meant for a job that has ended.
            Command::Control { .. }
            | Command::SaveDraft { .. }
            | Command::Reopen { .. }
            | Command::ReplaySpeed(_) => {}
        }
    }

    /// Does a job. Returns the event that ends it.
    fn work(&mut self, job: Job, context: &mut Context) -> Result<Event, Error> {
        match job {
            Job::Run(job::Run { from, ratios, settings, methods }) => {
                let (settings, target, seconds) = (*settings, None, Seconds::default());
                let run = Run { from, ratios, settings, methods, target, seconds };
                let record = Box::new(self.run(run, context)?);
                return Ok(Event::RunDone { record });
            }
            Job::Search(job::Search { settings }) => drop(self.find(*settings, context)?),
            Job::Retry(job::Retry { layer, method }) => drop(self.retry(layer, method, context)?),
            Job::ErrorCurve(job::ErrorCurve { layer, part, method }) => {
                drop(self.curve(layer, part, method, context)?)
            }
            Job::MeasurePerplexity(job::MeasurePerplexity { text, seq_len, bos }) => {
                drop(self.measure(text, seq_len, bos, context)?)
            }
            Job::Generate(job::Generate { prompt }) => drop(self.write(&prompt, context)?),
            Job::Export(job::Export { form, out, force }) => drop(self.export(&form, &out, force, context)?),
        }
        Ok(Event::JobDone)
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
        context: &mut Context,
    ) -> Result<Rc<Calibration>, Error> {
        let drawn = Drawn::by(settings);
        if let Some((by, calibration)) = &self.calibration
            && *by == drawn
        {
            match telling {
                Telling::Always => context.emit(calibration.told()),
                Telling::WhenDrawn => {}
            }
            return Ok(calibration.clone());
        }
        let calibration = match self.saved_calibration(settings, context)? {
            Some(kept) => kept,
            None => {
                let base = self.base.as_deref();
                Rc::new(Calibration::draw(settings, self.checkpoint, base, context)?)
            }
        };
        context.emit(calibration.told());
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
            search: self.search.clone().filter(|_| settings.ratios.schedule == Schedule::Auto),
            written: Vec::new(),
            settings,
            calibration: calibration.record.clone(),
            perplexity,
            seconds,
            peak_memory_bytes: peak_memory(),
        })
    }
}
