//! The state of the explorer: the shared state, and the state of each screen and dialog.

use crate::{
    config::{Evaluation, Settings},
    progress::Progress,
    protocol::{CalibrationRecord, Counts, ModelRecord, ModelShape, RunRecord, Stage},
    words::Notation,
};

use super::view::widgets::Spacing;
use super::{
    Action, CommandLog, Comparison, Dialog, Effect, Form, History, Idle, Job, Jobs, KeyMap, Layer, Log,
    Origin, Panel, Playback, Revision, Schedule, Screen, Screens, Search, SessionsOnDisk, Spot, Start,
    Status, screens::errors::what_if::WhatIf,
};

#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub origin: Origin,
    /// None until the model is open.
    pub model: Option<Model>,
    /// Settings of the next run; its ratios are those of the schedule.
    pub settings: Settings,
    pub layers: Vec<Layer>,
    pub schedule: Schedule,
    /// The newest search for ratios.
    pub search: Search,
    pub history: History,
    pub jobs: Jobs,
    /// Progress of the running job.
    pub tracker: Progress,
    /// Record of the last finished run.
    pub record: Option<RunRecord>,
    pub calibration: Option<CalibrationRecord>,
    pub compare: Comparison,
    pub previous_runs: Vec<PreviousRun>,
    /// The last pass with one part dense.
    pub what_if: Option<WhatIf>,
    pub log: Log,
    /// What was done, as commands.
    pub commands: CommandLog,
    pub idle: Idle,
    pub sessions: SessionsOnDisk,
    pub draft: Revision,
    /// The last action that was not handled by a dialog.
    pub last_action: Option<Action>,

    pub screen: Screen,
    /// The focused panel of each screen, in the order of [`Screen::ALL`].
    pub focus: [&'static Panel; Screen::ALL.len()],
    /// State of each screen.
    pub screens: Screens,
    /// Open dialogs, the bottom one first.
    pub dialogs: Vec<Dialog>,
    pub zoom: Zoom,
    /// The selected layer, shared by all screens.
    pub layer: usize,
    pub notice: Option<Notice>,
    /// The reading under the mouse.
    pub hover: Option<Spot>,
    pub interface: Interface,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Progress of opening the model: stage, amount done, total.
    pub opening: Option<(Stage, u64, u64)>,
    /// Whether the selection follows the layer being solved; moving the selection ends this.
    pub follow: bool,
    /// Whether layers were pruned since the last export.
    pub unsaved: bool,
    /// The last submitted export form, reopened if the export fails.
    pub export_form: Option<Form>,
    /// The place of a replay.
    pub playback: Playback,
    /// Set once the engine has ended, with the reason if it failed.
    pub engine_gone: Option<Option<String>>,
}

/// What fills the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zoom {
    #[default]
    Screen,
    /// The focused panel of the screen.
    Panel,
}

/// Output errors of an earlier run, drawn behind those of the current one.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviousRun {
    /// Number of the run, from 1.
    pub run: u64,
    /// Indexed by layer; None if not tracked.
    pub output_errors: Vec<Option<f64>>,
}

/// Keys, theme and mouse settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    pub keymap: KeyMap,
    /// Names of the themes.
    pub themes: Vec<String>,
    /// Index of the current theme.
    pub theme: usize,
    /// Whether the explorer uses the mouse.
    pub mouse: bool,
    /// The notation of relative errors.
    pub notation: Notation,
    /// The spacing of axes of errors.
    pub errors: Spacing,
}

/// The model once it is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub record: ModelRecord,
    pub shape: ModelShape,
}

/// A message in the footer; the next key clears it.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub kind: NoticeKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Done,
    Refused,
    Failed,
}

impl State {
    pub fn new(start: Start) -> Self {
        let eval = start.eval.or(start.settings.evaluation.text.clone());
        Self {
            origin: start.origin,
            model: None,
            schedule: Schedule::default(),
            search: Search::default(),
            compare: Comparison::new(Evaluation { text: eval, ..start.settings.evaluation.clone() }),
            settings: start.settings,
            layers: Vec::new(),
            history: History::default(),
            jobs: Jobs::new(start.pace),
            tracker: Progress::default(),
            record: None,
            calibration: None,
            previous_runs: Vec::new(),
            what_if: None,
            log: Log::default(),
            commands: CommandLog::new(start.model_argument),
            idle: Idle::new(start.idle_curves),
            sessions: SessionsOnDisk {
                root: start.sessions_root,
                offers: start.offers,
                ..SessionsOnDisk::default()
            },
            draft: Revision::default(),
            last_action: None,
            screen: Screen::default(),
            focus: Screen::ALL.map(|screen| screen.panels()[0]),
            layer: 0,
            screens: Screens::default(),
            dialogs: Vec::new(),
            zoom: Zoom::default(),
            notice: None,
            hover: None,
            interface: Interface {
                keymap: start.keymap,
                themes: start.themes,
                theme: start.theme,
                mouse: start.mouse,
                notation: Notation::default(),
                errors: Spacing::default(),
            },
            size: start.size,
            opening: None,
            follow: true,
            unsaved: false,
            export_form: None,
            playback: Playback::default(),
            engine_gone: None,
        }
    }

