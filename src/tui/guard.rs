//! Sets the terminal up for the explorer, and restores it in all cases.

use std::{
    io::{self, stdout},
    sync::{Mutex, PoisonError},
    thread::{self, ThreadId},
};

use ratatui::crossterm::{
    cursor,
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute, queue,
    style::{Attribute, SetAttribute},
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};

/// The drawing thread; None while the terminal is restored.
static DRAWS: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Owns the terminal, which is restored on drop.
#[derive(Debug)]
pub struct Guard {
    mouse: bool,
}

impl Guard {
    /// Enables raw mode, the alternate screen, bracketed paste and, if requested, mouse capture.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        let guard = Self { mouse };
        guard.take()?;
        Ok(guard)
    }

    /// Sets the terminal up again after the shell has used it.
    pub fn enter_again(&self) -> io::Result<()> {
        restore();
        self.take()
    }

    pub fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        if mouse == self.mouse {
            return Ok(());
        }
        self.mouse = mouse;
        if mouse { execute!(stdout(), EnableMouseCapture) } else { execute!(stdout(), DisableMouseCapture) }
    }

    fn take(&self) -> io::Result<()> {
        // This is first, so a failure below is undone as well.
        *draws() = Some(thread::current().id());
        enable_raw_mode()?;
        let mut stdout = stdout();
        queue!(stdout, EnterAlternateScreen, cursor::Hide, EnableBracketedPaste)?;
        if self.mouse {
            queue!(stdout, EnableMouseCapture)?;
        }
        io::Write::flush(&mut stdout)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether the explorer controls the terminal, and the thread that draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    No,
    ByThisThread,
    ByAnother,
}

pub fn shown() -> Shown {
    match *draws() {
        None => Shown::No,
        Some(thread) if thread == thread::current().id() => Shown::ByThisThread,
        Some(_) => Shown::ByAnother,
    }
}

/// Restores the terminal if the explorer controls it. Errors are ignored, because a closed terminal needs no
/// restoring.
pub fn restore() {
    if draws().take().is_none() {
        return;
    }
    let _ = execute!(
        stdout(),
        DisableMouseCapture,
        DisableBracketedPaste,
        SetAttribute(Attribute::Reset),
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

fn draws() -> std::sync::MutexGuard<'static, Option<ThreadId>> {
    DRAWS.lock().unwrap_or_else(PoisonError::into_inner)
}
