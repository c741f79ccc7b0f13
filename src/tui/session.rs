//! Starts the explorer and cleans up after it.

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

/// Maximum time that unfinished disk work may take after the explorer has quit.
const PATIENCE: Duration = Duration::from_secs(2);

/// The object that the explorer opens.
pub enum Opened {
    /// A model, recorded in a new session or opened from an existing one.
    Model { model: ModelChoice, place: SessionPlace },
    /// A recording, replayed at `speed` recorded seconds per second.
    Recording { replay: Replay, speed: f64 },
}

/// A function that starts the engine on a model, such as [`engine::workspace`](crate::engine::workspace).
pub type StartEngine = fn(ModelChoice, Settings, SessionPlace) -> Worker<()>;

pub struct Session {
    pub opened: Opened,
    pub engine: StartEngine,
    pub settings: Settings,
    pub interface: Interface,
    /// Records every event.
    pub recorder: Option<Recorder>,
    /// The directory of sessions; None if no home directory is known.
    pub sessions: Option<PathBuf>,
}

/// Checks that stdin and stdout are a usable terminal.
///
/// # Errors
/// If they are not.
pub fn needs_terminal() -> Result<(), Error> {
    if !stdin().is_terminal() {
        return Err(Error::NoTerminal("stdin is not one"));
    }
    if !stdout().is_terminal() {
        return Err(Error::NoTerminal("stdout is not one"));
    }
    if env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Error::NoTerminal("this one (TERM=dumb) cannot draw"));
    }
    Ok(())
}

/// Shows the explorer until the user quits. Restores the terminal and prints reports of panics before it
/// returns.
///
/// # Errors
/// If the terminal cannot be used, the model cannot be opened, or a panic ended the explorer.
pub fn explore(session: Session) -> Result<Ending, Error> {
    needs_terminal()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let explored = catch_unwind(AssertUnwindSafe(|| runtime.block_on(Explorer::run(session))));
    report::print_reports();
    runtime.shutdown_timeout(PATIENCE);
    explored.unwrap_or(Err(Error::Panicked))
}

/// Prints the command that reopens the session. A failure means that nobody reads stderr.
pub(super) fn print_hint(name: &str, argument: &str) {
    let _ = writeln!(stderr(), "Session {name}: open it again with slimgpt --session {argument}");
}

impl Opened {
    /// True for a model whose runs go to a new session.
    pub(super) fn is_new_session(&self) -> bool {
        match self {
            Self::Model { place, .. } => match place {
                SessionPlace::Under(_) | SessionPlace::New(_) => true,
                SessionPlace::None | SessionPlace::Open(_) => false,
            },
            Self::Recording { .. } => false,
        }
    }

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

    /// The argument that names the model; None for the built-in model and a recording.
    pub(super) fn model_argument(&self) -> Option<String> {
        match self {
            Self::Model { model: ModelChoice::Named(name), .. } => Some(name.clone()),
            Self::Model { model: ModelChoice::Demo, .. } | Self::Recording { .. } => None,
        }
    }

    /// The default evaluation text; only the built-in model has one. A session has its own settings.
    pub(super) fn eval(&self) -> Option<TextSource> {
        match self {
            Self::Model { place: SessionPlace::Open(_), .. } => None,
            Self::Model { model: ModelChoice::Demo, .. } => Some(TextSource::DemoHeldOut),
            Self::Model { model: ModelChoice::Named(_), .. } | Self::Recording { .. } => None,
        }
    }
}
