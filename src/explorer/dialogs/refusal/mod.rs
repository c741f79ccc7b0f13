//! The reason why a dialog does not open, shown in its place until it is closed.

mod view;

use super::{Reply, Slice};
use crate::explorer::{
    Action, Hint, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub why: String,
}

impl Slice for Refusal {
    fn hints(&self, state: &State) -> Vec<Hint> {
        Hint::of(state, Action::CloseDialog, "close").into_iter().collect()
    }

    fn act(&mut self, _state: &mut State, action: Action) -> Option<Reply> {
        [Action::CloseDialog, Action::Accept].contains(&action).then(|| Reply::Close(Vec::new()))
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        _state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        view::draw(frame, body, self, theme, hits);
        None
    }
}
