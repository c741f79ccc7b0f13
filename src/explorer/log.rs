//! What happened, line by line.

use std::collections::VecDeque;

use crate::words::Level;

/// Lines kept; older ones go.
const LINES: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    entries: VecDeque<Entry>,
    pub least: Level,
    /// Shows lines that hold this, whatever the case; empty shows all.
    pub filter: String,
    /// Line under the cursor, counted among the lines shown; None follows the newest.
    pub cursor: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Seconds since the job began.
    pub at: f64,
    pub level: Level,
    pub layer: Option<usize>,
    pub text: String,
}

impl Log {
    pub fn push(&mut self, entry: Entry) {
        if self.entries.len() == LINES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// All lines, however they are filtered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lines that the filter lets through, oldest first.
    pub fn shown(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let filter = self.filter.to_lowercase();
        let least = self.least;
        let holds = move |text: &str| filter.is_empty() || text.to_lowercase().contains(&filter);
        self.entries.iter().filter(move |entry| entry.level >= least && holds(&entry.text))
    }

    /// Moves the cursor; past the newest line it follows again.
    pub fn step(&mut self, lines: isize) {
        let count = self.shown().count();
        let at = self.cursor.unwrap_or(count.saturating_sub(1)).saturating_add_signed(lines);
        self.cursor = (at + 1 < count).then_some(at);
    }
}
