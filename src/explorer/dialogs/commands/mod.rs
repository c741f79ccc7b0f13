//! The command log: what was done, as commands that do the same without a screen.

mod view;

use super::{Reply, Slice, lines};
use crate::explorer::{
    Action, Effect, Hint, NoticeKind, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

/// The cursor is on the newest command when the dialog opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// The command under the cursor.
    pub at: usize,
}

impl Commands {
    pub fn newest(state: &State) -> Self {
        Self { at: state.commands.lines(None).len().saturating_sub(1) }
    }
}

impl Slice for Commands {
    fn hints(&self, state: &State) -> Vec<Hint> {
        let hints = [
            Hint::of(state, Action::Accept, "copy the command"),
            Hint::of(state, Action::CopyScript, "copy all as a script"),
            Hint::of(state, Action::CloseDialog, "close"),
        ];
        hints.into_iter().flatten().collect()
    }

    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply> {
        if action == Action::CloseDialog {
            return Some(Reply::Close(Vec::new()));
        }
        if let Some(by) = lines(action) {
            self.step(state, by);
            return Some(Reply::Stay(Vec::new()));
        }
        let session = state.session_argument();
        let (what, text) = if action == Action::Accept {
            ("the command", state.commands.lines(session.as_deref()).get(self.at).cloned()?)
        } else if action == Action::CopyScript && !state.commands.is_empty() {
            ("the commands as a script", state.commands.script())
        } else {
            return None;
        };
        state.say(NoticeKind::Done, format!("Copied {what}"));
        Some(Reply::Stay(vec![Effect::Copy(text)]))
    }

    fn click(&mut self, _state: &mut State, line: usize) -> Reply {
        self.at = line;
        Reply::Stay(Vec::new())
    }

    fn step(&mut self, state: &State, lines: isize) {
        let last = state.commands.lines(None).len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(lines).min(last);
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        view::draw(frame, body, self.at, state, theme, hits);
        None
    }
}
