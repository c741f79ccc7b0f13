//! Draws the state: header and tabs, one of six screens, overlays, footer. Nothing here changes anything.

mod ascii;
mod footer;
mod header;
mod hits;
mod job_words;
mod overlays;
mod pieces;
mod screens;
mod tabs;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod too_small;
mod widgets;

pub use hits::Hits;
pub use theme::{Depth, Environment, Glyphs, Role, Source, Theme, load};

use ratatui::{
    Frame,
    layout::{Constraint, Layout},
};

use crate::explorer::State;

/// The least size that everything fits in: columns, rows.
pub const LEAST: (u16, u16) = (80, 24);

/// Draws everything, and tells what lies where for the mouse.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) -> Hits {
    let mut hits = Hits::default();
    let area = frame.area();
    frame.buffer_mut().set_style(area, theme.style(Role::Text));
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small::draw(frame, area, theme);
    } else {
        let [top, tabs, body, foot] = area.layout(&Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(footer::rows(state, area.width)),
        ]));
        header::draw(frame, top, state, theme);
        tabs::draw(frame, tabs, state, theme, &mut hits);
        screens::draw(frame, body, state, theme, &mut hits);
        overlays::draw(frame, body, state, theme, &mut hits);
        footer::draw(frame, foot, state, theme, &mut hits);
    }
    match theme.glyphs {
        Glyphs::Ascii => ascii::replace(frame.buffer_mut()),
        Glyphs::Unicode => {}
    }
    hits
}
