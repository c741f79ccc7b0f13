//! One editable line of text.

use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::InputRequest;

use super::Key;

/// A line with its cursor.
#[derive(Clone, Debug, Default)]
pub struct Input {
    line: tui_input::Input,
    /// The text is a suggestion that the user has not edited: typing replaces it.
    suggested: bool,
}

impl Input {
    pub fn new(text: impl Into<String>) -> Self {
        Self { line: tui_input::Input::new(text.into()), suggested: false }
    }

    /// A line whose text is replaced by the first character that is typed, unless the cursor is moved before.
    pub fn suggestion(text: impl Into<String>) -> Self {
        let line = tui_input::Input::new(text.into());
        Self { suggested: !line.value().is_empty(), line }
    }

    /// True if the next character replaces the text.
    pub fn is_suggestion(&self) -> bool {
        self.suggested
    }

    pub fn text(&self) -> &str {
        self.line.value()
    }

    /// Number of characters before the cursor.
    pub fn cursor(&self) -> usize {
        self.line.cursor()
    }

    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::new(text);
    }

    /// Inserts pasted text; line breaks become blanks.
    pub fn paste(&mut self, text: &str) {
        self.replace_suggestion();
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            let c = if c.is_control() { ' ' } else { c };
            self.line.handle(InputRequest::InsertChar(c));
        }
    }

    /// Handles a key. Returns true if the key was used.
    pub fn key(&mut self, key: Key) -> bool {
        let Some(request) = request(key) else { return false };
        match request {
            InputRequest::InsertChar(_) | InputRequest::DeletePrevChar | InputRequest::DeleteNextChar => {
                self.replace_suggestion();
            }
            _ => self.suggested = false,
        }
        self.line.handle(request);
        true
    }

    fn replace_suggestion(&mut self) {
        if self.suggested {
            self.set("");
        }
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
