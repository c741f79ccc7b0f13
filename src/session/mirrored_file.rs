//! `session.json` and its copy: selecting the valid one, and writing both.

use std::{fs, io, path::Path};

use super::{
    Error, State,
    envelope::{DecodeError, decode, encode},
    names,
    whole_file::{Durability, Written, sync_directory_of},
};

const REMEDY: &str = "start a new session, or restore the file from a backup";

/// The state that was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) state: State,
    /// Messages for the user.
    pub(super) warnings: Vec<String>,
    /// True if both copies exist and are equal.
    pub(super) whole: bool,
}

enum Copy {
    Good(Box<State>),
    Missing,
    Bad(DecodeError),
}

pub(super) fn read(dir: &Path) -> Result<Found, Error> {
    let (first, second) = (dir.join(names::STATE), dir.join(names::STATE_COPY));
    let copies = [read_copy(&first)?, read_copy(&second)?];
    for (copy, path) in copies.iter().zip([&first, &second]) {
        if let Copy::Bad(DecodeError::Newer { format, intact: true }) = copy {
            return Err(Error::Newer { path: path.clone(), format: *format });
        }
    }
    let warn = |path: &Path, cause: &str| {
        format!(
            "session file {}: it is damaged ({cause}); its copy is used, which may lack the last change",
            path.display()
        )
    };
    let cause = |bad: &DecodeError| match bad {
        DecodeError::Newer { format, .. } => format!("it states format {format}"),
        DecodeError::Damaged(cause) => cause.clone(),
    };
    let [main, copy] = copies;
    match (main, copy) {
        (Copy::Good(a), Copy::Good(b)) => {
            let whole = a == b;
            let state = if b.sequence > a.sequence { b } else { a };
            Ok(Found { state: *state, warnings: Vec::new(), whole })
        }
        // The copy is written last, so the process may have ended before.
        (Copy::Good(state), Copy::Missing) => Ok(Found { state: *state, warnings: Vec::new(), whole: false }),
        (Copy::Good(state), Copy::Bad(bad)) => {
            let message = format!(
                "session file {}: it is damaged ({}); it is written again",
                second.display(),
                cause(&bad)
            );
            Ok(Found { state: *state, warnings: vec![message], whole: false })
        }
        (Copy::Bad(bad), Copy::Good(state)) => {
            Ok(Found { state: *state, warnings: vec![warn(&first, &cause(&bad))], whole: false })
        }
        (Copy::Missing, Copy::Good(state)) => {
            Ok(Found { state: *state, warnings: vec![warn(&first, "it is missing")], whole: false })
        }
        (Copy::Missing, Copy::Missing) => Err(Error::NotFound(dir.into())),
        (Copy::Bad(DecodeError::Newer { format, .. }), Copy::Bad(_) | Copy::Missing) => {
            Err(Error::Newer { path: first, format })
        }
        (
            Copy::Bad(DecodeError::Damaged(_)) | Copy::Missing,
            Copy::Bad(DecodeError::Newer { format, .. }),
        ) => Err(Error::Newer { path: second, format }),
        (Copy::Bad(DecodeError::Damaged(cause)), Copy::Missing) => Err(Error::Damaged {
            path: first,
            cause: format!("{cause}; its copy is missing"),
            remedy: REMEDY,
        }),
        (Copy::Bad(DecodeError::Damaged(cause)), Copy::Bad(DecodeError::Damaged(_))) => Err(Error::Damaged {
            path: first,
            cause: format!("{cause}; its copy is damaged too"),
            remedy: REMEDY,
        }),
        (Copy::Missing, Copy::Bad(DecodeError::Damaged(cause))) => Err(Error::Damaged {
            path: second,
            cause: format!("{cause}; session.json is missing"),
            remedy: REMEDY,
        }),
    }
}

fn read_copy(path: &Path) -> Result<Copy, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(decode(&bytes).map_or_else(Copy::Bad, |state| Copy::Good(Box::new(state)))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Copy::Missing),
        Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => Ok(Copy::Missing),
        Err(cause) => Err(Error::Unreadable { path: path.into(), cause }),
    }
}

pub(super) fn write(dir: &Path, state: &State) -> Result<(), Error> {
    let (first, second) = (dir.join(names::STATE), dir.join(names::STATE_COPY));
    let text = encode(state).map_err(|cause| Error::Write { path: first.clone(), cause: cause.into() })?;
    // Both are on disk before either is renamed, so a full disk changes nothing.
    let write = |path: &Path| {
        Written::new(path, Durability::Synced, |file| io::Write::write_all(file, text.as_bytes()))
    };
    let (main, copy) = (write(&first)?, write(&second)?);
    main.name()?;
    // The change is already saved. A copy without it is still usable.
    let _ = copy.name();
    sync_directory_of(&first)
}
