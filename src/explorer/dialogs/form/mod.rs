//! A form as a dialog: the user edits its fields, then submits it.

mod fields;
pub mod forms;
mod submit;
mod view;

pub use fields::{Field, FieldId, Form, FormKind, Value};

use super::{Reply, Slice, lines};
use crate::explorer::{
    Action, Hint, Input, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

impl Slice for Form {
    fn hints(&self, state: &State) -> Vec<Hint> {
        let hints = [
            Hint::of(state, Action::Accept, "submit"),
            Hint::pair(state, (Action::LineUp, Action::LineDown), "field"),
            Hint::pair(state, (Action::PreviousChoice, Action::NextChoice), "choose"),
            Hint::of(state, Action::CloseDialog, "close"),
        ];
        hints.into_iter().flatten().collect()
    }

    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply> {
        if action == Action::CloseDialog {
            return Some(Reply::Close(Vec::new()));
        }
        if action == Action::Accept {
            return Some(match submit::submit(state, self) {
                Ok(effects) => Reply::Close(effects),
                Err(why) => {
                    self.error = Some(why);
                    Reply::Stay(Vec::new())
                }
            });
        }
        if let Some(lines) = lines(action) {
            Self::step(self, lines.signum());
            return Some(Reply::Stay(Vec::new()));
        }
        let choices = [(Action::PreviousChoice, -1), (Action::NextChoice, 1)];
        let by = choices.into_iter().find(|(choice, _)| *choice == action).map(|(_, by)| by)?;
        // In a text field, these keys move the cursor or type.
        self.input().is_none().then(|| {
            self.turn(by);
            Reply::Stay(Vec::new())
        })
    }

    fn click(&mut self, _state: &mut State, line: usize) -> Reply {
        let again = self.at == line;
        self.at = line.min(self.fields.len().saturating_sub(1));
        if again {
            self.turn(1);
        }
        Reply::Stay(Vec::new())
    }

    fn step(&mut self, _state: &State, lines: isize) {
        Self::step(self, lines.signum());
    }

    fn input(&mut self) -> Option<&mut Input> {
        match &mut self.fields.get_mut(self.at)?.value {
            Value::Text(input) => Some(input),
            Value::Choice { .. } | Value::Switch(_) => None,
        }
    }

    fn typed(&mut self, _state: &mut State) {
        self.error = None;
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        view::draw(frame, body, self, state, theme, hits)
    }
}
