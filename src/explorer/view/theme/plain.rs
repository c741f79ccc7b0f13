//! Styles without colours: text attributes only.

use ratatui::style::{Modifier, Style};

use super::Role;

/// Attributes of a role, and those that the theme adds. The selection is always reversed.
pub(super) fn style(role: Role, of_theme: Modifier) -> Style {
    Style::new().add_modifier(attributes(role) | of_theme)
}

/// Attributes of the roles that need them; symbols distinguish the other roles.
pub(super) fn attributes(role: Role) -> Modifier {
    match role {
        Role::Text
        | Role::Planned
        | Role::Done
        | Role::Kept
        | Role::Attention
        | Role::Dense
        | Role::Progress
        | Role::Success
        | Role::Series2
        | Role::Series3
        | Role::Series4
        | Role::Series5
        | Role::Series6 => Modifier::empty(),
        Role::Muted
        | Role::Faint
        | Role::Border
        | Role::Waiting
        | Role::Removed
        | Role::Mean
        | Role::PreviousRun => Modifier::DIM,
        Role::Title
        | Role::BorderFocused
        | Role::Key
        | Role::Active
        | Role::Live
        | Role::Warning
        | Role::Mlp
        | Role::Cut
        | Role::Pruned
        | Role::Series1 => Modifier::BOLD,
        Role::Failed | Role::Error => Modifier::BOLD.union(Modifier::UNDERLINED),
        Role::Stale | Role::Locked => Modifier::UNDERLINED,
        Role::Selected => Modifier::REVERSED,
    }
}
