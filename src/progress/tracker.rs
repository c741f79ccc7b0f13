//! Follows the events of a job.

use crate::{
    protocol::{Event, JobKind, ModelShape, PlannedLayer, Stage, Stamped},
    prune::Part,
};

use super::{
    rates::Rates,
    search,
    steps::{Step, Steps},
    work::{self, INVERTED, Layer, PARTS, Windows},
};

/// Seconds before a remaining time is shown.
const WARM_UP: f64 = 0.5;
/// Largest fraction before any computation is measured.
const UNMEASURED: f64 = 0.02;
/// Fraction of a solve that is done when all units are removed.
const REMOVED: f64 = 0.8;
/// A measurement counts 1/e after this fraction of the work of its kind.
const HORIZON: f64 = 0.2;
/// Windows of a search for each of its purposes.
const SEARCH_WINDOWS: usize = 8;

/// Progress of the newest job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// None until the model is open.
    model: Option<ModelShape>,
    run: u64,
    kind: Option<JobKind>,
    steps: Steps,
    rates: Rates,
    layers: Vec<Layer>,
    /// The first layer of a run.
    from: usize,
    windows: Option<Windows>,
    evaluation: Option<Evaluation>,
    /// Units removed from the part being solved, and their target.
    removed: usize,
    /// Seconds of the newest event, and of the newest one that belongs to a step.
    now: f64,
    counted: f64,
    /// Never falls.
    share: f64,
    /// The remaining seconds told.
    told: Option<f64>,
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Evaluation {
    tokens: f64,
    length: f64,
    dense: bool,
    divergence: bool,
}

impl Progress {
    /// The finished fraction; None before the first step of a job.
    pub fn share(&self) -> Option<f64> {
        (self.counted > 0.0 || self.over).then_some(self.share)
    }

    /// Remaining seconds at the measured speeds; None until a computation is measured.
    pub fn left(&self) -> Option<f64> {
        if self.over {
            return Some(0.0);
        }
        self.told
    }

    /// Number of the job.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Follows an event. An event of another job starts again.
    pub fn observe(&mut self, stamped: &Stamped) {
        let Stamped { run, at, event } = stamped;
        let belongs_to_none = matches!(
            event,
            Event::ModelOpened { .. } | Event::SessionOpened { .. } | Event::AttemptActivated { .. }
        );
        if *run != self.run && !belongs_to_none {
            self.begin(*run);
        }
        if !belongs_to_none {
            self.now = self.now.max(*at);
        }
        self.apply(event);
        let left = self.seconds_left();
        let share = self.now / (self.now + left).max(f64::MIN_POSITIVE);
        let most = match (self.over, self.rates.is_measured()) {
            (true, _) => 1.0,
            (false, true) => 0.999,
            (false, false) => UNMEASURED,
        };
        self.share = self.share.max(if self.over { 1.0 } else { share.clamp(0.0, most) });
        if self.rates.is_measured() && self.now > WARM_UP && self.share >= UNMEASURED {
            self.told = Some(left);
        }
    }

    fn begin(&mut self, run: u64) {
        *self = Self { run, model: self.model.take(), windows: self.windows, ..Self::default() };
    }

