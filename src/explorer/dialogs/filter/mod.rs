//! The text that filters the list of sessions if it is open, otherwise the list of the screen.

mod view;

use super::{Dialog, Reply, Slice};
use crate::explorer::{
    Action, Hint, Input, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub input: Input,
}

impl Filter {
    pub fn new(text: impl Into<String>) -> Self {
        Self { input: Input::new(text) }
    }
}

impl Slice for Filter {
    fn hints(&self, state: &State) -> Vec<Hint> {
        let hints = [(Action::Accept, "keep"), (Action::CloseDialog, "close")];
        hints.into_iter().filter_map(|(action, label)| Hint::of(state, action, label)).collect()
    }

    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply> {
        if action == Action::CloseDialog {
            filter(state, String::new());
            return Some(Reply::Close(Vec::new()));
        }
        (action == Action::Accept).then(|| Reply::Close(Vec::new()))
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn typed(&mut self, state: &mut State) {
        filter(state, self.input.text().to_string());
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        _state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        Some(view::draw(frame, body, &self.input, theme, hits))
    }
}

fn filter(state: &mut State, text: String) {
    let sessions = state.dialogs.iter_mut().find_map(|dialog| match dialog {
        Dialog::Sessions(sessions) => Some(sessions),
        Dialog::Form(_)
        | Dialog::Palette(_)
        | Dialog::Help(_)
        | Dialog::Filter(_)
        | Dialog::Confirm(_)
        | Dialog::Refusal(_)
        | Dialog::Commands(_)
        | Dialog::Explain(_) => None,
    });
    match sessions {
        Some(sessions) => sessions.set_filter(text),
        None => state.screen.slice().set_filter(state, text),
    }
}
