//! Draws the explanation: formulas and paragraphs, next to the panel or below it.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
};

use crate::explorer::{
    State, Zoom,
    screens::Explanation,
    view::{Hits, LEAST, Role, Theme, list::rows, text, window},
};

/// Columns of the window beside the screen: minimum and maximum.
const COLUMNS: (u16, u16) = (46, 66);
/// Minimum rows of the panel above the window.
const PANEL: u16 = 6;

/// Areas of the explained screen and of the explanation. They never overlap.
pub struct Places {
    pub screen: Rect,
    /// Whether the whole screen fits, or only its focused panel.
    pub shown: Zoom,
    window: Rect,
}

/// Divides the body: the explanation is on the right if the screen has its minimum width then, otherwise below
/// the focused panel.
pub fn places(body: Rect, state: &State) -> Places {
    let explanation = (state.focused().explain)(state);
    let longest = explanation.formula.iter().map(|line| text::width(line)).max().unwrap_or(0) as u16;
    let beside = (body.width * 2 / 5).max(longest + window::BORDERS.0).clamp(COLUMNS.0, COLUMNS.1);
    let (columns, shown) =
        if body.width >= LEAST.0 + beside { (beside, Zoom::Screen) } else { (body.width, Zoom::Panel) };
    let needed = lines(&explanation, inside(columns)).len() as u16 + window::BORDERS.1;
    match shown {
        Zoom::Screen => {
            let parts = [Constraint::Fill(1), Constraint::Length(columns)];
            let [screen, window] = Layout::horizontal(parts).areas(body);
            Places { screen, shown, window: Rect { height: needed.min(window.height), ..window } }
        }
        Zoom::Panel => {
            // A small window is divided in half.
            let rows = needed.min(body.height.saturating_sub(PANEL.min(body.height / 2)));
            let [screen, window] =
                Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(body);
            Places { screen, shown, window }
        }
    }
}

pub fn draw(frame: &mut Frame<'_>, body: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let explanation = (state.focused().explain)(state);
    let area = places(body, state).window;
    let inner = window::open(frame, area, (explanation.title, ""), theme, hits);
    for (row, (role, line)) in rows(inner).zip(fitting(&explanation, inside(area.width), inner.height)) {
        frame.render_widget(Line::styled(line, theme.style(role)), row);
    }
}

fn inside(columns: u16) -> usize {
    usize::from(columns.saturating_sub(window::BORDERS.0))
}

/// The lines, without those that separate paragraphs if there are too few rows.
fn fitting(explanation: &Explanation, columns: usize, rows: u16) -> Vec<(Role, String)> {
    let mut lines = lines(explanation, columns);
    if lines.len() > usize::from(rows) {
        lines.retain(|(_, line)| !line.is_empty());
    }
    lines
}

/// The formulas, then the paragraphs with a blank line before each.
fn lines(explanation: &Explanation, columns: usize) -> Vec<(Role, String)> {
    let mut lines = Vec::new();
    for formula in &explanation.formula {
        let fits = text::width(formula) <= columns;
        let wrapped = if fits { vec![(*formula).into()] } else { text::wrap(formula, columns) };
        lines.extend(wrapped.into_iter().map(|line| (Role::Active, line)));
    }
    for paragraph in &explanation.text {
        if !lines.is_empty() {
            lines.push((Role::Text, String::new()));
        }
        lines.extend(text::wrap(paragraph, columns).into_iter().map(|line| (Role::Text, line)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::{Screen, view::sample};

    #[test]
    fn the_explanation_is_whole_and_never_covers_the_panel_that_it_explains() {
        for (width, height) in [(80, 20), (100, 26), (120, 36), (200, 56)] {
            let body = Rect::new(0, 2, width, height);
            for screen in Screen::ALL {
                for &panel in screen.panels() {
                    let mut state = sample::half_done();
                    state.screen = screen;
                    state.focus(screen, panel);
                    if !state.panels().contains(&panel) {
                        continue;
                    }
                    let places = places(body, &state);
                    assert!(!places.screen.intersects(places.window), "{panel:?} at {width}×{height}");
                    assert_eq!(
                        places.screen.union(places.window).intersection(body),
                        places.screen.union(places.window)
                    );
                    let explanation = (panel.explain)(&state);
                    let room = places.window.height - window::BORDERS.1;
                    let rows = fitting(&explanation, inside(places.window.width), room).len() as u16;
                    assert!(rows <= room, "{panel:?} at {width}×{height}: {rows} rows");
                }
            }
        }
    }
}
