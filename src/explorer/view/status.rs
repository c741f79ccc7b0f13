//! Roles and names for the status of layers, parts and units.

use crate::{
    explorer::{State, Status, view::Role},
    prune::{AttentionUnit, Part},
    words,
};

/// The role of a status.
pub fn role(status: Status) -> Role {
    match status {
        Status::Waiting => Role::Waiting,
        Status::Calibrating | Status::Pruning => Role::Live,
        Status::Done => Role::Done,
        Status::Stale => Role::Stale,
        Status::Failed => Role::Failed,
    }
}

/// The role of a part.
pub fn part_role(part: Part) -> Role {
    match part {
        Part::Attention => Role::Attention,
        Part::Mlp => Role::Mlp,
    }
}

/// Name of the units of a part: singular and plural.
pub fn unit_names(state: &State, part: Part) -> (&'static str, &'static str) {
    let unit = state.settings.objective.attention_unit;
    let is_grouped = || state.layers.iter().any(|layer| layer.shape.heads != layer.shape.kv_heads);
    match part {
        Part::Mlp => ("channel", "channels"),
        Part::Attention if unit == AttentionUnit::KvGroup && !is_grouped() => ("head", "heads"),
        Part::Attention => words::attention_unit(unit),
    }
}

/// Units of a part before pruning, and the number that the plan removes.
pub fn planned(state: &State, layer: usize, part: Part) -> (usize, usize) {
    let Some(shape) = state.layers.get(layer).map(|layer| &layer.shape) else { return (0, 0) };
    let goal = state.goal(layer);
    match part {
        Part::Attention => (shape.attention_units(state.settings.objective.attention_unit), goal.attention),
        Part::Mlp => (shape.channels, goal.mlp),
    }
}
