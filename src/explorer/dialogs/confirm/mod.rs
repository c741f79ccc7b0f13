//! A yes-or-no question asked before something is done.

mod view;

use std::path::PathBuf;

use super::{Reply, Slice};
use crate::explorer::{
    Action, Effect, Hint, State, Then, runs,
    view::{Frame, Hits, Position, Rect, Theme},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    pub question: String,
    /// The consequences.
    pub detail: String,
    pub then: Confirmed,
}

/// The operation performed after a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    Quit,
    Start,
    Cancel,
    OpenSession { path: PathBuf, then: Then },
    DeleteSession(PathBuf),
}

impl Slice for Confirm {
    fn hints(&self, state: &State) -> Vec<Hint> {
        [Hint::of(state, Action::Yes, "yes"), Hint::of(state, Action::No, "no")]
            .into_iter()
            .flatten()
            .collect()
    }

    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply> {
        if [Action::Yes, Action::Accept].contains(&action) {
            return Some(Reply::Close(confirmed(state, self.then.clone())));
        }
        [Action::No, Action::CloseDialog].contains(&action).then(|| Reply::Close(Vec::new()))
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        view::draw(frame, body, (self, state), theme, hits);
        None
    }
}

fn confirmed(state: &mut State, what: Confirmed) -> Vec<Effect> {
    match what {
        Confirmed::Quit => vec![Effect::Quit],
        Confirmed::Start => runs::start_all(state),
        Confirmed::Cancel => runs::cancel(state),
        Confirmed::OpenSession { path, then } => state.reopen(path, then),
        Confirmed::DeleteSession(path) => vec![Effect::DeleteSession(path)],
    }
}
