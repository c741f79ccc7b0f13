//! What lies over a screen, a file each.

mod ask;
mod explain;
mod filter;
mod form;
mod help;
mod input_line;
mod list;
mod palette;
mod sessions;
mod window;

use ratatui::{
    Frame,
    layout::{Position, Rect},
};

use super::{Hits, Theme};
use crate::explorer::{Overlay, Pointed, State};

/// Draws the stack, bottom first. Keys and the mouse go to the topmost alone: only its lines can be pointed at, and only
/// its cursor blinks.
pub(super) fn draw(frame: &mut Frame<'_>, body: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let Some((topmost, covered)) = state.overlays.split_last() else { return };
    for overlay in covered {
        let mut unseen = hits.clone();
        one(frame, body, overlay, state, theme, &mut unseen);
    }
    match topmost {
        // Its screen goes on hearing keys and the mouse.
        Overlay::Explain => {}
        Overlay::Help { .. }
        | Overlay::Palette { .. }
        | Overlay::Filter { .. }
        | Overlay::Sessions { .. }
        | Overlay::Form(_)
        | Overlay::Ask(_) => hits.add(frame.area(), Pointed::OutsideOverlay),
    }
    if let Some(cursor) = one(frame, body, topmost, state, theme, hits) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws one of them; where its text cursor stands, if it has one.
fn one(
    frame: &mut Frame<'_>,
    body: Rect,
    overlay: &Overlay,
    state: &State,
    theme: &Theme,
    hits: &mut Hits,
) -> Option<Position> {
    match overlay {
        Overlay::Help { filter, scroll } => {
            Some(help::draw(frame, body, (filter, *scroll), state, theme, hits))
        }
        Overlay::Palette { input, at } => Some(palette::draw(frame, body, (input, *at), state, theme, hits)),
        Overlay::Filter { input } => Some(filter::draw(frame, body, input, theme, hits)),
        Overlay::Sessions { at } => {
            sessions::draw(frame, body, *at, state, theme, hits);
            None
        }
        Overlay::Form(form) => form::draw(frame, body, form, state, theme, hits),
        Overlay::Ask(ask) => {
            ask::draw(frame, body, ask, theme, hits);
            None
        }
        Overlay::Explain => {
            explain::draw(frame, body, state, theme, hits);
            None
        }
    }
}
