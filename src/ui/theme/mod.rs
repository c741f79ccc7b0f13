//! Roles and how they look.

mod role;

pub use role::Role;

use ratatui::{
    style::{Color, Style},
    symbols::border,
};

/// How every role looks on this terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    pub name: String,
    pub glyphs: Glyphs,
}

/// What lines, bars and marks are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    #[default]
    Unicode,
    Ascii,
}

impl Theme {
    pub fn style(&self, role: Role) -> Style {
        let _ = role;
        Style::default()
    }

    /// A place on the heat map's scale, 0 to 1.
    pub fn heat(&self, value: f64) -> Color {
        let _ = value;
        Color::Reset
    }

    pub fn borders(&self) -> border::Set<'static> {
        border::ROUNDED
    }
}
