//! The workspace: keeps a model open and runs jobs on it, one after another.

mod activation_cache;
mod active_cuts;
mod attempt_writer;
mod attempts;
mod by_method;
mod caches;
mod evaluations;
mod jobs;
mod one_shot;
mod opening;
mod published;
mod session_writer;
mod setups;
mod stored_parts;

use std::path::PathBuf;

use candle_core::{DType, Device};

use crate::{
    config::Settings,
    model::{Architecture, Checkpoint, Kernels},
    pipeline::{CutModel, Pass},
    protocol::{Command, Event, Pace, PerplexityRecord, RunRecord, SearchRecord, Seconds},
    prune::{Part, Schedule},
};

use super::{
    Context, Error, ModelChoice, SessionPlace, Worker,
    calibrate::{Calibration, check_reach, resolved},
    describe::{model_record, opened},
    machine::peak_memory,
    worker::{ending, start},
};
use activation_cache::ActivationCache;
use active_cuts::ActiveCuts;
use attempts::Attempts;
use caches::{Announce, CalibrationCache, ForwardCache, WindowSource};
use evaluations::Perplexities;
use jobs::Generators;
use opening::OpenedModel;
use session_writer::SessionWriter;

pub use one_shot::*;

/// Job number of the events before the first job.
const OPENING: u64 = 0;

/// Opens a model, or a session with its model, on its own thread, and handles commands until their channel
/// closes. Every job ends with one of `RunDone` (a run), `JobDone` (another job), `JobCancelled` and
/// `JobFailed`. Layers finished earlier remain usable. `settings` apply until a run or a session replaces
/// them. Only a failure to open the first model ends the thread.
pub fn workspace(model: ModelChoice, settings: Settings, place: SessionPlace) -> Worker<()> {
    start(OPENING, move |context| {
        let mut opening = OpenedModel::first(model, settings, place, context)?;
        loop {
            let OpenedModel { checkpoint, choice, settings, place, session } = opening;
            context.begin(OPENING, Pace::Free);
            let opened = context.stamp(opened(&checkpoint)?);
            context.leave_session();
            context.emit(opened.event.clone());
            let mut workspace = Workspace::new(&checkpoint, choice, settings, place);
            match session {
                Some(session) => workspace.restore(*session, context)?,
                None => workspace.session.early_events.push(opened),
            }
            let Some(next) = workspace.obey_all(context) else { return Ok(()) };
            opening = next;
        }
    })
}

/// An open model with its attempts and the other data that jobs share.
struct Workspace<'c> {
    checkpoint: &'c Checkpoint,
    choice: ModelChoice,
    /// Settings of the last run; before the first run, the initial settings.
    settings: Settings,
    /// Durations of the last run.
    seconds: Seconds,
    attempts: Attempts,
    session: SessionWriter,
    /// Directory for resolving relative paths of texts, if it is not the current one.
    base: Option<PathBuf>,
    calibration: CalibrationCache,
    forward: ForwardCache,
    activations: ActivationCache,
    perplexities: Perplexities,
    /// A session that may contain a measured perplexity of the dense model.
    dense_from: Option<PathBuf>,
    /// The last ratio search.
    search: Option<SearchRecord>,
    generators: Generators,
}

impl<'c> Workspace<'c> {
    fn new(checkpoint: &'c Checkpoint, choice: ModelChoice, settings: Settings, place: SessionPlace) -> Self {
        Self {
            checkpoint,
            choice,
            settings,
            seconds: Seconds::default(),
            attempts: Attempts::new(checkpoint.architecture().layers.len()),
            session: SessionWriter::new(place),
            base: None,
            calibration: CalibrationCache::default(),
            forward: ForwardCache::default(),
            activations: ActivationCache::default(),
            perplexities: Perplexities::default(),
            dense_from: None,
            search: None,
            generators: Generators::default(),
        }
    }

    /// Handles commands until another session is opened, which is returned, or until the frontend closes its
    /// channels.
    fn obey_all(mut self, context: &mut Context) -> Option<OpenedModel> {
        let mut next = None;
        while let Some(command) = context.next() {
            if let Command::Reopen { session } = command {
                match OpenedModel::of_session(&session, None, context) {
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
                let end = jobs::work(job, self, context).unwrap_or_else(|error| ending(&error));
                context.emit(end);
            }
            Command::Activate(choices) => match self.save_choices(&choices) {
                Ok(()) => choices
                    .into_iter()
                    .for_each(|(layer, attempt)| context.emit(Event::AttemptActivated { layer, attempt })),
                Err(error) => context.emit(Event::Warning { message: error.to_string() }),
            },
            Command::Label(label) => {
                if let Err(error) = self.save_label(label) {
                    context.emit(Event::Warning { message: error.to_string() });
                }
            }
            // Already applied, or meant for an ended job.
            Command::Control { .. }
            | Command::SaveDraft { .. }
            | Command::Reopen { .. }
            | Command::ReplaySpeed(_)
            | Command::ReplaySeek(_) => {}
        }
    }

    /// The current settings, completed for this model.
    fn settings(&self) -> Result<Settings, Error> {
        resolved(self.settings.clone(), self.checkpoint.architecture())
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
        let (windows, weights) = (&calibration.windows, calibration.weights.as_ref());
        Pass { checkpoint: self.checkpoint, settings, windows, weights, device, dtype }
    }

    /// The cuts of the active attempts.
    fn active(&self) -> ActiveCuts<'_> {
        ActiveCuts { attempts: &self.attempts, session: self.session.get() }
    }

    /// The model with the active attempts; layers without an attempt are dense.
    fn cut_model<'a>(&'a self, active: &'a ActiveCuts<'a>) -> CutModel<'a> {
        CutModel::new(self.checkpoint, active, self.attempts.sizes(self.checkpoint.architecture()))
    }

    /// The architecture with the sizes and the biases of the active attempts.
    fn architecture(&self) -> Architecture {
        let before = self.checkpoint.architecture();
        let added = |part| self.attempts.add_bias(part);
        let biased = before.with_output_biases(added(Part::Attention), added(Part::Mlp));
        biased.with_layers(self.attempts.sizes(before))
    }

    /// The content of `run.json` for the model with the active attempts.
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
            guard: self.newest_guard(),
            seconds,
            peak_memory_bytes: peak_memory(),
            kernels: Some(Kernels::in_use().name().into()),
        })
    }
}
