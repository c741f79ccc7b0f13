//! Invariants of every frame: complete borders, no control characters, a visible selection.

use ratatui::layout::{Position, Rect};
use slimgpt::application::{
    explorer::view::SHORT,
    explorer::{Dialog, Explain, Palette, Pointed, Screen, State, palette},
};

use super::Shown;

/// Symbols of a right border: the line, and the marks of a list that continues.
const RIGHT: [&str; 3] = ["│", "▲", "▼"];
const CORNERS: [&str; 4] = ["╭", "╮", "╰", "╯"];

/// A frame as rows of cells, with its state.
struct Sheet<'a> {
    rows: Vec<Vec<&'a str>>,
    shown: &'a Shown,
    state: &'a State,
    /// Description of the state.
    told: &'a str,
}

/// Panics if the frame of a state breaks an invariant.
pub fn assert_sound(shown: &Shown, state: &State, told: &str) {
    let area = shown.buffer.area;
    let rows = (0..area.height).map(|y| shown.cells(y)).collect();
    let sheet = Sheet { rows, shown, state, told };
    sheet.has_no_control_characters();
    if let Some(cursor) = shown.cursor.filter(|&cursor| !area.contains(cursor)) {
        sheet.fail(format!("the cursor is at {cursor}"));
    }
    if area.width < SHORT.0 || area.height < SHORT.1 {
        return;
    }
    for y in [0, 1, area.height - 1] {
        if sheet.rows[usize::from(y)].iter().any(|cell| CORNERS.contains(cell)) {
            sheet.fail(format!("a box extends into row {y}"));
        }
    }
    match state.dialogs.last() {
        None => sheet.has_whole_boxes(),
        Some(Dialog::Filter(_)) => {}
        Some(Dialog::Explain(Explain)) => sheet.has_whole_explanation(),
        Some(
            Dialog::Help(_)
            | Dialog::Palette(_)
            | Dialog::Sessions(_)
            | Dialog::Form(_)
            | Dialog::Confirm(_)
            | Dialog::Refusal(_)
            | Dialog::Commands(_),
        ) => {
            sheet.has_whole_window();
        }
    }
    // The table of layers is hidden while another panel is shown alone.
    let is_hidden = |selected: Pointed| {
        let table = Pointed::Panel(Screen::Layers.panels()[0]);
        matches!(selected, Pointed::Layer(_)) && shown.hits.area_of(table).is_none()
    };
    if let Some(selected) = selected(state).filter(|selected| !is_hidden(*selected))
        && shown.hits.area_of(selected).is_none()
    {
        sheet.fail(format!("{selected:?} is not visible"));
    }
}

