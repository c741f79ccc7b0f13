//! Undo and redo of schedule edits and of choices among attempts.

use super::Schedule;

/// Changes kept; older ones go.
const DEPTH: usize = 200;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    past: Vec<Change>,
    future: Vec<Change>,
}

/// What was changed, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// For the notice: "ratio of layer 3", "attempt of layer 4".
    pub what: String,
    pub schedule: Option<Both<Schedule>>,
    pub choice: Option<Choice>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Both<T> {
    pub before: T,
    pub after: T,
}

/// Which attempt of a layer is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub layer: usize,
    pub before: Option<usize>,
    pub after: Option<usize>,
}

impl History {
    /// A change of the same name right after another becomes one with it where `merge` says so: a drag is one edit.
    pub fn push(&mut self, change: Change, merge: bool) {
        self.future.clear();
        if merge
            && let Some(last) = self.past.last_mut()
            && last.what == change.what
            && last.choice.is_none()
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

    /// Moves the newest change to those that can be done again.
    pub fn undo(&mut self) {
        self.future.extend(self.past.pop());
    }

    /// Moves the change taken back last to those that can be taken back.
    pub fn redo(&mut self) {
        self.past.extend(self.future.pop());
    }

    pub fn next_undo(&self) -> Option<&Change> {
        self.past.last()
    }

    pub fn next_redo(&self) -> Option<&Change> {
        self.future.last()
    }

    /// How many changes can be taken back, and done again.
    pub fn depth(&self) -> (usize, usize) {
        (self.past.len(), self.future.len())
    }
}
