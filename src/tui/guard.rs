//! The terminal as the explorer needs it, and as it was before: whatever happens, it is left again.

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

/// The thread that draws, while the screen is shown.
static DRAWS: Mutex<Option<ThreadId>> = Mutex::new(None);

/// While this lives, the terminal is the explorer's.
#[derive(Debug)]
pub struct Guard {
    mouse: bool,
}

impl Guard {
    /// Raw mode, the alternate screen, bracketed paste, and the mouse where it is wanted.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        let guard = Self { mouse };
        guard.take()?;
        Ok(guard)
    }

    /// The screen again, after the shell has had it.
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
        // First of all, so that a failure half-way is undone as well.
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

/// Whether the screen is shown, and by whom.
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

/// Leaves the screen where it is shown. Where the terminal has gone away nothing can be restored, and nothing has to be.
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
