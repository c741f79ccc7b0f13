//! The log: events line by line.

use std::collections::VecDeque;

use crate::words::Level;

/// Maximum number of lines; older ones are dropped.
const LINES: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    entries: VecDeque<Entry>,
    /// The texts in the other notation of relative errors; None if a text has no relative error.
    others: VecDeque<Option<String>>,
    /// Seconds of the session before the running job.
    before: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Seconds of the session; on arrival, seconds of the running job.
    pub at: f64,
    pub level: Level,
    pub layer: Option<usize>,
    pub text: String,
}

impl Log {
    pub fn push(&mut self, entry: Entry) {
        self.push_noted(entry, None);
    }

    /// Adds a line, with its text in the other notation of relative errors if that differs.
    pub fn push_noted(&mut self, entry: Entry, other: Option<String>) {
        if self.entries.len() == LINES {
            self.entries.pop_front();
            self.others.pop_front();
        }
        let other = other.filter(|other| *other != entry.text);
        let at = self.before + entry.at;
        self.entries.push_back(Entry { at, ..entry });
        self.others.push_back(other);
    }

    /// Shows every line in the other notation.
    pub fn swap_notation(&mut self) {
        for (entry, other) in self.entries.iter_mut().zip(&mut self.others) {
            if let Some(other) = other {
                std::mem::swap(&mut entry.text, other);
            }
        }
    }

    /// Continues the clock after a job that took `seconds`.
    pub fn pass(&mut self, seconds: f64) {
        self.before += seconds;
    }

    /// Sets the clock to the seconds of a session that is opened.
    pub fn continue_at(&mut self, seconds: f64) {
        self.before = seconds;
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }
}