    fn seconds_left(&self) -> f64 {
        // The step in work advances although no event has reported it.
        (self.steps.left(&self.rates) - (self.now - self.counted)).max(0.0)
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::ModelOpened { shape, .. } => self.model = Some(shape.clone()),
            Event::JobStarted { kind } => self.started(*kind),
            Event::RunStarted { from, settings, plan, .. } => {
                let dense = settings.needs_dense_stream();
                let calibration = &settings.calibration;
                self.windows = Some(Windows {
                    samples: calibration.samples,
                    seq_len: calibration.seq_len.unwrap_or(2048),
                    streams: if dense { 2 } else { 1 },
                });
                self.from = *from;
                self.planned(plan);
            }
            Event::CalibrationReady { samples, seq_len, .. } => {
                // A search draws the windows before the run has begun; runs compare both streams by default.
                let usual = if self.kind == Some(JobKind::Run) { 2 } else { 1 };
                let streams = self.windows.map_or(usual, |windows| windows.streams);
                self.windows = Some(Windows { samples: *samples, seq_len: *seq_len, streams });
                self.finish(Step::Texts);
                self.plan_layers();
            }
            Event::EvaluationReady { windows, seq_len, dense, divergence, text: _ } => {
                let (tokens, length) = ((windows * seq_len) as f64, *seq_len as f64);
                self.evaluation = Some(Evaluation { tokens, length, dense: *dense, divergence: *divergence });
                self.finish(Step::Texts);
                self.plan_evaluation();
            }
            Event::Progress { stage, done, total } => self.progress(stage, *done, *total),
            Event::LayerStarted { layer, method, .. } => {
                self.removed = 0;
                // What came before, such as opening the session, says nothing about the speed of the first step.
                self.counted = self.now;
                if self.kind != Some(JobKind::Run) {
                    self.plan_layer(*layer);
                    let copied = |part| !method.parts.contains(&part);
                    let copied = PARTS.into_iter().filter(|&part| copied(part));
                    copied.for_each(|part| self.steps.remove_part(*layer, part));
                }
            }
            Event::HessianStatistics { layer, part, .. } => {
                self.removed = 0;
                self.finish(Step::Measure(*layer, *part));
                let solved = self.layer(*layer).is_none_or(|layer| layer.is_solved(*part));
                self.advance(Step::Solve(*layer, *part), if solved { INVERTED } else { 1.0 });
            }
            Event::UnitsRemoved { layer, part, units, .. } => {
                self.removed += units.len();
                let goal = self.units(*layer, *part).max(1);
                let removed = (self.removed as f64 / goal as f64).min(1.0);
                self.advance(Step::Solve(*layer, *part), INVERTED + (REMOVED - INVERTED) * removed);
            }
            Event::PartDone { layer, part, .. } => {
                self.finish(Step::Measure(*layer, *part));
                self.finish(Step::Solve(*layer, *part));
            }
            Event::LayerDone { record, .. } => self.layer_done(record.index),
            Event::ErrorCurve { .. } => self.finish(Step::Curve),
            Event::RatiosTried { .. } => {}
            Event::RatiosFound { .. } => {
                self.finish(Step::PredictForward);
                self.finish(Step::Predict);
                self.finish(Step::Sensitivity);
                self.finish(Step::Trials);
            }
            Event::PerplexityMeasured { record } => {
                if self.evaluation.is_none() && self.kind == Some(JobKind::Run) {
                    // Earlier versions announced no evaluation and measured the dense model first.
                    let (tokens, length) = (record.tokens as f64, record.seq_len as f64);
                    self.evaluation = Some(Evaluation { tokens, length, dense: true, divergence: false });
                    self.plan_evaluation();
                }
                if record.before.is_finite() {
                    self.finish(Step::Evaluate { pruned: false });
                }
                if record.after.is_some() {
                    self.finish(Step::Evaluate { pruned: true });
                }
            }
            Event::ExportWritten { .. } => {}
            Event::RunDone { .. } | Event::JobDone => self.over = true,
            Event::SessionRestored { .. }
            | Event::SessionOpened { .. }
            | Event::DampingRaised { .. }
            | Event::PrecisionRaised { .. }
            | Event::PartFailed { .. }
            | Event::AttemptActivated { .. }
            | Event::SensitivityMeasured { .. }
            | Event::OutputErrorMeasured { .. }
            | Event::AttemptCompared { .. }
            | Event::TokensMeasured { .. }
            | Event::StepPictured { .. }
            | Event::Warning { .. }
            | Event::GeneratedText { .. }
            | Event::GenerationFinished { .. }
            | Event::Paused
            | Event::Resumed
            | Event::JobCancelled
            | Event::JobFailed { .. } => {}
        }
    }

    fn started(&mut self, kind: JobKind) {
        self.kind = Some(kind);
        match kind {
            JobKind::Run => self.plan_layers(),
            JobKind::Search => self.plan_search(None),
            JobKind::Export => {
                self.steps.plan(Step::Export, 1.0);
                self.steps.plan(Step::Verify, 1.0);
            }
            JobKind::Generate => self.steps.plan(Step::Load, 1.0),
            JobKind::Retry
            | JobKind::ErrorCurve
            | JobKind::MeasurePerplexity
            | JobKind::CompareStreams
            | JobKind::CompareAttempts
            | JobKind::RecordSteps => {}
        }
    }

    /// The ratios of a run are fixed.
    fn planned(&mut self, plan: &[PlannedLayer]) {
        self.kind = Some(JobKind::Run);
        let Some(model) = &self.model else { return };
        let planned = model.layers.iter().zip(plan).map(|(&shape, planned)| Layer::planned(shape, planned));
        self.layers = planned.collect();
        self.plan_layers();
    }

    fn layer(&self, index: usize) -> Option<Layer> {
        let shape = *self.model.as_ref()?.layers.get(index)?;
        Some(self.layers.get(index).copied().unwrap_or_else(|| Layer::unplanned(shape)))
    }

    /// Units to remove from a part.
    fn units(&self, layer: usize, part: Part) -> usize {
        let Some(layer) = self.layer(layer) else { return 0 };
        match part {
            Part::Attention => layer.attention_units,
            Part::Mlp => layer.mlp_units,
        }
    }

    fn plan_layers(&mut self) {
        if self.kind != Some(JobKind::Run) {
            return;
        }
        let layers = self.model.as_ref().map_or(0, |model| model.layers.len());
        (self.from..layers).for_each(|layer| self.plan_layer(layer));
        self.plan_evaluation();
    }

    fn plan_layer(&mut self, index: usize) {
        let (Some(model), Some(layer), Some(windows)) = (&self.model, self.layer(index), self.windows) else {
            return;
        };
        for part in PARTS {
            self.steps.plan(Step::Measure(index, part), work::measure(model, &layer, part, windows));
            self.steps.plan(Step::Solve(index, part), work::solve(model, &layer, part));
            self.steps.plan(Step::Propagate(index, part), work::propagate(model, &layer, part, windows));
        }
    }

    fn plan_evaluation(&mut self) {
        let (Some(model), Some(evaluation)) = (&self.model, self.evaluation) else { return };
        let Evaluation { tokens, length, dense, divergence } = evaluation;
        let work = |pruned: bool| {
            let layers = (0..model.layers.len()).filter_map(|layer| self.layer(layer));
            let blocks: f64 = layers.map(|layer| work::forward(model, &layer, tokens, length, pruned)).sum();
            blocks + work::head(model, tokens)
        };
        let (before, after) = (work(false), work(true));
        // A divergence is measured with another pass of the dense model, in the same step.
        let compared = if divergence { before } else { 0.0 };
        self.steps.plan(Step::Evaluate { pruned: true }, after + compared);
        if dense {
            self.steps.plan(Step::Evaluate { pruned: false }, before);
        }
    }

    fn search_windows(&self) -> Windows {
        let all = self.windows.unwrap_or(Windows { samples: 3 * SEARCH_WINDOWS, seq_len: 512, streams: 1 });
        Windows { samples: SEARCH_WINDOWS.min(all.samples / 3).max(1), streams: 1, ..all }
    }

    fn plan_search(&mut self, total: Option<u64>) {
        let Some(model) = &self.model else { return };
        let windows = self.search_windows();
        let sensitivity = search::sensitivity(model, windows, total);
        self.steps.plan(Step::Sensitivity, sensitivity);
        if !self.steps.has(Step::Trials) {
            let trials = search::trials(model, windows, 48);
            self.steps.plan(Step::Trials, trials);
        }
    }

    fn progress(&mut self, stage: &Stage, done: u64, total: u64) {
        let step = Step::of_stage(stage);
        let share = done as f64 / total.max(1) as f64;
        match stage {
            Stage::PredictCosts { .. } => {
                self.kind.get_or_insert(JobKind::Run);
                let Some(model) = &self.model else { return self.advance(step, share) };
                let windows = self.search_windows();
                let (forward, back) = search::predicted(model, windows, done);
                self.steps.plan(Step::PredictForward, search::forward(model, windows));
                self.steps.plan(Step::Predict, search::walk_back(model, windows));
                self.advance(Step::PredictForward, forward);
                return self.advance(step, back);
            }
            Stage::Sensitivity { .. } => {
                self.kind.get_or_insert(JobKind::Run);
                self.plan_search(Some(total));
                let windows = self.search_windows();
                let done = self
                    .model
                    .as_ref()
                    .map_or(share, |model| search::sensitivity_done(model, windows, done, total));
                return self.advance(step, done);
            }
            Stage::TryRatios => {
                self.finish(Step::Predict);
                self.finish(Step::Sensitivity);
                if let Some(model) = &self.model {
                    let work = search::trials(model, self.search_windows(), total);
                    self.steps.plan(Step::Trials, work);
                }
                return self.advance(step, share);
            }
            // The number of swaps is unknown in advance.
            Stage::Refine { .. } => return self.advance(step, REMOVED),
            Stage::ReplayLayers { layer } => {
                if self.kind != Some(JobKind::Run) {
                    self.plan_layer(*layer);
                }
                if let (Some(model), Some(windows)) = (&self.model, self.windows) {
                    let passed = total as f64 / windows.samples.max(1) as f64;
                    let of_layer = self.layer(0).map_or(1.0, |layer| {
                        let tokens = windows.tokens() * windows.streams as f64;
                        work::forward(model, &layer, tokens, windows.seq_len as f64, false)
                    });
                    self.steps.plan(step, passed * of_layer);
                }
            }
            Stage::EliminationPath { layer, part } => {
                if let (Some(model), Some(layer)) = (&self.model, self.layer(*layer)) {
                    let work = work::solve(model, &layer, *part);
                    self.steps.plan(step, work);
                }
            }
            Stage::Evaluate { .. } => return self.advance(step, self.evaluated(share)),
            Stage::Download { .. }
            | Stage::Fingerprint
            | Stage::CompareStreams
            | Stage::CompareAttempts { .. }
            | Stage::Export
            | Stage::Verify
            | Stage::LoadModel
            | Stage::ReadText
            | Stage::WeighTokens
            | Stage::WriteText
            | Stage::Tokenise
            | Stage::Calibrate { .. }
            | Stage::Propagate { .. } => {}
        }
        if !self.steps.has(step) {
            self.steps.plan(step, 1.0);
        }
        self.advance(step, share);
    }

    /// The fraction of the work of an evaluation after this fraction of its passes: one pass per block, and one for the
    /// output head.
    fn evaluated(&self, passes: f64) -> f64 {
        let (Some(model), Some(Evaluation { tokens, length, .. })) = (&self.model, self.evaluation) else {
            return passes;
        };
        let blocks = model.layers.len() as f64;
        let block = self.layer(0).map_or(1.0, |layer| work::forward(model, &layer, tokens, length, false));
        let head = work::head(model, tokens);
        let done = passes * (blocks + 1.0);
        (done.min(blocks) * block + (done - blocks).max(0.0) * head) / (blocks * block + head)
    }

    fn layer_done(&mut self, layer: usize) {
        for part in PARTS {
            for step in [Step::Measure(layer, part), Step::Solve(layer, part), Step::Propagate(layer, part)] {
                // Steps that were left out took no time, so they are not measurements.
                self.steps.advance(step, 1.0);
            }
        }
    }

    fn finish(&mut self, step: Step) {
        self.advance(step, 1.0);
    }

    /// A step has reached this fraction; the time since the last one belongs to it.
    fn advance(&mut self, step: Step, done: f64) {
        let work = self.steps.advance(step, done);
        if work <= 0.0 {
            return;
        }
        let (kind, seconds) = (step.kind(), self.now - self.counted);
        self.counted = self.now;
        let horizon = HORIZON * self.steps.work_of(kind);
        self.rates.add(kind, work, seconds, horizon);
    }
}
