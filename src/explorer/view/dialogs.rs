//! Draws the open dialogs over the body of the window.

use super::{Frame, Hits, Rect, Theme};
use crate::explorer::{Pointed, State};

/// Draws the stack, bottom first. Only the lines of the topmost dialog can be pointed at, and only its text has a cursor.
pub(super) fn draw(frame: &mut Frame<'_>, body: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
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
