//! Tests that run another one as a process of its own, which is told its session.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const TOLD: &str = "SLIMGPT_TEST_SESSION";

/// The session that this process was told; None where somebody runs all ignored tests.
pub fn told() -> Option<PathBuf> {
    env::var_os(TOLD).map(PathBuf::from)
}

/// Begins a test of this module with a session.
pub fn process_of_its_own(test: &str, session: &Path) -> Child {
    begin(Command::new(env::current_exe().unwrap()), test, session)
}

/// The same where no file may become longer than so many KiB.
#[cfg(unix)]
pub fn process_with_short_files(test: &str, session: &Path, kib: u64) -> Child {
    let mut shell = Command::new("sh");
    // The limit is counted in halves of a KiB. Who ignores the signal gets an error, as of a full disk.
    let limits = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", 2 * kib);
    shell.args(["-c", &limits, "sh"]).arg(env::current_exe().unwrap());
    begin(shell, test, session)
}

fn begin(mut command: Command, test: &str, session: &Path) -> Child {
    let test = format!("session::tests::{test}");
    let command = command.args(["--exact", &test, "--ignored", "--nocapture"]).env(TOLD, session);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Waits for the line `ready`.
pub fn wait_until_ready(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"), "the other process did not come so far");
}
