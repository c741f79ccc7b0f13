//! The resident engine behind the explorer: keeps a model open and does one job after the other on it.

mod approach;
mod attempts;
mod curve;
mod export;
mod measure;
mod retry;
mod run;
mod write;

use std::rc::Rc;

use candle_core::{DType, Device};

use crate::{
    config::{Machine, Settings, TextSource},
    model::{BlockByBlock, Checkpoint},
    pipeline::{CutModel, Pass},
    protocol::{Command, Event, Method, Pace, PerplexityRecord, RunRecord, Seconds},
};

use super::{
    Control, Error, ModelChoice, Worker,
    calibrate::{Calibration, resolved},
    describe::{model_record, opened},
    machine::{forward_on, peak_memory},
    worker::{ending, start},
};
use approach::Waypoints;
use attempts::Attempts;
use measure::Perplexities;
use write::Writers;

/// The run number of what is told before the first job.
const OPENING: u64 = 0;

/// Opens a model on a thread of its own, then obeys commands until their channel closes. Every job ends in one of
/// `RunDone` (a run), `JobDone` (any other), `RunCancelled` and `RunFailed`; what was finished before stays usable.
/// `settings` hold until a run brings its own. A model that cannot be opened is the only failure that ends the thread.
pub fn workbench(model: ModelChoice, settings: Settings) -> Worker<()> {
    start(OPENING, move |control| {
        let checkpoint = model.open(control)?;
        control.tell(opened(&checkpoint)?);
        let mut bench = Bench::new(&checkpoint, settings);
        while let Some(command) = control.next() {
            bench.obey(command, control);
        }
        Ok(())
    })
}

/// An open model with everything that has been found out about it.
struct Bench<'c> {
    checkpoint: &'c Checkpoint,
    /// Of the last run; before the first, what the workbench was given.
    settings: Settings,
    /// Of the last run.
    seconds: Seconds,
    attempts: Attempts,
    calibration: Option<(Drawn, Rc<Calibration>)>,
    forward: Option<(Machine, Device, DType)>,
    waypoints: Waypoints,
    perplexities: Perplexities,
    writers: Writers,
}

/// What calibration windows depend on.
#[derive(Clone, Debug, PartialEq)]
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

impl<'c> Bench<'c> {
    fn new(checkpoint: &'c Checkpoint, settings: Settings) -> Self {
        Self {
            checkpoint,
            settings,
            seconds: Seconds::default(),
            attempts: Attempts::new(checkpoint.architecture().layers.len()),
            calibration: None,
            forward: None,
            waypoints: Waypoints::default(),
            perplexities: Perplexities::default(),
            writers: Writers::default(),
        }
    }

    fn obey(&mut self, command: Command, control: &mut Control) {
        match command {
            Command::Run { run, from, ratios, settings, pace } => {
                self.work(run, pace, control, |bench, control| bench.run(from, ratios, *settings, control));
            }
            Command::Retry { run, layer, method, pace } => {
                self.work(run, pace, control, |bench, control| bench.retry(layer, method, control));
            }
            Command::Choose { layer, attempt } => {
                control.tell(match self.attempts.choose(layer, attempt) {
                    Ok(()) => Event::Chosen { layer, attempt },
                    Err(error) => Event::Warning { message: error.to_string() },
                });
            }
            Command::Curve { run, layer, part, method } => {
                self.work(run, Pace::Free, control, |bench, control| {
                    bench.curve(layer, part, method, control)
                });
            }
            Command::Measure { run, text, seq_len, bos } => {
                self.work(run, Pace::Free, control, |bench, control| {
                    bench.measure(text, seq_len, bos, control)
                });
            }
            Command::Write { run, prompt } => {
                self.work(run, Pace::Free, control, |bench, control| bench.write(&prompt, control));
            }
            Command::Export { run, format, out, force } => {
                self.work(run, Pace::Free, control, |bench, control| {
                    bench.export(format, &out, force, control)
                });
            }
            // These go to the job at work, and there is none.
            Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Step { .. }
            | Command::Pace { .. }
            | Command::Cancel { .. }
            | Command::Replan { .. }
            | Command::Keep { .. }
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
        control.tell(end);
    }

    /// The settings that hold, complete for this model.
    fn settings(&self) -> Result<Settings, Error> {
        resolved(self.settings.clone(), self.checkpoint.architecture())
    }

    /// The settings that hold, with one layer's own.
    fn settings_with(&self, method: &Method) -> Result<Settings, Error> {
        Ok(Settings {
            parts: method.parts.clone(),
            damping: method.damping,
            head_score: method.head_score,
            group_size: method.group_size,
            compensation: method.compensation,
            ..self.settings()?
        })
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
                Telling::Always => control.tell(calibration.told()),
                Telling::WhenDrawn => {}
            }
            return Ok(calibration.clone());
        }
        let calibration = Rc::new(Calibration::draw(settings, self.checkpoint, control)?);
        control.tell(calibration.told());
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

    /// The model as the attempts in force make it; layers without one are dense.
    fn cut_model(&self) -> CutModel<'_> {
        CutModel::new(self.checkpoint, self.attempts.cuts())
    }

    /// What `run.json` says of the model that the attempts in force make.
    fn record(
        &self,
        settings: Settings,
        calibration: &Calibration,
        perplexity: Option<PerplexityRecord>,
        seconds: Seconds,
    ) -> Result<RunRecord, Error> {
        Ok(RunRecord {
            slimgpt_version: env!("CARGO_PKG_VERSION").into(),
            model: model_record(self.checkpoint, self.cut_model().architecture())?,
            layers: self.attempts.records(self.checkpoint.architecture(), &settings),
            settings,
            calibration: calibration.record.clone(),
            perplexity,
            seconds,
            peak_memory_bytes: peak_memory(),
        })
    }
}
