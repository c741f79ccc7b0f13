//! The attempt that the engine is solving.

use crate::{
    protocol::{LayerShape, Method, PartRecord},
    prune::{AttentionUnit, Part},
};

use super::{Goal, PartStatistics, PartView};

#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    pub attempt: usize,
    pub method: Method,
    /// The current part.
    pub part: Part,
    /// True once the second moment of the current part is inverted.
    pub solving: bool,
    pub attention: WorkPart,
    pub mlp: WorkPart,
    /// Time of its first event, in seconds.
    pub begun: Option<f64>,
}

/// One part while it is being solved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkPart {
    pub units: usize,
    /// Units to remove.
    pub goal: usize,
    pub removed: Vec<usize>,
    pub step_errors: Vec<f64>,
    pub group_sizes: Vec<usize>,
    pub seen: Option<PartStatistics>,
    pub record: Option<PartRecord>,
}

impl WorkPart {
    /// Starts the part again from its first removal.
    pub fn begin_again(&mut self) {
        self.removed.clear();
        self.step_errors.clear();
        self.group_sizes.clear();
    }
}

impl Work {
    pub fn new(number: usize, method: Method, shape: &LayerShape, goal: Goal, unit: AttentionUnit) -> Self {
        let part = |part: Part, units: usize, goal: usize| WorkPart {
            units,
            goal: if method.parts.contains(&part) { goal } else { 0 },
            ..WorkPart::default()
        };
        Self {
            attempt: number,
            part: Part::Attention,
            solving: false,
            attention: part(Part::Attention, shape.attention_units(unit), goal.attention),
            mlp: part(Part::Mlp, shape.channels, goal.mlp),
            method,
            begun: None,
        }
    }

    pub fn part_mut(&mut self, part: Part) -> &mut WorkPart {
        match part {
            Part::Attention => &mut self.attention,
            Part::Mlp => &mut self.mlp,
        }
    }

    pub fn part(&self, part: Part) -> &WorkPart {
        match part {
            Part::Attention => &self.attention,
            Part::Mlp => &self.mlp,
        }
    }

    pub fn view(&self, part: Part) -> PartView<'_> {
        let work = self.part(part);
        let (removed, step_errors, group_sizes) = match &work.record {
            Some(record) => (&record.removed[..], &record.step_errors[..], &record.group_sizes[..]),
            None => (&work.removed[..], &work.step_errors[..], &work.group_sizes[..]),
        };
        PartView {
            part,
            units: work.units,
            removed,
            step_errors,
            group_sizes,
            seen: work.seen.as_ref(),
            goal: work.goal.max(removed.len()),
            live: work.record.is_none() && self.part == part,
        }
    }
}
