//! One editable line of text.

use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::InputRequest;

use super::Key;

/// A line with its cursor.
#[derive(Clone, Debug, Default)]
pub struct Input(tui_input::Input);

impl Input {
    pub fn new(text: impl Into<String>) -> Self {
        Self(tui_input::Input::new(text.into()))
    }

    pub fn text(&self) -> &str {
        self.0.value()
    }

    /// Number of characters before the cursor.
    pub fn cursor(&self) -> usize {
        self.0.cursor()
    }

    pub fn set(&mut self, text: impl Into<String>) {
        self.0 = tui_input::Input::new(text.into());
    }

    /// Inserts pasted text; line breaks become blanks.
    pub fn paste(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            let c = if c.is_control() { ' ' } else { c };
            self.0.handle(InputRequest::InsertChar(c));
        }
    }

    /// Handles a key. Returns true if the key was used.
    pub fn key(&mut self, key: Key) -> bool {
        let Some(request) = request(key) else { return false };
        self.0.handle(request);
        true
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        (self.text(), self.cursor()) == (other.text(), other.cursor())
    }
}

fn request(key: Key) -> Option<InputRequest> {
    let (control, alt) =
        (key.modifiers.contains(KeyModifiers::CONTROL), key.modifiers.contains(KeyModifiers::ALT));
    Some(match key.code {
        KeyCode::Char(c) if !control && !alt => InputRequest::InsertChar(c),
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char('u') if control => InputRequest::DeleteLine,
        KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char('b') if alt => InputRequest::GoToPrevWord,
        KeyCode::Char('f') if alt => InputRequest::GoToNextWord,
        KeyCode::Backspace if control || alt => InputRequest::DeletePrevWord,
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left if control => InputRequest::GoToPrevWord,
        KeyCode::Right if control => InputRequest::GoToNextWord,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return None,
    })
}
