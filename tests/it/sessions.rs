//! Sessions from the command line, end to end with the built-in model.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    frontend::{Frontend, is_end, settings},
    program::{Ran, Workspace, assert_same, output, program, sessions, slimgpt},
};
use serde_json::Value;
use slimgpt::application::{
    engine::SessionPlace,
    protocol::{self, Control, Event, Label, Pace},
};

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

/// Expects exit code 2 and an error that contains all of `parts`.
#[track_caller]
fn refused(ran: Ran, parts: &[&str]) {
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let error = ran.stderr.lines().last().unwrap_or_default();
    assert!(error.starts_with("slimgpt: error: "), "{}", ran.stderr);
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert_eq!(ran.stdout, "");
}

fn json(ran: Ran) -> Value {
    serde_json::from_str(&done(ran).stdout).unwrap()
}

/// The names of all sessions, the least recently changed first.
fn names() -> Vec<String> {
    let list = json(slimgpt(&["sessions", "list", "--json"]));
    list.as_array().unwrap().iter().map(|session| session["name"].as_str().unwrap().into()).collect()
}

/// A small run in the session `session` that writes `out`.
fn pruned(bench: &Workspace, more: &[&str]) -> String {
    let session = bench.text("session");
    done(bench.prune(&[&["--session", &session], more].concat()));
    session
}

#[test]
fn every_run_creates_a_session_unless_disabled() {
    let bench = Workspace::new();
    let ran = done(bench.prune_to("one", &[]));
    let [name] = &names()[..] else { panic!("{:?}", names()) };
    let path = sessions().join(name);
    assert!(ran.stderr.contains(&format!("({})", path.display())), "{}", ran.stderr);
    assert!(name.starts_with("model-20"), "{name}");
    done(bench.prune_to("two", &["--no-session"]));
    assert_eq!(names().len(), 1);
    assert_same(&bench.path("two"), &output(&bench.path("one")), "without a session");
    pruned(&bench, &[]);
    assert_eq!(names().len(), 1);
    assert!(bench.path("session/session.json").exists());
}

#[test]
fn a_session_cannot_be_created_twice() {
    let bench = Workspace::new();
    let session = pruned(&bench, &[]);
    let again = bench.prune_to("again", &["--session", &session]);
    refused(again, &[&session, "it already exists", &format!("slimgpt resume {session}")]);
    fs::create_dir(bench.path("other")).unwrap();
    fs::write(bench.path("other/precious"), "x").unwrap();
    refused(bench.prune_to("again", &["--session", &bench.text("other")]), &["other"]);
    refused(bench.prune_to("again", &["--session", &bench.text("text.txt")]), &["text.txt"]);
    assert!(!bench.path("again").exists());
}

#[test]
fn a_run_that_cannot_start_creates_no_session() {
    let bench = Workspace::new();
    fs::write(bench.path("text.txt"), "One day a fox ran.").unwrap();
    refused(bench.prune(&[]), &["tokens"]);
    assert_eq!(names(), [""; 0]);
}

