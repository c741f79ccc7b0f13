//! Copies through the terminal (OSC 52), which also works over ssh, and in tmux with `set-clipboard on`.

use std::io::{self, stdout};

use ratatui::crossterm::{clipboard::CopyToClipboard, execute};

pub fn copy(text: &str) -> io::Result<()> {
    execute!(stdout(), CopyToClipboard::to_clipboard_from(text))
}
