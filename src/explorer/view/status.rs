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

/// Name of the units of a part of a layer: singular and plural.
pub fn unit_names(state: &State, layer: usize, part: Part) -> (&'static str, &'static str) {
    match part {
        Part::Mlp => CHANNELS,
        Part::Attention => names_of(state, state.attention_unit(layer)),
    }
}

/// Name of the planned units of a layer's attention: singular and plural.
pub fn planned_unit_names(state: &State, layer: usize) -> (&'static str, &'static str) {
    names_of(state, state.planned_unit(layer))
}

/// Name of the units of a part in all layers: singular and plural.
pub fn unit_names_of_all(state: &State, part: Part) -> (&'static str, &'static str) {
    match (part, has_mixed_units(state)) {
        (Part::Mlp, _) => CHANNELS,
        (Part::Attention, true) => HEADS,
        (Part::Attention, false) => unit_names(state, 0, part),
    }
}

/// Whether the layers differ in the unit of their attention.
pub fn has_mixed_units(state: &State) -> bool {
    let mut units = (0..state.layers.len()).map(|layer| state.attention_unit(layer));
    let first = units.next();
    units.any(|unit| Some(unit) != first)
}

const CHANNELS: (&str, &str) = ("channel", "channels");
const HEADS: (&str, &str) = ("head", "heads");

fn names_of(state: &State, unit: AttentionUnit) -> (&'static str, &'static str) {
    let is_grouped = || state.layers.iter().any(|layer| layer.shape.heads != layer.shape.kv_heads);
    match unit {
        AttentionUnit::KvGroup if !is_grouped() => HEADS,
        AttentionUnit::KvGroup | AttentionUnit::QueryHead => words::attention_unit(unit),
    }
}

/// Units of a part before pruning, and the number that the plan removes.
pub fn planned(state: &State, layer: usize, part: Part) -> (usize, usize) {
    let Some(shape) = state.layers.get(layer).map(|layer| &layer.shape) else { return (0, 0) };
    let goal = state.goal(layer);
    match part {
        Part::Attention => (shape.attention_units(state.planned_unit(layer)), goal.attention),
        Part::Mlp => (shape.channels, goal.mlp),
    }
}

/// The number that the plan removes from a part, for a curve that counts the part in `units` units.
pub fn planned_of(state: &State, layer: usize, part: Part, units: usize) -> usize {
    let (all, removed) = planned(state, layer, part);
    if all == units { removed } else { removed * units / all.max(1) }
}
