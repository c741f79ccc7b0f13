//! A layer: its attempts, the active one and the one being solved.

use std::borrow::Cow;

use crate::{
    protocol::{
        Attempt, CurvePoint, Event, HessianStats, LayerRecord, LayerShape, Method, MomentPicture, PartRecord,
    },
    prune::{AttentionUnit, Part, StreamErrors},
};

use super::{RecordedSteps, Work, screens::layer::side_by_side::SideBySide};

#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub shape: LayerShape,
    /// Attempts in the order in which they were solved.
    pub attempts: Vec<AttemptResult>,
    /// Number of the active attempt.
    pub chosen: Option<usize>,
    pub work: Option<Work>,
    /// Why the last solve failed; cleared by the next one.
    pub failed: Option<String>,
    /// Error versus ratio of the parts for which it was computed.
    pub curves: Vec<Curve>,
    /// Events of the newest solve, stored for the panels that show them.
    pub reported: Vec<Event>,
    /// Recorded elimination steps, at most one path per part.
    pub recorded: Vec<RecordedSteps>,
    /// The attempts that are shown side by side.
    pub side_by_side: SideBySide,
}

/// A finished solve of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptResult {
    pub attempt: Attempt,
    pub record: LayerRecord,
    /// Both streams behind each part, if they were compared.
    pub stream_errors: Option<StreamErrors>,
    pub attention: Option<PartStatistics>,
    pub mlp: Option<PartStatistics>,
    /// Duration of the attempt, if the explorer has received its events.
    pub seconds: Option<f64>,
}

/// Statistics of a part before any removal.
#[derive(Clone, Debug, PartialEq)]
pub struct PartStatistics {
    pub stats: HessianStats,
    pub picture: MomentPicture,
    /// Scores, indexed by unit.
    pub scores: Vec<f32>,
    /// Units by ascending score; equal scores by ascending number.
    pub order: Vec<u32>,
    /// E‖y‖²; None if it is computed after the part.
    pub energy: Option<f64>,
}

impl PartStatistics {
    pub fn new(stats: HessianStats, picture: MomentPicture, scores: Vec<f32>, energy: Option<f64>) -> Self {
        let mut order: Vec<u32> = (0..).take(scores.len()).collect();
        order.sort_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize]));
        Self { stats, picture, scores, order, energy }
    }
}

/// The error at every ratio of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub part: Part,
    /// Units before pruning.
    pub units: usize,
    pub points: Vec<CurvePoint>,
    /// Method of the elimination path.
    pub method: Method,
}

/// Status of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Waiting,
    Calibrating,
    Pruning,
    Done,
    /// An earlier layer has another active attempt now, or the planned ratio has changed.
    Stale,
    Failed,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Calibrating => "calibrating",
            Self::Pruning => "pruning",
            Self::Done => "done",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }
}

/// One part of a layer, from the attempt being solved or from a finished one.
#[derive(Clone, Copy, Debug)]
pub struct PartView<'a> {
    pub part: Part,
    /// Units before pruning.
    pub units: usize,
    /// Removed units, in the order of removal.
    pub removed: &'a [usize],
    /// Increase in E‖Δy‖² per token, indexed by batch.
    pub step_errors: &'a [f64],
    /// Units per batch, indexed by batch.
    pub group_sizes: &'a [usize],
    pub seen: Option<&'a PartStatistics>,
    /// Units to remove; those removed so far if the target is unknown.
    pub goal: usize,
    /// True while the part is being solved.
    pub live: bool,
}

impl Layer {
    pub fn new(shape: LayerShape) -> Self {
        Self {
            shape,
            attempts: Vec::new(),
            chosen: None,
            work: None,
            failed: None,
            curves: Vec::new(),
            reported: Vec::new(),
            recorded: Vec::new(),
            side_by_side: SideBySide::default(),
        }
    }

