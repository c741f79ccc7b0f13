//! The way in which the explorer ended.

use crate::words::ExitCode;

/// The reason why the explorer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Quit,
    /// By SIGINT.
    Interrupted,
    /// By SIGTERM.
    Terminated,
    /// The terminal was closed.
    HungUp,
    /// The user quit after a worker had stopped unexpectedly.
    Crashed,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Quit => Self::Done,
            Ending::Crashed => Self::Failed,
            Ending::HungUp => Self::HungUp,
            Ending::Interrupted => Self::Cancelled,
            Ending::Terminated => Self::Terminated,
        }
    }
}