#[test]
fn an_interrupted_run_prints_how_to_resume_and_ends_with_the_same_bytes() {
    let bench = Workspace::new();
    let more = ["--samples", "64", "--track-errors"];
    done(bench.prune_to("whole", &[&["--no-session"], &more[..]].concat()));
    let mut child = bench.pruning("out", &more).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    while !told.contains("Layer 2: done") {
        assert_ne!(lines.read_line(&mut told).unwrap(), 0, "{told}");
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    std::io::Read::read_to_string(&mut lines, &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told}");
    let name = &names()[0];
    assert!(told.contains(&format!("Continue with: slimgpt resume {name}")), "{told}");
    assert!(!bench.path("out").exists());

    let shown = done(slimgpt(&["sessions", "show", "last"])).stdout;
    assert!(shown.contains(" left;") && shown.contains(&format!("slimgpt resume {name}")), "{shown}");
    let ran = done(slimgpt(&["resume", "last"]));
    assert!(!ran.stderr.contains("Layer 1: done"), "{}", ran.stderr);
    assert_same(&bench.path("out"), &output(&bench.path("whole")), "resumed");
    let again = done(slimgpt(&["resume", "last"]));
    assert!(again.stderr.contains("The run was already finished"), "{}", again.stderr);
    assert_eq!(bench.entries(), ["model", "out", "text.txt", "whole"]);
}

#[test]
fn attempts_are_made_activated_and_exported() {
    let bench = Workspace::new();
    let session = pruned(&bench, &["--track-errors"]);
    let first = output(&bench.path("out"));
    let ran = done(slimgpt(&["retry", &session, "--layer", "3", "--ratio", "0.5", "--part", "mlp"]));
    assert!(ran.stdout.contains("0.5000  mlp"), "{}", ran.stdout);
    assert!(ran.stderr.contains("--layer 3 --attempt 1"), "{}", ran.stderr);
    // The attempt is saved but not active, so the output is unchanged.
    done(slimgpt(&["export", &session, "--out", &bench.text("same")]));
    assert_same(&bench.path("same"), &first, "beside");

    let ran = done(slimgpt(&["choose", &session, "--layer", "3", "--attempt", "1"]));
    assert!(ran.stderr.contains("Stale: layers 4, 5"), "{}", ran.stderr);
    let shown = done(slimgpt(&["sessions", "show", &session])).stdout;
    assert_eq!(shown.matches("  stale").count(), 8, "{shown}");
    let shown = json(slimgpt(&["sessions", "show", &session, "--json"]));
    assert_eq!(shown["attempts"][3].as_array().unwrap().len(), 2);
    assert_eq!(shown["content"]["layers"][3]["active"]["number"], 1);
    let ran = done(slimgpt(&["resume", &session, "--out", &bench.text("other"), "--json"]));
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(record["layers"][3]["ratio"]["mlp"], 0.5, "the attention keeps its ratio");
    assert!(!ran.stderr.contains("Layer 3: done") && ran.stderr.contains("Layer 4: done"), "{}", ran.stderr);
    assert_ne!(output(&bench.path("other"))["model.safetensors"], first["model.safetensors"]);

    // The existing output is not replaced, which is reported before any pruning.
    done(slimgpt(&["choose", &session, "--layer", "9", "--attempt", "0"]));
    fs::create_dir(bench.path("there")).unwrap();
    fs::write(bench.path("there/precious"), "x").unwrap();
    let ran = slimgpt(&["resume", &session, "--out", &bench.text("there")]);
    assert!(!ran.stderr.contains("Continue with") && !ran.stderr.contains("Layer"), "{}", ran.stderr);
    refused(ran, &["there", "--force"]);

    // The first attempts still exist and can be activated again.
    for layer in 3..12 {
        done(slimgpt(&["choose", &session, "--layer", &layer.to_string(), "--attempt", "0"]));
    }
    done(slimgpt(&["export", &session, "--out", &bench.text("back")]));
    let back = output(&bench.path("back"));
    assert!(back["model.safetensors"] == first["model.safetensors"]);
    done(slimgpt(&["choose", &session, "--layer", "3", "--attempt", "none"]));
    done(slimgpt(&["choose", &session, "--layer", "11", "--attempt", "none"]));
    let shown = done(slimgpt(&["sessions", "show", &session])).stdout;
    assert!(shown.contains("Attempts at layer 3:") && shown.contains("Attempts at layer 11:"), "{shown}");
    refused(slimgpt(&["choose", &session, "--layer", "3", "--attempt", "7"]), &["layer 3", "7"]);
    refused(slimgpt(&["choose", &session, "--layer", "12", "--attempt", "0"]), &["12"]);
    refused(slimgpt(&["retry", &session, "--layer", "3", "--ratio", "1.5"]), &["ratio"]);
}

#[test]
fn a_retry_takes_no_longer_than_one_layer() {
    let bench = Workspace::new();
    let began = Instant::now();
    let session = pruned(&bench, &["--samples", "256"]);
    let whole = began.elapsed();
    for layer in ["0", "11"] {
        let began = Instant::now();
        done(slimgpt(&["retry", &session, "--layer", layer, "--ratio", "0.4"]));
        let took = began.elapsed();
        // A layer takes about a twelfth; the rest allows for a busy machine.
        assert!(took < whole / 4, "layer {layer} took {took:?} of {whole:?}");
    }
}

#[test]
fn changed_inputs_are_refused_by_name() {
    let bench = Workspace::new();
    let session = pruned(&bench, &[]);
    let out = bench.text("again");
    for name in ["model/config.json", "model/tokenizer.json", "model/model.safetensors", "text.txt"] {
        let path = bench.path(name);
        let bytes = fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        let last = changed.len() - 1;
        changed[last] = if name == "text.txt" { b'x' } else { b' ' };
        fs::write(&path, changed).unwrap();
        let file = name.trim_start_matches("model/");
        refused(slimgpt(&["resume", &session, "--out", &out]), &["session", file]);
        refused(slimgpt(&["export", &session, "--out", &out]), &[file]);
        refused(slimgpt(&["retry", &session, "--layer", "1"]), &[file]);
        fs::write(&path, bytes).unwrap();
    }
    done(slimgpt(&["export", &session, "--out", &out]));
    // A model may be moved, and a text may be deleted.
    fs::rename(bench.path("model"), bench.path("moved")).unwrap();
    fs::remove_file(bench.path("text.txt")).unwrap();
    refused(slimgpt(&["retry", &session, "--layer", "1"]), &["model"]);
    done(slimgpt(&["retry", &session, "--layer", "1", "--model", &bench.text("moved")]));
}

#[cfg(unix)]
#[test]
fn a_session_in_use_is_refused_with_the_process_id_until_the_process_ends() {
    let bench = Workspace::new();
    let session = bench.text("session");
    let more = ["--session", &session, "--samples", "4000"];
    let mut child = bench.pruning("out", &more).stderr(Stdio::null()).spawn().unwrap();
    let pid = child.id().to_string();
    while !slimgpt(&["sessions", "show", &session]).stdout.contains(&format!("in use by {pid}")) {
        assert!(child.try_wait().unwrap().is_none(), "the run ended too early");
    }
    refused(slimgpt(&["resume", &session]), &[&session, &pid]);
    refused(slimgpt(&["retry", &session, "--layer", "0"]), &[&pid]);
    refused(slimgpt(&["sessions", "remove", &session, "--yes"]), &[&pid]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(bench.path("session/lock").exists());
    let shown = done(slimgpt(&["sessions", "show", &session])).stdout;
    assert!(!shown.contains("in use"), "{shown}");
    done(slimgpt(&["sessions", "remove", &session, "--yes"]));
    assert!(!bench.path("session").exists());
}

#[test]
fn two_sessions_are_compared_side_by_side() {
    let bench = Workspace::new();
    let eval: String = slimgpt::demo::HELD_OUT.chars().take(4000).collect();
    fs::write(bench.path("eval.txt"), eval).unwrap();
    let eval = bench.text("eval.txt");
    for (name, ratio) in [("mild", "0.2"), ("harsh", "0.4")] {
        let session = bench.text(name);
        let more = ["--session", &session, "--ratio", ratio, "--eval", &eval, "--track-errors"];
        done(bench.prune_to(&format!("out-{name}"), &more));
    }
    let (mild, harsh) = (bench.text("mild"), bench.text("harsh"));
    let told = done(slimgpt(&["sessions", "compare", &mild, &harsh])).stdout;
    let line = |label: &str| told.lines().find(|line| line.starts_with(label)).unwrap();
    assert!(line("ratio").contains("0.2") && line("ratio").contains("0.4"), "{told}");
    assert!(!told.contains("damping"), "{told}");
    let after = line("perplexity after");
    assert_eq!(after.matches('*').count(), 1, "{told}");
    assert!(after.find('*').unwrap() < after.len() / 2 + 10, "{told}");
    let told = json(slimgpt(&["sessions", "compare", &mild, &harsh, "--json"]));
    assert_eq!(told["settings"][0]["key"], "ratio");
    assert_eq!(told["a"]["name"], "mild");
    let list = done(slimgpt(&["sessions", "list", "--root", bench.dir().to_str().unwrap()])).stdout;
    assert_eq!(list.matches("finished").count(), 2, "{list}");
    assert!(list.contains(" → "), "{list}");
}

#[test]
fn a_session_is_found_by_an_unambiguous_prefix() {
    let bench = Workspace::new();
    refused(slimgpt(&["resume", "last"]), &["last"]);
    refused(slimgpt(&["sessions", "show", "nothing"]), &["nothing"]);
    let root = sessions();
    for name in ["demo-a", "demo-b"] {
        let session = root.join(name);
        done(bench.prune_to(name, &["--session", session.to_str().unwrap(), "--layers", "11..12"]));
    }
    refused(slimgpt(&["sessions", "show", "demo"]), &["demo-a", "demo-b"]);
    refused(slimgpt(&["sessions", "show", "other"]), &["demo-a", "demo-b"]);
    for (said, meant) in [("demo-a", "demo-a"), ("last", "demo-b"), ("demo-b", "demo-b")] {
        let shown = done(slimgpt(&["sessions", "show", said])).stdout;
        assert!(shown.starts_with(&format!("Session {meant}\n")), "{shown}");
    }
    let path = root.join("demo-a");
    done(slimgpt(&["sessions", "show", path.to_str().unwrap()]));
}

#[test]
fn old_sessions_are_removed_on_request() {
    let bench = Workspace::new();
    let root = sessions();
    for name in ["a", "b", "c"] {
        let session = root.join(name);
        done(bench.prune_to(name, &["--session", session.to_str().unwrap(), "--layers", "11..12"]));
    }
    let prune_old = |more: &[&str]| slimgpt(&[&["sessions", "prune-old"], more].concat());
    assert!(done(prune_old(&["--yes"])).stderr.contains("No session is old enough"));
    let told = done(prune_old(&["--older-than", "0m", "--dry-run"]));
    assert!(told.stderr.contains("3 sessions would be removed"), "{}", told.stderr);
    let ran = prune_old(&["--older-than", "0m"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    assert_eq!(names().len(), 3);
    // An unreadable session is kept, because it may be repairable.
    fs::write(root.join("a/session.json"), "{").unwrap();
    fs::write(root.join("a/session.copy.json"), "{").unwrap();
    let told = done(prune_old(&["--older-than", "0m", "--keep", "1", "--yes"]));
    assert!(told.stderr.contains("1 unreadable session is kept"), "{}", told.stderr);
    let mut left = names();
    left.sort();
    assert_eq!(left, ["a", "c"]);
    let listed = done(slimgpt(&["sessions", "list"]));
    assert!(
        listed.stdout.contains("unreadable") && listed.stderr.contains("session.json"),
        "{}",
        listed.stderr
    );
    fs::write(root.join("c/precious"), "x").unwrap();
    let told = done(slimgpt(&["sessions", "remove", "a", "c", "c", "--yes"]));
    assert!(told.stderr.contains("precious"), "{}", told.stderr);
    assert!(root.join("c/precious").exists() && !root.join("a").exists());
    assert_eq!(names(), [""; 0]);
}

#[test]
fn a_closed_pipe_is_not_an_error_for_sessions() {
    let bench = Workspace::new();
    let session = pruned(&bench, &["--layers", "11..12"]);
    let line = format!(
        "{0} sessions show {session} | true; {0} sessions list --root {1} | head -n 1",
        env!("CARGO_BIN_EXE_slimgpt"),
        bench.dir().display()
    );
    let ran: Ran = Command::new("sh").args(["-c", &line]).output().unwrap().into();
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
}

#[test]
fn without_a_home_directory_a_run_needs_a_session_path() {
    let bench = Workspace::new();
    let mut command = program();
    command.env_remove("XDG_STATE_HOME").env("HOME", bench.path("home"));
    let state = bench.path("home/.local/state/slimgpt/sessions");
    command.args(["config", "paths"]);
    let ran = done(command.output().unwrap().into());
    let line = ran.stdout.lines().find(|line| line.starts_with("sessions")).unwrap();
    assert!(line.contains(state.to_str().unwrap()), "{line}");
}

#[test]
fn the_name_of_an_open_session_is_listed_and_survives_a_resume() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("run");
    let listed = || {
        let list = json(slimgpt(&["sessions", "list", "--root", root.path().to_str().unwrap(), "--json"]));
        list[0]["content"]["label"].clone()
    };
    let settings = settings();
    let mut frontend = Frontend::open_in(&settings, SessionPlace::New(path.clone()));
    frontend.begin(0, &settings, Pace::Free);
    frontend.until(|event| matches!(event, Event::LayerDone { .. }));
    frontend.send(protocol::Command::control(1, Control::Cancel));
    frontend.until(is_end);
    let label = Label { name: "baseline".into(), note: "before the search".into() };
    frontend.send(protocol::Command::Label(label.clone()));
    // The engine obeys in order.
    frontend.choose(0, Some(0));
    let expected = serde_json::to_value(&label).unwrap();
    assert_eq!(listed(), expected, "while the session is open");
    frontend.close().unwrap();
    assert_eq!(listed(), expected);
    done(slimgpt(&["resume", path.to_str().unwrap()]));
    assert_eq!(listed(), expected, "after a resume");
}
