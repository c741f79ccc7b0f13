//! The clipboard, by way of the terminal (OSC 52): it works over ssh as well, and in tmux with `set-clipboard on`.

use std::io::{self, stdout};

use ratatui::crossterm::{clipboard::CopyToClipboard, execute};

pub fn copy(text: &str) -> io::Result<()> {
    execute!(stdout(), CopyToClipboard::to_clipboard_from(text))
}
