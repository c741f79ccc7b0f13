//! Kinds of failures, and the advice that a frontend gives about them.
//!
//! Errors of the library give the place, the expected and the found value. If the next step differs between the
//! command line and the explorer, an error carries an [`Advice`], and each frontend words it.

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

/// The change needed before the same work can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command, the settings or a file named by them; the same command fails again.
    Input,
    /// The disk, the network, the device or the numerics.
    Failed,
    /// The user cancelled the work.
    Cancelled,
}

impl Kind {
    /// The kind of a failed read or write. An unusable path is input; everything else is a failure of the
    /// system.
    pub fn of_io(cause: &io::Error) -> Self {
        use io::ErrorKind;
        match cause.kind() {
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData
            | ErrorKind::InvalidFilename
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::UnexpectedEof => Self::Input,
            // `io::ErrorKind` is non-exhaustive: full disks, quotas, devices, networks.
            _ => Self::Failed,
        }
    }
}

/// Advice about an error, whose wording depends on the frontend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Choose another output, or allow this one to be replaced.
    ReplaceOutput,
    /// Choose another output directory.
    OtherOutput,
    /// Choose another session directory.
    OtherSession,
    /// Continue the existing session, or choose another session directory.
    ResumeSession(PathBuf),
    /// Look up the name of the session.
    ListSessions,
    /// Remove the session, which has no run, and run again.
    RemoveSession(PathBuf),
    /// Give the current path of the session's model.
    LocateModel,
    /// Name a calibration text.
    NameCalibration,
    /// Name an evaluation text.
    NameEvaluationText,
    /// Give a prompt.
    GivePrompt,
    /// Choose another file for the recorded events.
    OtherEventsFile,
    /// Give a file recorded by a run.
    GiveRecording,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_failure_and_a_wrong_path_is_input() {
        for (kind, expected) in [
            (io::ErrorKind::StorageFull, Kind::Failed),
            (io::ErrorKind::QuotaExceeded, Kind::Failed),
            (io::ErrorKind::FileTooLarge, Kind::Failed),
            (io::ErrorKind::NotFound, Kind::Input),
            (io::ErrorKind::PermissionDenied, Kind::Input),
        ] {
            assert_eq!(Kind::of_io(&kind.into()), expected, "{kind}");
        }
    }
}
