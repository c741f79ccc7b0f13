//! Draws the explanation: formulas and paragraphs, next to the panel if there is room.

use ratatui::{Frame, layout::Rect, text::Line};

use crate::explorer::{
    Pointed, State,
    view::{Hits, Role, Theme, list::rows, text, window},
};

/// Columns of the window: minimum and maximum.
const COLUMNS: (u16, u16) = (46, 66);

pub fn draw(frame: &mut Frame<'_>, body: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let explanation = (state.focused().explain)(state);
    let longest = explanation.formula.iter().map(|line| text::width(line)).max().unwrap_or(0) as u16;
    let columns =
        (body.width * 2 / 5).max(longest + window::BORDERS.0).clamp(COLUMNS.0, COLUMNS.1).min(body.width);
    let inside = usize::from(columns.saturating_sub(window::BORDERS.0));
    let mut lines: Vec<Line<'_>> = Vec::new();
    for formula in explanation.formula {
        let fits = text::width(formula) <= inside;
        let wrapped = if fits { vec![(*formula).into()] } else { text::wrap(formula, inside) };
        lines.extend(wrapped.into_iter().map(|line| Line::styled(line, theme.style(Role::Active))));
    }
    for paragraph in explanation.text {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(text::wrap(paragraph, inside).into_iter().map(Line::raw));
    }
    let rows_needed = lines.len() as u16 + window::BORDERS.1;
    let panel = hits.area_of(Pointed::Panel(state.focused()));
    let area = corner(body, columns, rows_needed.min(body.height), panel);
    let inner = window::open(frame, area, (explanation.title, ""), theme, hits);
    for (row, line) in rows(inner).zip(lines) {
        frame.render_widget(line, row);
    }
}

/// The corner of the body in which a window covers the least of the focused panel; the lower right one on a
/// tie.
fn corner(body: Rect, width: u16, height: u16, panel: Option<Rect>) -> Rect {
    let (left, right) = (body.x, body.right() - width);
    let (top, bottom) = (body.y, body.bottom() - height);
    let hidden = |area: &Rect| panel.map_or(0, |panel| panel.intersection(*area).area());
    [(right, bottom), (right, top), (left, bottom), (left, top)]
        .map(|(x, y)| Rect { x, y, width, height })
        .into_iter()
        .min_by_key(hidden)
        .unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_away_from_the_panel_that_it_explains() {
        let body = Rect::new(0, 2, 120, 30);
        let at = |panel| corner(body, 46, 12, Some(panel));
        assert_eq!(at(Rect::new(0, 2, 60, 30)), Rect::new(74, 20, 46, 12));
        assert_eq!(at(Rect::new(60, 17, 60, 15)), Rect::new(74, 2, 46, 12));
        assert_eq!(at(Rect::new(60, 2, 60, 30)), Rect::new(0, 20, 46, 12));
    }
}
