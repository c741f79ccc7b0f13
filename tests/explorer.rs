//! Sessions with the explorer in a real terminal: a run, edits, retries, an export, a recording.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[path = "terminal/pty.rs"]
mod pty;

use std::{fs, process::Command, thread, time::Duration};

use pty::{PROGRAM, Setup, Terminal};

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recordings/demo.jsonl");

/// The built-in model with settings under which a run takes seconds.
fn quick(more: &[&str]) -> Terminal {
    let text: String = slimgpt::demo::HELD_OUT.chars().take(6000).collect();
    let arguments = ["--samples", "4", "--seq-len", "32", "--eval", "eval.txt"];
    let setup = Setup::new(&[&arguments, more].concat()).size(120, 40).file("eval.txt", &text);
    let terminal = setup.start();
    terminal.wait_for_model();
    terminal
}