impl Sheet<'_> {
    fn fail(&self, what: String) -> ! {
        let (title, size) = (self.state.screen.title(), self.state.size);
        panic!("{what}: {}, {title} at {size:?}\n{}", self.told, self.shown.text())
    }

    fn at(&self, x: u16, y: u16) -> &str {
        self.rows.get(usize::from(y)).and_then(|row| row.get(usize::from(x))).copied().unwrap_or("")
    }

    /// Fails on control characters and direction marks.
    fn has_no_control_characters(&self) {
        let obeyed =
            |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}');
        if let Some(cell) = self.rows.iter().flatten().find(|cell| cell.contains(obeyed)) {
            self.fail(format!("a cell contains {cell:?}"));
        }
    }

    fn places(&self, symbol: &str) -> Vec<(u16, u16)> {
        let cells = self
            .rows
            .iter()
            .zip(0..)
            .flat_map(|(row, y)| row.iter().zip(0..).map(move |(cell, x)| (cell, x, y)));
        cells.filter(|(cell, _, _)| **cell == symbol).map(|(_, x, y)| (x, y)).collect()
    }

    /// Checks all boxes of a screen, including the panels that can be focused.
    fn has_whole_boxes(&self) {
        let boxes: Vec<Rect> = self.places(CORNERS[0]).into_iter().map(|(x, y)| self.box_at(x, y)).collect();
        for corner in &CORNERS[1..] {
            if self.places(corner).len() != boxes.len() {
                self.fail(format!("{corner} without a box"));
            }
        }
        for (at, one) in boxes.iter().enumerate() {
            if let Some(other) = boxes[..at].iter().find(|other| other.intersects(*one)) {
                self.fail(format!("{one} overlaps {other}"));
            }
        }
        for &panel in self.state.screen.panels() {
            if let Some(area) = self.shown.hits.area_of(Pointed::Panel(panel))
                && !boxes.contains(&area)
            {
                self.fail(format!("{panel:?} at {area} is not framed"));
            }
        }
    }

    /// Checks the window of the topmost dialog, which is everything not outside it.
    fn has_whole_window(&self) {
        let area = self.shown.buffer.area;
        let inside: Vec<Position> = (0..area.height - 1)
            .flat_map(|y| (0..area.width).map(move |x| Position { x, y }))
            .filter(|at| self.shown.hits.at(at.x, at.y) != Pointed::OutsideDialog)
            .collect();
        let (Some(first), Some(last)) = (inside.first(), inside.last()) else {
            self.fail("no window".into())
        };
        let found = self.box_at(first.x, first.y);
        if (found.right() - 1, found.bottom() - 1) != (last.x, last.y) {
            self.fail(format!("the window ends at {last}, its border at {found}"));
        }
    }

    fn has_whole_explanation(&self) {
        let title = format!("╭ {} ", (self.state.focused().explain)(self.state).title);
        let starts =
            |&(x, y): &(u16, u16)| self.rows[usize::from(y)][usize::from(x)..].concat().starts_with(&title);
        let found: Vec<(u16, u16)> = self.places(CORNERS[0]).into_iter().filter(starts).collect();
        // The panel may have the same title.
        let panel = self.shown.hits.area_of(Pointed::Panel(self.state.focused()));
        let is_panel = |&&(x, y): &&(u16, u16)| panel.is_some_and(|panel| (panel.x, panel.y) == (x, y));
        match found.iter().find(|at| !is_panel(at)).or(found.first()) {
            Some(&(x, y)) => {
                self.box_at(x, y);
            }
            None => self.fail(format!("no box of {title}")),
        }
    }

    /// The box with this upper left corner, after checking its sides.
    fn box_at(&self, x: u16, y: u16) -> Rect {
        let wrong = |what: &str, x: u16, y: u16| self.fail(format!("{what} at {x}, {y}"));
        if self.at(x, y) != CORNERS[0] {
            wrong("no corner", x, y);
        }
        let columns = self.rows[usize::from(y)].len() as u16;
        let Some(right) = (x + 1..columns).find(|&at| self.at(at, y) == CORNERS[1]) else {
            wrong("no end of the border that begins", x, y)
        };
        let rows = self.rows.len() as u16;
        let Some(bottom) = (y + 1..rows).find(|&at| self.at(x, at) != "│") else {
            wrong("no bottom", x, y)
        };
        if let Some(at) = (y + 1..bottom).find(|&at| !RIGHT.contains(&self.at(right, at))) {
            wrong("no right border", right, at);
        }
        if (self.at(x, bottom), self.at(right, bottom)) != (CORNERS[2], CORNERS[3]) {
            wrong("the left border ends without corners", x, bottom);
        }
        Rect::new(x, y, right - x + 1, bottom - y + 1)
    }
}

/// The row on which keys act; it must be visible.
fn selected(state: &State) -> Option<Pointed> {
    match (state.dialogs.last(), state.screen) {
        (Some(Dialog::Palette(Palette { input, at })), _) => {
            let last = palette(state, input.text()).len().checked_sub(1)?;
            Some(Pointed::DialogLine((*at).min(last)))
        }
        (Some(Dialog::Sessions(list)), _) => {
            let last = list.listed(state).len().checked_sub(1)?;
            Some(Pointed::DialogLine(list.at.min(last)))
        }
        (Some(Dialog::Form(form)), _) => {
            (form.at < form.fields.len()).then_some(Pointed::DialogLine(form.at))
        }
        (
            Some(
                Dialog::Help(_)
                | Dialog::Filter(_)
                | Dialog::Confirm(_)
                | Dialog::Refusal(_)
                | Dialog::Commands(_),
            ),
            _,
        ) => None,
        (Some(Dialog::Explain(Explain)) | None, Screen::Layers) => {
            state.listed_layers().contains(&state.layer).then_some(Pointed::Layer(state.layer))
        }
        (Some(Dialog::Explain(Explain)) | None, Screen::Layer) => {
            let attempts = &state.layers.get(state.layer)?.attempts;
            let (panel, row) = (state.focused(), state.screens.layer.attempt);
            (panel.title == "Attempts" && row < attempts.len()).then_some(Pointed::Row { panel, row })
        }
        (Some(Dialog::Explain(Explain)) | None, Screen::Log) => {
            let last = state.listed_log().count().checked_sub(1)?;
            let row = state.screens.log.cursor?.min(last);
            Some(Pointed::Row { panel: state.focused(), row })
        }
        (Some(Dialog::Explain(Explain)) | None, Screen::Compare) => {
            let (panel, row) = (state.focused(), state.screens.compare.row);
            (panel.title == "Sessions").then_some(Pointed::Row { panel, row })
        }
        (
            Some(Dialog::Explain(Explain)) | None,
            Screen::Schedule | Screen::Errors | Screen::Map | Screen::Steps,
        ) => None,
    }
}
