//! Draws the filter as one line above the footer.

use ratatui::{
    Frame,
    layout::{Position, Rect},
};

use crate::explorer::{
    Input, Pointed,
    view::{Hits, Theme, input_line, window},
};

pub fn draw(frame: &mut Frame<'_>, body: Rect, input: &Input, theme: &Theme, hits: &mut Hits) -> Position {
    let area = Rect { y: body.bottom().saturating_sub(1), height: body.height.min(1), ..body };
    window::clear(frame, area, theme);
    hits.add(area, Pointed::DialogLine(0));
    let line = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    input_line::prompt(frame, line, ("/", "words to look for"), input, theme)
}
