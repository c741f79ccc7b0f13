//! Tests of help, settings, keys, themes, completions and the manual page.

use std::{fs, path::Path};

use crate::program::{Ran, program, slimgpt};

/// Runs the program with a directory of configuration files.
fn configured(dir: &Path, arguments: &[&str]) -> Ran {
    let mut command = program();
    command.env("XDG_CONFIG_HOME", dir).env("HOME", dir).env_remove("COLORFGBG");
    command.args(arguments).output().unwrap().into()
}

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("slimgpt/themes")).unwrap();
    for (name, text) in files {
        fs::write(dir.path().join("slimgpt").join(name), text).unwrap();
    }
    dir
}

#[track_caller]
fn said(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "");
    &ran.stdout
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let commands = [
        &["explore"][..],
        &["replay"],
        &["prune"],
        &["eval"],
        &["logits"],
        &["sweep"],
        &["generate"],
        &["inspect"],
        &["resume"],
        &["retry"],
        &["choose"],
        &["export"],
        &["sessions"],
        &["sessions", "list"],
        &["sessions", "show"],
        &["sessions", "compare"],
        &["sessions", "prune-old"],
        &["sessions", "remove"],
        &["themes"],
        &["config"],
        &["config", "print"],
        &["completions"],
        &["man"],
        &[],
    ];
    for command in commands {
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let ran = slimgpt(&arguments);
        let help = said(&ran);
        assert!(help.contains("Example") && help.contains("  slimgpt "), "{command:?}: {help}");
    }
}

#[test]
fn printed_settings_are_read_back_and_printed_unchanged() {
    let dir = directory(&[]);
    for arguments in [
        &[][..],
        &["llama-7b", "--preset", "paper", "--first-ratio", "0.1", "--last-ratio", "0.4"],
        &["--layers", "2..5", "--threads", "2", "--group-size", "16", "--no-compensation"],
    ] {
        let printed = configured(dir.path(), &[&["config", "print"], arguments].concat());
        let file = dir.path().join("run.toml");
        fs::write(&file, said(&printed)).unwrap();
        let again = configured(dir.path(), &["config", "print", "--config", file.to_str().unwrap()]);
        assert_eq!(said(&again), printed.stdout);
    }
}

#[test]
fn defaults_override_the_demo_and_a_settings_file_overrides_them() {
    let dir = directory(&[("defaults.toml", "ratio = 0.4\nsamples = 7\nseed = 5")]);
    let file = dir.path().join("run.toml");
    fs::write(&file, "samples = 8\nseed = 6").unwrap();
    let arguments = ["config", "print", "--config", file.to_str().unwrap(), "--seed", "9"];
    let printed = configured(dir.path(), &arguments);
    for line in ["ratio = 0.4", "samples = 8", "seed = 9", "seq_len = 256"] {
        assert!(said(&printed).lines().any(|other| other == line), "{line} is not in\n{}", printed.stdout);
    }
}

#[test]
fn printed_keys_are_read_back_and_printed_unchanged() {
    let dir = directory(&[]);
    let printed = configured(dir.path(), &["config", "keys"]);
    let text = said(&printed).replace("quit = [\"q\", \"ctrl-c\"]", "quit = [\"F10\", \"Q\"]");
    assert_ne!(text, printed.stdout);
    fs::write(dir.path().join("slimgpt/keys.toml"), &text).unwrap();
    let again = configured(dir.path(), &["config", "keys"]);
    assert_eq!(said(&again).to_lowercase(), text.to_lowercase());
}

#[test]
fn keys_with_two_meanings_are_refused_with_their_line() {
    let dir = directory(&[("keys.toml", "\nstart = \"q\"")]);
    let ran = configured(dir.path(), &["config", "keys"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("keys.toml, line 2"), "{}", ran.stderr);
}

#[test]
fn themes_are_listed_with_their_files() {
    let dir =
        directory(&[("themes/mine.toml", "inherits = \"dark\""), ("interface.toml", "theme = \"mine\"")]);
    let ran = configured(dir.path(), &["themes", "list"]);
    let line = |name: &str| said(&ran).lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("dark").ends_with("built in"), "{}", ran.stdout);
    assert!(line("mine").ends_with("slimgpt/themes/mine.toml  (default)"), "{}", ran.stdout);
}

#[test]
fn paths_show_which_files_exist() {
    let dir = directory(&[("keys.toml", "")]);
    let ran = configured(dir.path(), &["config", "paths"]);
    let line = |name: &str| said(&ran).lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("keys").contains("keys.toml  (exists"), "{}", ran.stdout);
    assert!(line("sessions").contains("slimgpt/sessions  (missing"), "{}", ran.stdout);
    assert!(line("interface").contains("interface.toml  (missing"), "{}", ran.stdout);
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = slimgpt(&["completions", shell]);
        assert!(said(&ran).contains("group-size"), "{shell}");
    }
}

#[test]
fn the_manual_has_a_section_for_every_command() {
    let ran = slimgpt(&["man"]);
    let page = said(&ran);
    for name in ["PRUNE", "RESUME", "RETRY", "SESSIONS PRUNE-OLD", "REPLAY", "CONFIG PRINT", "THEMES LIST"] {
        assert!(page.contains(&format!(".SH \"SLIMGPT {name}\"")), "{name} is not in\n{page}");
    }
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{}", &page[..200]);
    assert_eq!(page.matches(".SH SYNOPSIS").count(), 1);
}

#[test]
fn an_invalid_speed_is_refused() {
    for speed in ["0", "-1", "nan", "inf", "fast"] {
        let ran = slimgpt(&["replay", "events.jsonl", &format!("--speed={speed}")]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("expected a number of at least 0.1, or max"), "{}", ran.stderr);
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let program = env!("CARGO_BIN_EXE_slimgpt");
    let ran = std::process::Command::new("sh")
        .args(["-c", &format!("{program} man | head -n 1; {program} config keys | true")])
        .output()
        .unwrap();
    assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
}
