//! One reader as a fuzz target.

#[path = "readers.rs"]
mod readers;

use std::sync::OnceLock;

/// Reads the bytes in a scratch directory of this process.
pub fn read(name: &str, bytes: &[u8]) {
    static SCRATCH: OnceLock<tempfile::TempDir> = OnceLock::new();
    let scratch = SCRATCH.get_or_init(|| {
        let scratch = tempfile::tempdir().expect("there is a directory for temporary files");
        readers::prepare(scratch.path());
        scratch
    });
    let reader = readers::READERS.iter().find(|reader| reader.name == name);
    (reader.expect("targets have the names of readers").read)(&scratch.path().join(name), bytes);
}
