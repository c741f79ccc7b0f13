//! Exit codes: every kind of failure has the same code everywhere. `bad_input` (for an export) and `kill` (for a
//! session) test full disks, and `sweep` a cancelled sweep.

use std::net::TcpListener;

use slimgpt::application::words::{ExitCode, exit_codes};

use crate::program::{Ran, Workspace, program, slimgpt};

fn number(code: ExitCode) -> Option<i32> {
    Some(code.number().into())
}

#[test]
fn wrong_usage_settings_and_input_have_the_code_of_input() {
    let bench = Workspace::new();
    let missing = bench.text("missing");
    for arguments in [
        &["prune", "--no-such-flag"][..],
        &["prune", "--ratio", "2", "--no-export"],
        &["prune", "--config", &missing, "--no-export"],
        &["prune", "--calibration", &missing, "--no-export"],
        &["prune", "--events", &format!("{missing}/events.jsonl"), "--no-export"],
        &["eval", &missing],
        &["resume", &missing],
        &["replay", &missing],
        &["sweep", &missing, "--out", &missing],
        &["sweep", "--collect", &missing],
    ] {
        let ran = slimgpt(arguments);
        assert_eq!(ran.code, number(ExitCode::Input), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_network_failure_has_the_code_of_failures() {
    // A port that was just free refuses the connection.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cache = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(["inspect", "owner/name"]).env_remove("HF_HUB_OFFLINE").env("HF_HUB_CACHE", cache.path());
    let ran: Ran = command.env("HF_ENDPOINT", format!("http://127.0.0.1:{port}")).output().unwrap().into();
    assert_eq!(ran.code, number(ExitCode::Failed), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot reach"), "{}", ran.stderr);
}

#[test]
fn the_help_lists_every_exit_code() {
    let help = slimgpt(&["--help"]).stdout;
    assert!(help.contains(&exit_codes()), "{help}");
}

#[test]
fn the_documentation_lists_every_exit_code() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/command-line.md")).unwrap();
    for code in ExitCode::ALL {
        let row = format!("\n| {} | {} |\n", code.number(), code.meaning());
        assert!(text.contains(&row), "docs/command-line.md lacks{row}");
    }
}
