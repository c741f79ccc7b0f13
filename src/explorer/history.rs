//! Undo and redo of schedule edits and of choices among attempts.

use serde::{Deserialize, Deserializer, Serialize};

use super::Schedule;

/// Maximum number of changes; older ones are dropped.
const DEPTH: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    past: Vec<Change>,
    future: Vec<Change>,
}

/// A change, with the values needed to undo and redo it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// For the notice, such as "ratio of layer 3" or "attempt of layer 4".
    pub what: String,
    pub schedule: Option<Both<Schedule>>,
    /// The changed layers: one if the user activated an attempt, several if a run did. The first versions wrote
    /// one choice or null.
    #[serde(default, alias = "choice", deserialize_with = "choices")]
    pub choices: Vec<Choice>,
    /// Whether the next edit of the same name is merged into this one, as during a drag.
    pub open: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Both<T> {
    pub before: T,
    pub after: T,
}

/// A change of the active attempt of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub layer: usize,
    pub before: Option<usize>,
    pub after: Option<usize>,
}

fn choices<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Choice>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        All(Vec<Choice>),
        First(Option<Choice>),
    }
    Ok(match Written::deserialize(from)? {
        Written::All(choices) => choices,
        Written::First(choice) => choice.into_iter().collect(),
    })
}

impl History {
    /// Adds a change. An open change is merged into a preceding open one of the same name.
    pub fn push(&mut self, change: Change) {
        self.future.clear();
        if change.open
            && let Some(last) = self.past.last_mut()
            && last.open
            && last.what == change.what
            && let (Some(held), Some(new)) = (&mut last.schedule, &change.schedule)
        {
            held.after.clone_from(&new.after);
            return;
        }
        if self.past.len() == DEPTH {
            self.past.remove(0);
        }
        self.past.push(change);
    }

    /// Closes the newest change, so the next edit is separate.
    pub fn close(&mut self) {
        if let Some(last) = self.past.last_mut() {
            last.open = false;
        }
    }

    /// Moves the newest change to the list of changes to redo.
    pub fn undo(&mut self) {
        self.future.extend(self.past.pop());
    }

    /// Moves the most recently undone change back to the list of changes to undo.
    pub fn redo(&mut self) {
        self.past.extend(self.future.pop());
    }

    /// The valid part: in each direction, the changes before the first one that does not fit. Every change is
    /// closed.
    pub fn up_to_what_fits(self, fits: impl Fn(&Change) -> bool) -> Self {
        let Self { past, future } = self;
        let near = |changes: Vec<Change>| {
            let kept = changes.into_iter().rev().take(DEPTH).take_while(|change| fits(change));
            let mut kept: Vec<Change> = kept.map(|change| Change { open: false, ..change }).collect();
            kept.reverse();
            kept
        };
        Self { past: near(past), future: near(future) }
    }

    /// Names of the changes, the newest first; with true for those that can be redone, which come before the others.
    pub fn listed(&self) -> impl Iterator<Item = (&String, bool)> {
        let undone = self.future.iter().map(|change| (&change.what, true));
        undone.chain(self.past.iter().rev().map(|change| (&change.what, false)))
    }

    pub fn next_undo(&self) -> Option<&Change> {
        self.past.last()
    }

    pub fn next_redo(&self) -> Option<&Change> {
        self.future.last()
    }

    /// The numbers of changes that can be undone and redone.
    pub fn depth(&self) -> (usize, usize) {
        (self.past.len(), self.future.len())
    }
}
