//! `session.json` and its double: what of the two holds, and how both are written.

use std::{fs, io, path::Path};

use super::{
    Error, State,
    envelope::{Unsealed, seal, unseal},
    names,
    whole_file::{Durability, Written, sync_directory_of},
};

const REMEDY: &str = "begin a new session, or put the file back from a backup";

/// What was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) state: State,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
    /// Both copies are there and are equal.
    pub(super) whole: bool,
}

enum Copy {
    Good(Box<State>),
    Missing,
    Bad(Unsealed),
}

pub(super) fn read(dir: &Path) -> Result<Found, Error> {
    let (first, second) = (dir.join(names::STATE), dir.join(names::STATE_COPY));
    let copies = [read_copy(&first)?, read_copy(&second)?];
    for (copy, path) in copies.iter().zip([&first, &second]) {
        if let Copy::Bad(Unsealed::Newer { format, intact: true }) = copy {
            return Err(Error::Newer { path: path.clone(), format: *format });
        }
    }
    let warn = |path: &Path, cause: &str| {
        format!(
            "session file {}: is damaged ({cause}); its double is used, which may lack the last change",
            path.display()
        )
    };
    let cause = |bad: &Unsealed| match bad {
        Unsealed::Newer { format, .. } => format!("it states format {format}"),
        Unsealed::Damaged(cause) => cause.clone(),
    };
    let [main, double] = copies;
    match (main, double) {
        (Copy::Good(a), Copy::Good(b)) => {
            let whole = a == b;
            let state = if b.sequence > a.sequence { b } else { a };
            Ok(Found { state: *state, warnings: Vec::new(), whole })
        }
        // The double is written last: a process may have ended before it.
        (Copy::Good(state), Copy::Missing) => Ok(Found { state: *state, warnings: Vec::new(), whole: false }),
        (Copy::Good(state), Copy::Bad(bad)) => {
            let message = format!(
                "session file {}: is damaged ({}); it is written anew",
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
        (Copy::Bad(Unsealed::Newer { format, .. }), Copy::Bad(_) | Copy::Missing) => {
            Err(Error::Newer { path: first, format })
        }
        (Copy::Bad(Unsealed::Damaged(_)) | Copy::Missing, Copy::Bad(Unsealed::Newer { format, .. })) => {
            Err(Error::Newer { path: second, format })
        }
        (Copy::Bad(Unsealed::Damaged(cause)), Copy::Missing) => Err(Error::Damaged {
            path: first,
            cause: format!("{cause}; its double is missing"),
            remedy: REMEDY,
        }),
        (Copy::Bad(Unsealed::Damaged(cause)), Copy::Bad(Unsealed::Damaged(_))) => Err(Error::Damaged {
            path: first,
            cause: format!("{cause}; its double is damaged too"),
            remedy: REMEDY,
        }),
        (Copy::Missing, Copy::Bad(Unsealed::Damaged(cause))) => Err(Error::Damaged {
            path: second,
            cause: format!("{cause}; session.json is missing"),
            remedy: REMEDY,
        }),
    }
}

fn read_copy(path: &Path) -> Result<Copy, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(unseal(&bytes).map_or_else(Copy::Bad, |state| Copy::Good(Box::new(state)))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Copy::Missing),
        Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => Ok(Copy::Missing),
        Err(cause) => Err(Error::Unreadable { path: path.into(), cause }),
    }
}

pub(super) fn write(dir: &Path, state: &State) -> Result<(), Error> {
    let (first, second) = (dir.join(names::STATE), dir.join(names::STATE_COPY));
    let text = seal(state).map_err(|cause| Error::Write { path: first.clone(), cause: cause.into() })?;
    // Both lie on the disk before either gets its name: where there is no room, all stays as it was.
    let write = |path: &Path| {
        Written::new(path, Durability::Synced, |file| io::Write::write_all(file, text.as_bytes()))
    };
    let (main, double) = (write(&first)?, write(&second)?);
    main.name()?;
    // From here on the change holds; a double that is one change behind is still a double.
    let _ = double.name();
    sync_directory_of(&first)
}
