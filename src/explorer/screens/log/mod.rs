//! The Log screen: events line by line, filtered by text and level.

mod view;

use super::{Copied, Explanation, Panel, Slice};
use crate::explorer::{
    Action, Effect, Entry, Level, Pointed, State,
    movement::Move,
    view::{Canvas, Rect},
};

/// Rows of the window that do not belong to the list.
const AROUND: u16 = 6;
/// Lines that the log scrolls per turn of the wheel.
const WHEEL: isize = 3;

pub struct Log;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// Lines below this level are hidden.
    pub least: Level,
    /// Lists only lines that contain this text, ignoring case; all lines if it is empty.
    pub filter: String,
    /// Index of the line under the cursor, among the listed lines; None follows the newest line.
    pub cursor: Option<usize>,
}

pub static LOG: Panel = Panel {
    title: "Log",
    explain: |_| Explanation {
        title: "Log",
        formula: vec![],
        text: vec![
            "Events of the jobs, newest last: every batch, every increase in damping with its reason, warnings and failures. Times are seconds since the job began.",
        ],
    },
    figure: |_| Err("The log has no chart; copy a line with y".into()),
    draw: view::draw,
};

impl Slice for Log {
    fn title(&self) -> &'static str {
        "Log"
    }

    fn help(&self) -> &'static str {
        "Events line by line"
    }

    fn panels(&self) -> &'static [&'static Panel] {
        const PANELS: &[&Panel] = &[&LOG];
        PANELS
    }

    fn hints(&self, _state: &State) -> &'static [(Action, &'static str)] {
        &[(Action::Filter, "filter"), (Action::LogLevel, "level"), (Action::Copy, "copy")]
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect> {
        if let Move::Layer(by) = movement {
            return state.step_layer(by);
        }
        let page = state.size.1.saturating_sub(AROUND).max(1) as isize;
        let count = state.listed_log().count();
        let cursor = &mut state.screens.log.cursor;
        let at = cursor.unwrap_or(count.saturating_sub(1)).saturating_add_signed(movement.lines(page));
        // At the newest line, the cursor follows new lines again.
        *cursor = (at + 1 < count).then_some(at);
        Vec::new()
    }

    fn wheel(&self, _state: &State, lines: isize) -> Move {
        Move::Line(lines * WHEEL)
    }

    fn act(&self, state: &mut State, action: Action) -> Option<Vec<Effect>> {
        let log = &mut state.screens.log;
        if action == Action::LogLevel {
            (log.least, log.cursor) = (log.least.next(), None);
            return Some(Vec::new());
        }
        (action == Action::Back && !log.filter.is_empty()).then(|| {
            log.filter.clear();
            Vec::new()
        })
    }

    fn click(&self, state: &mut State, at: Pointed) -> Option<Vec<Effect>> {
        let Pointed::Row { row, .. } = at else { return None };
        state.screens.log.cursor = Some(row);
        Some(Vec::new())
    }

    fn filter<'s>(&self, state: &'s State) -> Option<&'s str> {
        Some(&state.screens.log.filter)
    }

    fn set_filter(&self, state: &mut State, text: String) {
        let log = &mut state.screens.log;
        (log.filter, log.cursor) = (text, None);
    }

    /// The line under the cursor; all listed lines if it follows the newest.
    fn copy(&self, state: &State) -> Copied {
        let lines = || {
            state
                .listed_log()
                .map(|entry| format!("{:.2}\t{}\t{}\n", entry.at, entry.level.name(), entry.text))
        };
        let text = match state.screens.log.cursor {
            Some(line) => lines().nth(line).unwrap_or_default(),
            None => lines().collect(),
        };
        Copied { what: "the log", text }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        view::draw(canvas, area);
    }
}

impl State {
    /// Lines of the log that pass the level and the filter, oldest first.
    pub fn listed_log(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let ViewState { least, filter, cursor: _ } = &self.screens.log;
        let (least, filter) = (*least, filter.to_lowercase());
        let holds = move |text: &str| filter.is_empty() || text.to_lowercase().contains(&filter);
        self.log.entries().filter(move |entry| entry.level >= least && holds(&entry.text))
    }
}
