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
        self.push_noted(entry, None);
    }

    /// Adds a line, with its text in the other notation of relative errors if that differs.
    pub fn push_noted(&mut self, entry: Entry, other: Option<String>) {
        if self.entries.len() == LINES {
            self.entries.pop_front();
            self.others.pop_front();
        }
        let other = other.filter(|other| *other != entry.text);
        self.entries.push_back(entry);
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
