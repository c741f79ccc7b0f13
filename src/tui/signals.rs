//! The signals that the explorer handles.

use std::io;

use super::Ending;

/// The meaning of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caught {
    End(Ending),
    /// The process continues after a stop. Other programs may have written to the terminal.
    Continued,
}

#[cfg(unix)]
mod unix {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{Caught, Ending, io};

    pub struct Signals {
        interrupt: Signal,
        terminate: Signal,
        hang_up: Signal,
        continued: Signal,
    }

    impl Signals {
        pub fn listen() -> io::Result<Self> {
            // tokio has no name for SIGCONT.
            let continued = rustix::process::Signal::CONT.as_raw();
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
                continued: signal(SignalKind::from_raw(continued))?,
            })
        }

        pub async fn next(&mut self) -> Caught {
            tokio::select! {
                _ = self.interrupt.recv() => Caught::End(Ending::Interrupted),
                _ = self.terminate.recv() => Caught::End(Ending::Terminated),
                _ = self.hang_up.recv() => Caught::End(Ending::HungUp),
                _ = self.continued.recv() => Caught::Continued,
            }
        }

        pub async fn continued(&mut self) {
            self.continued.recv().await;
        }
    }
}

#[cfg(unix)]
pub use unix::Signals;

#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) -> Caught {
        let _ = tokio::signal::ctrl_c().await;
        Caught::End(Ending::Interrupted)
    }
}
