//! The last export of a session, and checks that it is complete and unchanged on disk.

use std::{
    fs,
    path::{Path, PathBuf, absolute},
};

use sha2::{Digest, Sha256};

use crate::{
    engine::{Error, describe::hexadecimal},
    export,
    session::{Output, Session},
};

/// Cleans up after a killed process: recognises a published export, and removes the files of an unpublished
/// one.
pub fn tidy(session: &mut Session) -> Result<(), Error> {
    let Some(output) = session.state().output.clone().filter(|output| !output.written) else { return Ok(()) };
    let written = is_ours(&output);
    if let Some(partial) = &output.partial {
        export::clear_away(&output.path, partial);
    }
    Ok(session.change(|state| {
        if let Some(output) = &mut state.output {
            (output.written, output.partial) = (written, None);
        }
    })?)
}

/// True if the session's model with these active attempts was exported to `path` and is unchanged there.
pub fn is_written(session: Option<&Session>, path: &Path, numbers: &[Option<usize>]) -> bool {
    let output = session.and_then(|session| session.state().output.as_ref());
    output.is_some_and(|output| {
        let same = output.of.is_empty() || output.of == numbers;
        output.written && output.path == path && same && is_ours(output)
    })
}

/// True if `path` contains the last export of the session, unchanged.
pub fn is_own_output(session: Option<&Session>, path: &Path) -> bool {
    let output = session.and_then(|session| session.state().output.as_ref());
    output.is_some_and(|output| output.written && output.path == path && is_ours(output))
}

/// True if the directory has the record and the size of this export.
fn is_ours(output: &Output) -> bool {
    let run_json = fs::read(output.path.join("run.json")).ok();
    let sha256 = run_json.map(|json| hexadecimal(&Sha256::digest(json)));
    let sizes = fs::read_dir(&output.path).into_iter().flatten().flatten();
    let bytes: u64 = sizes.map(|entry| entry.metadata().map_or(0, |file| file.len())).sum();
    sha256.is_some() && sha256 == output.run_json_sha256 && output.bytes.is_none_or(|known| known == bytes)
}

/// The absolute path, for later processes.
pub fn for_later(path: &Path) -> Result<PathBuf, Error> {
    absolute(path).map_err(Error::CurrentDir)
}
