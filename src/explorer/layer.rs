//! A layer as the explorer knows it: its attempts, the one active, the one in work.

use crate::{
    protocol::{
        Attempt, CurvePoint, HessianStats, LayerRecord, LayerShape, Method, MomentPicture, PartRecord,
    },
    prune::{AttentionUnit, Part},
};

use super::Work;

#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub shape: LayerShape,
    /// In the order they were made.
    pub attempts: Vec<AttemptResult>,
    /// Number of the attempt active.
    pub chosen: Option<usize>,
    pub work: Option<Work>,
    /// Why the last solve failed; gone with the next one.
    pub failed: Option<String>,
    /// Error versus ratio, where it was asked for.
    pub curves: Vec<Curve>,
}

/// A finished solve of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptResult {
    pub attempt: Attempt,
    pub record: LayerRecord,
    pub attention: Option<Seen>,
    pub mlp: Option<Seen>,
}

/// What was seen of a part before anything left.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub stats: HessianStats,
    pub picture: MomentPicture,
    /// One of every unit.
    pub scores: Vec<f32>,
    /// Units by ascending score, equal ones by number.
    pub order: Vec<u32>,
    /// E‖y‖².
    pub energy: f64,
}

impl Seen {
    pub fn new(stats: HessianStats, picture: MomentPicture, scores: Vec<f32>, energy: f64) -> Self {
        let mut order: Vec<u32> = (0..).take(scores.len()).collect();
        order.sort_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize]));
        Self { stats, picture, scores, order, energy }
    }
}

/// The error of every ratio of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub part: Part,
    /// Units before pruning.
    pub units: usize,
    pub points: Vec<CurvePoint>,
    /// What the path was made with.
    pub method: Method,
}

/// Where a layer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Waiting,
    Calibrating,
    Pruning,
    Done,
    /// An attempt above has changed, or its own planned ratio has.
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

/// One part of a layer as it is known now: of the attempt in work, or of a finished one.
#[derive(Clone, Copy, Debug)]
pub struct PartView<'a> {
    pub part: Part,
    /// Units before pruning.
    pub units: usize,
    /// In the order of removal.
    pub removed: &'a [usize],
    /// One a batch: rise of E‖Δy‖² per token.
    pub step_errors: &'a [f64],
    /// Units of each batch.
    pub group_sizes: &'a [usize],
    pub seen: Option<&'a Seen>,
    /// Units that are to have left in the end; as many as have left where that is not known.
    pub goal: usize,
    /// True while it is being solved.
    pub live: bool,
}

impl Layer {
    pub fn new(shape: LayerShape) -> Self {
        Self { shape, attempts: Vec::new(), chosen: None, work: None, failed: None, curves: Vec::new() }
    }

    /// The attempt active.
    pub fn active(&self) -> Option<&AttemptResult> {
        self.chosen.and_then(|number| self.attempt(number))
    }

    pub fn attempt(&self, number: usize) -> Option<&AttemptResult> {
        self.attempts.iter().find(|result| result.attempt.number == number)
    }

    pub fn curve(&self, part: Part) -> Option<&Curve> {
        self.curves.iter().find(|curve| curve.part == part)
    }

    /// What left the attention as one, by the number of units that there were.
    pub fn unit_of(&self, record: &PartRecord) -> AttentionUnit {
        if record.units == self.shape.kv_heads { AttentionUnit::KvGroup } else { AttentionUnit::QueryHead }
    }

    /// What is shown of a part: the attempt in work before the one active.
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

    pub fn seen(&self, part: Part) -> Option<&Seen> {
        match part {
            Part::Attention => self.attention.as_ref(),
            Part::Mlp => self.mlp.as_ref(),
        }
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
    /// Sum of the step errors so far over E‖y‖²; None before that is known.
    pub fn relative_error(&self) -> Option<f64> {
        let energy = self.seen?.energy;
        (energy > 0.0).then(|| self.step_errors.iter().sum::<f64>() / energy)
    }

    pub fn kept(&self) -> usize {
        self.units.saturating_sub(self.removed.len())
    }
}
