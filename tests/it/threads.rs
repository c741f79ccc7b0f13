//! The number of threads does not affect the output.

use std::collections::BTreeMap;

use crate::program::{Workspace, output, program};
use serde_json::Value;

/// The files of an output. The record and the model card are reduced to lines that do not depend on time,
/// memory or threads.
fn whatever_the_threads(bench: &Workspace, out: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = output(&bench.path(out));
    let mut record: Value = serde_json::from_slice(&files["run.json"]).unwrap();
    record["settings"]["machine"]["threads"].take();
    files.insert("run.json".into(), record.to_string().into_bytes());
    let card = String::from_utf8(files["README.md"].clone()).unwrap();
    let lines: Vec<&str> = card.lines().filter(|line| !line.starts_with("threads = ")).collect();
    files.insert("README.md".into(), lines.join("\n").into_bytes());
    files
}

#[test]
fn one_thread_and_two_write_equal_bytes() {
    let bench = Workspace::new();
    let [one, two] = ["1", "2"].map(|threads| {
        // The windows have more tokens than one batch.
        let ran = bench.prune_to(threads, &["--threads", threads, "--samples", "48", "--track-errors"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        whatever_the_threads(&bench, threads)
    });
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&two));
    for (name, bytes) in &one {
        assert!(*bytes == two[name], "{name} differs");
    }
}

#[test]
fn threads_are_limited_to_the_cores_with_a_message() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let asked = cores + 900;
    let told = format!("threads: {asked} requested, {cores} used");
    let asked = asked.to_string();
    let run = |variable: Option<&str>, more: &[&str]| {
        let mut command = program();
        command.env_remove("RAYON_NUM_THREADS").args(["inspect"]).args(more);
        if let Some(variable) = variable {
            command.env("RAYON_NUM_THREADS", variable);
        }
        let output = command.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let cores = cores.to_string();
    assert_eq!(run(None, &["--threads", &asked]).matches(&told).count(), 1);
    assert_eq!(run(Some(&cores), &["--threads", &asked]).matches(&told).count(), 1);
    assert_eq!(run(Some(&asked), &[]).matches(&told).count(), 1);
    assert!(!run(None, &["--threads", &cores]).contains("requested"));
}
