//! Buffers frames, so each is written to the terminal in one piece.

use std::io::{self, Write, stdout};

use ratatui::{Terminal, backend::CrosstermBackend};

use super::guard::{self, Shown};

pub type Screen = Terminal<CrosstermBackend<Output>>;

/// Synchronised output: terminals that support it show a frame in one piece; others ignore it.
const BEGIN_FRAME: &[u8] = b"\x1b[?2026h";
const END_FRAME: &[u8] = b"\x1b[?2026l";

/// Buffers bytes until they are flushed. Nothing is written while the shell controls the terminal.
#[derive(Debug, Default)]
pub struct Output(Vec<u8>);

impl Output {
    pub fn screen() -> io::Result<Screen> {
        Terminal::new(CrosstermBackend::new(Self::default()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            self.0.extend_from_slice(BEGIN_FRAME);
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        // After a panic, the rest of the frame would appear in the shell.
        if guard::shown() == Shown::No {
            self.0.clear();
            return Ok(());
        }
        self.0.extend_from_slice(END_FRAME);
        let mut stdout = stdout().lock();
        let written = stdout.write_all(&self.0).and_then(|()| stdout.flush());
        self.0.clear();
        written
    }
}
