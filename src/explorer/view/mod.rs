//! Drawing: header and tabs, the current screen, the open dialogs, the footer. Nothing here changes the state.

mod ascii;
pub mod canvas;
pub mod error_curve;
pub mod figures;
mod footer;
mod header;
mod hits;
pub mod input_line;
mod job_words;
pub mod list;
mod pieces;
#[cfg(test)]
pub mod sample;
#[cfg(test)]
pub(in crate::explorer) mod screen_tests;
mod scrubber;
pub mod stage;
pub mod status;
mod tabs;
#[cfg(test)]
mod tests;
pub mod text;
mod theme;
mod too_small;
pub mod widgets;
pub mod window;

pub use canvas::{Canvas, Fact};
pub use hits::{Division, Hits, Readings};
pub use theme::{Depth, Environment, Glyphs, Role, Source, Theme, load};

use ratatui::layout::{Constraint, Layout};

pub use ratatui::{
    Frame,
    layout::{Position, Rect},
};

use crate::explorer::{DialogKind, Pointed, State, Zoom, dialogs::explain};

/// Minimum columns and rows of the window for whole screens.
pub const LEAST: (u16, u16) = (80, 24);
/// Minimum columns and rows for one panel of a screen.
pub const SHORT: (u16, u16) = (60, 15);

/// Draws everything and returns the targets of the mouse.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) -> Hits {
    let mut hits = Hits::default();
    let area = frame.area();
    frame.buffer_mut().set_style(area, theme.style(Role::Text));
    if area.width < SHORT.0 || area.height < SHORT.1 {
        too_small::draw(frame, area, theme);
    } else {
        let short = area.width < LEAST.0 || area.height < LEAST.1;
        let [top, tabs, body, track, foot] = area.layout(&Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(scrubber::rows(state)),
            Constraint::Length(footer::rows(state, area.width)),
        ]));
        header::draw(frame, top, state, theme);
        tabs::draw(frame, tabs, state, theme, &mut hits);
        canvas::draw(
            frame,
            room_for_screen(body, state, if short { Zoom::Panel } else { state.zoom }),
            state,
            theme,
            &mut hits,
        );
        scrubber::draw(frame, track, state, theme, &mut hits);
        draw_dialogs(frame, body, state, theme, &mut hits);
        footer::draw(frame, foot, state, theme, &mut hits);
    }
    match theme.glyphs {
        Glyphs::Ascii => ascii::replace(frame.buffer_mut()),
        Glyphs::Unicode => {}
    }
    hits
}

/// The area of the screen, and whether the focused panel fills it. An open explanation takes a part of the body.
fn room_for_screen(body: Rect, state: &State, zoom: Zoom) -> (Rect, Zoom) {
    let explains = state.dialogs.iter().any(|dialog| dialog.kind() == DialogKind::Explain);
    if !explains {
        return (body, zoom);
    }
    let places = explain::places(body, state);
    (places.screen, if zoom == Zoom::Panel { Zoom::Panel } else { places.shown })
}

/// Draws the open dialogs, the bottom one first. Only the topmost one has mouse targets and a text cursor.
fn draw_dialogs(frame: &mut Frame<'_>, body: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let Some((topmost, covered)) = state.dialogs.split_last() else { return };
    for dialog in covered {
        dialog.slice().draw(frame, body, state, theme, &mut hits.clone());
    }
    if topmost.is_modal() {
        hits.add(frame.area(), Pointed::OutsideDialog);
    }
    if let Some(cursor) = topmost.slice().draw(frame, body, state, theme, hits) {
        frame.set_cursor_position(cursor);
    }
}
