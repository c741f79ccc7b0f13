//! Draws the state: header and tabs, one of six screens, overlays, footer. Nothing here changes anything.

mod hits;
mod screens;
mod theme;
mod widgets;

pub use hits::Hits;
pub use theme::{Depth, Environment, Glyphs, Role, Source, Theme, load};

use ratatui::Frame;

use crate::app::State;

/// The least size that everything fits in: columns, rows.
pub const LEAST: (u16, u16) = (80, 24);

/// Draws everything, and tells what lies where for the mouse.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) -> Hits {
    let mut hits = Hits::default();
    screens::draw(frame, frame.area(), state, theme, &mut hits);
    hits
}
