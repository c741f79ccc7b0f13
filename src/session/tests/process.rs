//! Runs a test in a separate process that receives its session from the environment.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

const TOLD: &str = "SLIMGPT_TEST_SESSION";

/// The session of this process; None if the test runs together with all ignored tests.
pub fn given_session() -> Option<PathBuf> {
    env::var_os(TOLD).map(PathBuf::from)
}

/// Starts a test in a separate process with a session.
pub fn process_of_its_own(test: &str, session: &Path) -> Child {
    begin(Command::new(env::current_exe().unwrap()), test, session)
}

/// Like [`process_of_its_own`], with a limit on file sizes in KiB.
#[cfg(unix)]
pub fn process_with_short_files(test: &str, session: &Path, kib: u64) -> Child {
    let mut shell = Command::new("sh");
    // The limit is in units of 512 bytes. A process that ignores the signal receives an error like that of a
    // full disk.
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
    assert!(lines.any(|line| line.unwrap() == "ready"), "the other process ended before it was ready");
}