    /// The active attempt.
    pub fn active(&self) -> Option<&AttemptResult> {
        self.chosen.and_then(|number| self.attempt(number))
    }

    pub fn attempt(&self, number: usize) -> Option<&AttemptResult> {
        self.attempts.iter().find(|result| result.attempt.number == number)
    }

    /// The error at every ratio, if it was computed; otherwise up to the cut of the shown attempt.
    pub fn curve(&self, part: Part) -> Option<Cow<'_, Curve>> {
        let computed = self.computed_curve(part).filter(|curve| !curve.points.is_empty());
        computed.map(Cow::Borrowed).or_else(|| self.path(part).map(Cow::Owned))
    }

    /// The error curve that was continued past the cut.
    pub fn computed_curve(&self, part: Part) -> Option<&Curve> {
        self.curves.iter().find(|curve| curve.part == part)
    }

    /// The errors of the shown attempt after each of its steps; None before the first step and while E‖y‖² is
    /// unknown.
    fn path(&self, part: Part) -> Option<Curve> {
        let view = self.view(part)?;
        let (energy, method) = match &self.work {
            Some(work) => (view.seen?.energy?, &work.method),
            None => {
                let active = self.active()?;
                (active.record(part).energy()?, &active.attempt.method)
            }
        };
        if view.step_errors.is_empty() || energy <= 0.0 {
            return None;
        }
        let mut points = vec![CurvePoint { removed: 0, relative_error: 0.0 }];
        let (mut removed, mut sum) = (0, 0.0);
        for (error, size) in view.step_errors.iter().zip(view.group_sizes) {
            removed += size;
            sum += error;
            points.push(CurvePoint { removed, relative_error: sum / energy });
        }
        Some(Curve { part, units: view.units, points, method: method.clone() })
    }

    /// The recorded elimination steps of a part.
    pub fn recorded(&self, part: Part) -> Option<&RecordedSteps> {
        self.recorded.iter().find(|recorded| recorded.part == part)
    }

    /// The unit of the attention of a record.
    pub fn unit_of(&self, record: &PartRecord) -> AttentionUnit {
        record.unit_with(self.shape.kv_heads)
    }

    /// A part of the attempt being solved, or of the active one if none is being solved.
    pub fn view(&self, part: Part) -> Option<PartView<'_>> {
        match &self.work {
            Some(work) => Some(work.view(part)),
            None => self.active().map(|result| result.view(part)),
        }
    }
}

impl AttemptResult {
    pub fn record(&self, part: Part) -> &PartRecord {
        match part {
            Part::Attention => &self.record.attention,
            Part::Mlp => &self.record.mlp,
        }
    }

    pub fn seen(&self, part: Part) -> Option<&PartStatistics> {
        match part {
            Part::Attention => self.attention.as_ref(),
            Part::Mlp => self.mlp.as_ref(),
        }
    }

    /// E‖y‖² of a part; None if nothing was removed from a large weight.
    pub fn energy(&self, part: Part) -> Option<f64> {
        let measured = self.seen(part).and_then(|seen| seen.energy).filter(|energy| *energy > 0.0);
        measured.or_else(|| self.record(part).energy())
    }

    pub fn view(&self, part: Part) -> PartView<'_> {
        let record = self.record(part);
        PartView {
            part,
            units: record.units,
            removed: &record.removed,
            step_errors: &record.step_errors,
            group_sizes: &record.group_sizes,
            seen: self.seen(part),
            goal: record.removed.len(),
            live: false,
        }
    }
}

impl PartView<'_> {
    /// Sum of the step errors so far over E‖y‖²; None before E‖y‖² is known.
    pub fn relative_error(&self) -> Option<f64> {
        let energy = self.seen?.energy?;
        (energy > 0.0).then(|| self.step_errors.iter().sum::<f64>() / energy)
    }

    pub fn kept(&self) -> usize {
        self.units.saturating_sub(self.removed.len())
    }
}
