//! The place in a recorded elimination path: a step, and a sub-step of it.

use crate::{
    explorer::{RecordedSteps, State},
    prune::{Part, StepPicture},
};

/// A sub-step, in the order in which a step goes through them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    #[default]
    Score,
    Choose,
    Factor,
    Compensate,
    DownDate,
}

impl Phase {
    pub const ALL: [Self; 5] = [Self::Score, Self::Choose, Self::Factor, Self::Compensate, Self::DownDate];

    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Choose => "choose",
            Self::Factor => "factor",
            Self::Compensate => "compensate",
            Self::DownDate => "down-date",
        }
    }

    fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    fn previous(self) -> Option<Self> {
        (self as usize).checked_sub(1).map(|at| Self::ALL[at])
    }
}

/// A place in the recorded path of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub layer: usize,
    pub part: Part,
    /// Number of the step, from 0.
    pub step: usize,
    pub phase: Phase,
}

/// The step under the cursor.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub cursor: Cursor,
    pub recorded: &'a RecordedSteps,
    pub picture: &'a StepPicture,
}

impl<'a> Shown<'a> {
    /// None if no step of the shown part is recorded.
    pub fn of(state: &'a State) -> Option<Self> {
        let (layer, part) = (state.layer, state.screens.layer.part);
        let recorded = state.layers.get(layer)?.recorded(part)?;
        let kept = state.screens.steps.cursor.filter(|cursor| (cursor.layer, cursor.part) == (layer, part));
        let kept = kept.filter(|cursor| recorded.get(cursor.step).is_some());
        let first = || Some(Cursor { layer, part, step: recorded.first()?, phase: Phase::default() });
        let cursor = kept.or_else(first)?;
        Some(Self { cursor, recorded, picture: recorded.get(cursor.step)? })
    }

    /// The step recorded before this one.
    pub fn previous(&self) -> Option<&'a StepPicture> {
        self.recorded.get(self.recorded.before(self.cursor.step)?)
    }

    /// The scores now, and those before the last change of P.
    pub fn scores(&self) -> (&'a [Option<f32>], Option<&'a [Option<f32>]>) {
        match self.cursor.phase {
            Phase::DownDate => (&self.picture.scores_after, Some(&self.picture.scores)),
            Phase::Score | Phase::Choose | Phase::Factor | Phase::Compensate => {
                let before = self.previous().map(|previous| &previous.scores[..]);
                (&self.picture.scores, before.filter(|before| before.len() == self.picture.scores.len()))
            }
        }
    }

    /// One sub-step on; None behind the last one of the last recorded step.
    pub fn forward(&self) -> Option<Cursor> {
        match self.cursor.phase.next() {
            Some(phase) => Some(Cursor { phase, ..self.cursor }),
            None => self.step_at(self.recorded.after(self.cursor.step)?),
        }
    }

    /// One sub-step back; None at the first one.
    pub fn back(&self) -> Option<Cursor> {
        match self.cursor.phase.previous() {
            Some(phase) => Some(Cursor { phase, ..self.cursor }),
            None => {
                let step = self.recorded.before(self.cursor.step)?;
                Some(Cursor { step, phase: Phase::DownDate, ..self.cursor })
            }
        }
    }

    /// The start of the next recorded step.
    pub fn next_step(&self) -> Option<Cursor> {
        self.step_at(self.recorded.after(self.cursor.step)?)
    }

    /// The start of this step, or of the recorded step before it.
    pub fn previous_step(&self) -> Option<Cursor> {
        if self.cursor.phase > Phase::Score {
            return self.step_at(self.cursor.step);
        }
        self.step_at(self.recorded.before(self.cursor.step)?)
    }

    pub fn step_at(&self, step: usize) -> Option<Cursor> {
        Some(Cursor { step, phase: Phase::Score, ..self.cursor })
    }
}
