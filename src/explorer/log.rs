//! The log: events line by line.

use std::collections::VecDeque;

use crate::words::Level;

/// Maximum number of lines; older ones are dropped.
const LINES: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    entries: VecDeque<Entry>,
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
