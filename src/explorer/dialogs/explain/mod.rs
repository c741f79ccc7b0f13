//! The explanation of the focused panel. It is not modal: keys it does not handle go to the screen.

mod view;

pub use view::places;

use super::{Reply, Slice};
use crate::explorer::{
    Action, Hint, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explain;

impl Slice for Explain {
    fn is_modal(&self) -> bool {
        false
    }

    fn hints(&self, state: &State) -> Vec<Hint> {
        let hints = [(Action::CloseDialog, "close"), (Action::NextPanel, "next panel")];
        hints.into_iter().filter_map(|(action, label)| Hint::of(state, action, label)).collect()
    }

    fn act(&mut self, _state: &mut State, action: Action) -> Option<Reply> {
        (action == Action::CloseDialog).then(|| Reply::Close(Vec::new()))
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        view::draw(frame, body, state, theme, hits);
        None
    }
}
