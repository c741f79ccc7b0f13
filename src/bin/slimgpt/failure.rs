//! Errors of a command: their message with advice for the command line, and their kind.

use std::fmt;

use slimgpt::{
    application::{engine, headless, sweep, tui},
    failure::{Advice, Kind},
};

use crate::sessions;

/// The error of a failed command.
#[derive(Debug)]
pub enum Failure {
    Engine(engine::Error),
    Explorer(tui::Error),
    Session(sessions::Error),
    Sweep(sweep::Error),
}

impl Failure {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Engine(error) => error.kind(),
            Self::Explorer(error) => error.kind(),
            Self::Session(error) => error.kind(),
            Self::Sweep(error) => error.kind(),
        }
    }

    fn message_and_advice(&self) -> (String, Option<Advice>) {
        match self {
            Self::Engine(error) => (error.to_string(), error.advice()),
            Self::Explorer(error) => (error.to_string(), error.advice()),
            Self::Session(error) => (error.to_string(), error.advice()),
            Self::Sweep(error) => (error.to_string(), error.advice()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (message, advice) = self.message_and_advice();
        match self.kind() {
            Kind::Cancelled => write!(f, "slimgpt: {message}")?,
            Kind::Input | Kind::Failed => write!(f, "slimgpt: error: {message}")?,
        }
        advice.map_or(Ok(()), |advice| write!(f, "; {}", headless::advice(&advice)))
    }
}

impl From<engine::Error> for Failure {
    fn from(error: engine::Error) -> Self {
        Self::Engine(error)
    }
}

impl From<sweep::Error> for Failure {
    fn from(error: sweep::Error) -> Self {
        Self::Sweep(error)
    }
}

impl From<sessions::Error> for Failure {
    fn from(error: sessions::Error) -> Self {
        match error {
            sessions::Error::Engine(error) => Self::Engine(error),
            other => Self::Session(other),
        }
    }
}

impl From<tui::Error> for Failure {
    fn from(error: tui::Error) -> Self {
        match error {
            tui::Error::Engine(error) => Self::Engine(error),
            other => Self::Explorer(other),
        }
    }
}
