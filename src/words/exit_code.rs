//! The exit codes of the program.

use crate::failure::Kind;

/// The way in which the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    Done,
    Failed,
    Input,
    HungUp,
    Cancelled,
    Terminated,
}

impl ExitCode {
    /// All exit codes in ascending order.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Failed, Self::Input, Self::HungUp, Self::Cancelled, Self::Terminated];

    /// The number reported to the shell. For a signal it is 128 plus the signal number.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Input => 2,
            Self::HungUp => 129,
            Self::Cancelled => 130,
            Self::Terminated => 143,
        }
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed: disk, network, device or numerics",
            Self::Input => "wrong usage, settings or input",
            Self::HungUp => "the explorer's terminal was closed",
            Self::Cancelled => "cancelled",
            Self::Terminated => "the explorer was terminated",
        }
    }
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Input => Self::Input,
            Kind::Failed => Self::Failed,
            Kind::Cancelled => Self::Cancelled,
        }
    }
}

/// The table of exit codes for the help texts, one line each.
pub fn exit_codes() -> String {
    let lines = ExitCode::ALL.map(|code| format!("  {:>3}  {}", code.number(), code.meaning()));
    format!("Exit codes:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_has_its_own_number_in_ascending_order() {
        let numbers = ExitCode::ALL.map(ExitCode::number);
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}
