//! What the explorer is started with, from the terminal's first line to its last.

use std::{
    env,
    io::{IsTerminal, Write, stderr, stdin, stdout},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    time::Duration,
};

use super::{Ending, Error, Interface, explorer::Explorer, report};
use crate::{
    calibration::TextSource,
    config::Settings,
    engine::{ModelChoice, SessionPlace, Worker},
    explorer::Origin,
    recording::{Recorder, Replay},
    words,
};

/// How long a listing or deleting of sessions that is still going on may take once the explorer is quit.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is explored.
pub enum Opened {
    /// Recorded in a session, or opened from one.
    Model { model: ModelChoice, place: SessionPlace },
    /// Shown at this many recorded seconds a second.
    Recording { replay: Replay, speed: f64 },
}

/// Starts the engine on a model. [`engine::workspace`](crate::engine::workspace) is one.
pub type StartEngine = fn(ModelChoice, Settings, SessionPlace) -> Worker<()>;

pub struct Session {
    pub opened: Opened,
    pub engine: StartEngine,
    pub settings: Settings,
    pub interface: Interface,
    /// Where every event is recorded.
    pub recorder: Option<Recorder>,
    /// Where sessions lie; None where no home directory is known.
    pub sessions: Option<PathBuf>,
}

/// An error where there is no terminal to explore on.
pub fn needs_terminal() -> Result<(), Error> {
    if !stdin().is_terminal() {
        return Err(Error::NoTerminal("stdin is none"));
    }
    if !stdout().is_terminal() {
        return Err(Error::NoTerminal("stdout is none"));
    }
    if env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Error::NoTerminal("this one (TERM=dumb) has no screen"));
    }
    Ok(())
}

/// Shows the explorer until it is quit. The terminal is restored before this returns, and what panicked meanwhile is told.
pub fn explore(session: Session) -> Result<Ending, Error> {
    needs_terminal()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let explored = catch_unwind(AssertUnwindSafe(|| runtime.block_on(Explorer::run(session))));
    report::print_reports();
    runtime.shutdown_timeout(PATIENCE);
    explored.unwrap_or(Err(Error::Panicked))
}

/// Tells how to come back to a session, on the shell's screen. Nobody reading it is no reason for trouble.
pub(super) fn print_hint(name: &str, argument: &str) {
    let _ = writeln!(stderr(), "Session {name}: slimgpt --session {argument} opens it again");
}

impl Opened {
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Model { place: SessionPlace::Open(path), .. } => {
                Origin::Live { model: format!("session {}", words::session_name(path)) }
            }
            Self::Model { model: ModelChoice::Demo, .. } => {
                Origin::Live { model: "the built-in demo".into() }
            }
            Self::Model { model: ModelChoice::Named(name), .. } => Origin::Live { model: name.clone() },
            Self::Recording { replay, speed } => Origin::Replay { file: replay.path().into(), speed: *speed },
        }
    }

    /// The built-in model has a text to measure on; of others it has to be named. A session has its own settings.
    pub(super) fn eval(&self) -> Option<TextSource> {
        match self {
            Self::Model { place: SessionPlace::Open(_), .. } => None,
            Self::Model { model: ModelChoice::Demo, .. } => Some(TextSource::DemoHeldOut),
            Self::Model { model: ModelChoice::Named(_), .. } | Self::Recording { .. } => None,
        }
    }
}
