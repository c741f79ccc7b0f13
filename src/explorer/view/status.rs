//! How a layer's state and its attempts are shown.

use crate::{
    explorer::{AttemptResult, State, Status, view::Role},
    prune::{AttentionUnit, Part},
};

/// The look of a state.
pub fn role(status: Status) -> Role {
    match status {
        Status::Waiting => Role::Waiting,
        Status::Calibrating | Status::Pruning => Role::Live,
        Status::Done => Role::Done,
        Status::Stale => Role::Stale,
        Status::Failed => Role::Failed,
    }
}

/// The look of a part.
pub fn part_role(part: Part) -> Role {
    match part {
        Part::Attention => Role::Attention,
        Part::Mlp => Role::Mlp,
    }
}

/// True where the attempts that this one rests on are those active.
pub fn rests_on_present(state: &State, layer: usize, result: &AttemptResult) -> bool {
    let above = &result.attempt.above;
    above.len() <= layer
        && above.iter().zip(&state.layers).all(|(&number, layer)| layer.chosen == Some(number))
}

/// What a unit of a part is called: one, and many.
pub fn unit_names(state: &State, part: Part) -> (&'static str, &'static str) {
    match (part, state.settings.attention_unit) {
        (Part::Mlp, AttentionUnit::KvGroup | AttentionUnit::QueryHead) => ("channel", "channels"),
        (Part::Attention, AttentionUnit::QueryHead) => ("query head", "query heads"),
        (Part::Attention, AttentionUnit::KvGroup) => {
            let grouped = state.layers.iter().any(|layer| layer.shape.heads != layer.shape.kv_heads);
            if grouped { ("KV group", "KV groups") } else { ("head", "heads") }
        }
    }
}

/// Units of a part before pruning, and how many are planned to leave.
pub fn planned(state: &State, layer: usize, part: Part) -> (usize, usize) {
    let Some(shape) = state.layers.get(layer).map(|layer| &layer.shape) else { return (0, 0) };
    let goal = state.goal(layer);
    match part {
        Part::Attention => (shape.attention_units(state.settings.attention_unit), goal.attention),
        Part::Mlp => (shape.channels, goal.mlp),
    }
}