    /// The running job.
    pub fn job(&self) -> Option<&Job> {
        self.jobs.queue.front()
    }

    pub fn is_replay(&self) -> bool {
        matches!(self.origin, Origin::Replay { .. })
    }

    /// Status of a layer.
    pub fn status(&self, index: usize) -> Status {
        let Some(layer) = self.layers.get(index) else { return Status::Waiting };
        if let Some(work) = &layer.work {
            return if work.solving { Status::Pruning } else { Status::Calibrating };
        }
        if layer.failed.is_some() {
            return Status::Failed;
        }
        let Some(result) = layer.active() else { return Status::Waiting };
        let active = self.layers.iter().map(|layer| layer.chosen);
        let planned = self.schedule.ratios.get(index).copied();
        let counts = |ratio| {
            let goal = super::goal(&layer.shape, ratio, &self.settings);
            let unit = layer.shape.unit(self.settings.objective.attention_unit, ratio);
            Some(Counts::new(unit, goal.attention, goal.mlp))
        };
        if result.attempt.is_stale(active, planned, counts) { Status::Stale } else { Status::Done }
    }

    /// Parameters with the active attempts, and with the plan for layers without one.
    pub fn parameters_after(&self) -> u64 {
        let Some(model) = &self.model else { return 0 };
        let gone: u64 = (0..self.layers.len())
            .map(|index| self.removed_active(index).unwrap_or_else(|| self.goal(index).parameters))
            .sum();
        model.shape.parameters - gone.min(model.shape.parameters)
    }

    /// Parameters with the active attempts; layers without one are dense.
    pub fn parameters_active(&self) -> u64 {
        let Some(model) = &self.model else { return 0 };
        let gone: u64 = (0..self.layers.len()).filter_map(|index| self.removed_active(index)).sum();
        model.shape.parameters - gone.min(model.shape.parameters)
    }

    /// Parameters with the planned schedule, independent of the layers pruned so far.
    pub fn parameters_planned(&self) -> u64 {
        let Some(model) = &self.model else { return 0 };
        let gone: u64 = (0..self.layers.len()).map(|index| self.goal(index).parameters).sum();
        model.shape.parameters - gone.min(model.shape.parameters)
    }

    /// Bytes of the weights with this many parameters.
    pub fn bytes_of(&self, parameters: u64) -> u64 {
        let Some(model) = &self.model else { return 0 };
        let share = parameters as f64 / model.shape.parameters.max(1) as f64;
        (model.shape.bytes as f64 * share).round() as u64
    }

    /// The finished fraction of the running job, and its remaining seconds at the measured speeds.
    pub fn progress(&self) -> Option<(f64, Option<f64>)> {
        let job = self.job().filter(|job| job.run == self.tracker.run())?;
        Some((self.tracker.share()?, self.tracker.left().filter(|_| !job.is_over())))
    }

    /// Output errors of the active attempts, indexed by layer.
    pub fn output_errors(&self) -> Vec<Option<f64>> {
        self.layers.iter().map(|layer| layer.active()?.record.output_error).collect()
    }

    /// Updates the list of active attempts after one has changed.
    pub(super) fn settle_choices(&mut self) {
        self.compare.active = self.layers.iter().map(|layer| layer.chosen).collect();
    }

    /// The first layer to prune.
    pub fn first_to_run(&self) -> Option<usize> {
        (0..self.layers.len()).find(|&index| match self.status(index) {
            Status::Waiting | Status::Stale | Status::Failed => true,
            Status::Done | Status::Calibrating | Status::Pruning => false,
        })
    }

    /// The layer at which resuming starts: the first one to prune, or the one after the last if only the last
    /// steps of an interrupted run are missing.
    pub fn goes_on_from(&self) -> Option<usize> {
        let end = self.jobs.broken_off && !self.layers.is_empty();
        self.first_to_run().or_else(|| end.then_some(self.layers.len()))
    }

    fn removed_active(&self, index: usize) -> Option<u64> {
        let layer = self.layers.get(index)?;
        let record = &layer.active()?.record;
        // The unit follows from the record, because the settings may have changed.
        let unit = layer.shape.per_attention_unit(layer.unit_of(&record.attention));
        Some(
            record.attention.removed.len() as u64 * unit
                + record.mlp.removed.len() as u64 * layer.shape.per_channel,
        )
    }

    pub(super) fn say(&mut self, kind: NoticeKind, text: impl Into<String>) {
        self.notice = Some(Notice { kind, text: text.into() });
    }

    /// Shows the reason for a refusal.
    pub(super) fn refuse(&mut self, why: impl Into<String>) -> Vec<Effect> {
        self.say(NoticeKind::Refused, why);
        Vec::new()
    }
}
