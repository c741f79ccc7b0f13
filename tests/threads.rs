//! How many threads work on a run makes no difference to what is written.
#![allow(clippy::unwrap_used)]

mod program;

use std::{collections::BTreeMap, path::Path};

use program::{output, program};
use serde_json::Value;

/// The files of an output; of `run.json` what tells neither of time and memory nor of the threads.
fn whatever_the_threads(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = output(dir);
    let mut record: Value = serde_json::from_slice(&files["run.json"]).unwrap();
    record["settings"]["machine"]["threads"].take();
    files.insert("run.json".into(), record.to_string().into_bytes());
    files
}

#[test]
fn one_thread_and_two_write_equal_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let written = ["1", "2"].map(|threads| {
        let out = dir.path().join(threads);
        let mut command = program();
        command.args(["prune", "--no-session", "--samples", "16", "--threads", threads, "--out"]).arg(&out);
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        whatever_the_threads(&out)
    });
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&written[0]), names(&written[1]));
    for (name, bytes) in &written[0] {
        assert!(*bytes == written[1][name], "{name} differs");
    }
}
