//! How the explorer ended, and the exit code that it means.

/// Why there is nothing more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Quit,
    /// Asked to end from outside.
    Interrupted,
    Terminated,
    /// The terminal has gone away.
    HungUp,
    /// It was quit, but a worker had stopped unexpectedly before.
    Crashed,
}

impl Ending {
    /// 128 and the signal's number, as shells have it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Crashed => 1,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}
