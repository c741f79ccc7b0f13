//! The six screens, a file each.

use ratatui::{Frame, layout::Rect};

use super::{Hits, Theme};
use crate::app::State;

/// Draws the screen that is shown into the body of the window.
pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let _ = (frame, area, state, theme, hits);
}
