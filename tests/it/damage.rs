//! Damaged session files give a clear error or the right bytes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::program::{Ran, Workspace, assert_same, copy, output, slimgpt};

/// Only the last layers are pruned, to keep the session small.
const LAYERS: &str = "9..12";
/// A pruned layer with pruned layers after it.
const LAYER: usize = 10;

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// Truncated to this number of thousandths.
    CutTo(usize),
    /// Truncated by one byte.
    CutOne,
    /// One bit flipped, this number of thousandths from the start.
    Flip(usize),
    /// Overwritten with zeros, as after a crash.
    Zeroes,
}

const DAMAGES: [Damage; 9] = [
    Damage::CutTo(0),
    Damage::CutTo(500),
    Damage::CutOne,
    Damage::Flip(0),
    Damage::Flip(3),
    Damage::Flip(250),
    Damage::Flip(700),
    Damage::Flip(1000),
    Damage::Zeroes,
];

fn spoil(path: &Path, damage: Damage) {
    let mut bytes = fs::read(path).unwrap();
    if bytes.is_empty() {
        return;
    }
    let last = bytes.len() - 1;
    match damage {
        Damage::CutTo(share) => bytes.truncate(bytes.len() * share / 1000),
        Damage::CutOne => bytes.truncate(last),
        Damage::Flip(share) => bytes[last * share / 1000] ^= 0x10,
        Damage::Zeroes => bytes.fill(0),
    }
    fs::write(path, bytes).unwrap();
}

/// A session, and the results of using it.
struct Kept {
    bench: Workspace,
    session: PathBuf,
    expected: BTreeMap<String, Vec<u8>>,
}

impl Kept {
    /// A complete run in which one layer was solved twice.
    fn finished() -> Self {
        let bench = Workspace::new();
        let session = bench.path("session");
        done(bench.prune(&["--layers", LAYERS, "--session", session.to_str().unwrap()]));
        let layer = LAYER.to_string();
        done(slimgpt(&["retry", session.to_str().unwrap(), "--layer", &layer, "--ratio", "0.5"]));
        let expected = output(&bench.path("out"));
        Self { bench, session, expected }
    }

    /// A copy with one damaged file.
    fn damaged(&self, file: &Path, damage: Damage) -> PathBuf {
        let copied = self.bench.path("damaged");
        let _ = fs::remove_dir_all(&copied);
        copy(&self.session, &copied);
        spoil(&copied.join(file), damage);
        copied
    }

    /// Files of the session by path: all except most of the parts and layer inputs.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for (dir, most) in [("", usize::MAX), ("attempts", usize::MAX), ("streams", 2)] {
            let entries = fs::read_dir(self.session.join(dir)).unwrap().map(|entry| entry.unwrap());
            let mut names: Vec<PathBuf> = entries
                .filter(|entry| entry.file_type().unwrap().is_file())
                .map(|entry| Path::new(dir).join(entry.file_name()))
                .filter(|name| {
                    dir != "attempts" || name.to_str().unwrap().contains(&format!("{LAYER:03}-att"))
                })
                .collect();
            names.sort();
            files.extend(names.into_iter().take(most));
        }
        assert!(files.len() >= 9, "{files:?}");
        files
    }
}

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

/// Expects a finished run, or a single sentence with the reason for a failure. Returns true if the run
/// finished.
#[track_caller]
fn is_done(ran: &Ran, what: &str) -> bool {
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
    match ran.code {
        Some(0) => true,
        Some(1 | 2) => {
            let error = ran.stderr.lines().last().unwrap_or_default();
            assert!(error.starts_with("slimgpt: error: "), "{what}: {}", ran.stderr);
            false
        }
        _ => panic!("{what}: {:?}: {}", ran.code, ran.stderr),
    }
}

#[test]
fn damage_to_a_finished_session_never_changes_the_output() {
    let kept = Kept::finished();
    let mut refused = 0;
    for file in kept.files() {
        for damage in DAMAGES {
            let what = format!("{} {damage:?}", file.display());
            let session = kept.damaged(&file, damage);
            let (session, out) = (session.to_str().unwrap(), kept.bench.path("again"));
            let name = file.file_name().unwrap().to_str().unwrap();
            let _ = fs::remove_dir_all(&out);
            let shown = slimgpt(&["sessions", "show", session]);
            assert!(is_done(&shown, &what), "one good copy of the state is enough: {what}: {}", shown.stderr);
            let ran = slimgpt(&["export", session, "--out", out.to_str().unwrap()]);
            if is_done(&ran, &what) {
                assert_same(&out, &kept.expected, &what);
            } else {
                refused += 1;
                assert!(ran.stderr.contains(name), "{what}: {}", ran.stderr);
                assert!(!out.exists(), "{what}");
                // Unusable files are recomputed.
                let ran = slimgpt(&["resume", session, "--out", out.to_str().unwrap()]);
                assert!(is_done(&ran, &what), "{what}: {}", ran.stderr);
                assert_same_weights(&out, &kept.expected, &what);
            }
        }
    }
    assert!(
        refused >= 2 * DAMAGES.len(),
        "active parts were damaged, but only {refused} exports were refused"
    );
}

/// Checks that the weights agree. Attempt numbers may differ, and therefore the record.
#[track_caller]
fn assert_same_weights(out: &Path, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    let found = output(out);
    for name in ["model.safetensors", "config.json", "calibration.safetensors"] {
        assert!(found[name] == expected[name], "{what}: {name} differs");
    }
}

#[test]
fn damage_to_an_unfinished_session_never_changes_the_output() {
    let kept = Kept::finished();
    // By its newest state, the run is at its first layer again, although files of later parts exist.
    let session = kept.bench.path("unfinished");
    let more = ["--layers", LAYERS, "--session", session.to_str().unwrap()];
    let mut child = kept.bench.pruning("cut", &more).stderr(std::process::Stdio::null()).spawn().unwrap();
    let journal = session.join("events.jsonl");
    let parts = |text: String| text.matches("\"part_done\"").count();
    while parts(fs::read_to_string(&journal).unwrap_or_default()) < 22 && child.try_wait().unwrap().is_none()
    {
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = Kept { session, ..kept };
    let out = kept.bench.path("cut");
    for file in kept.files_of_any_layer() {
        for damage in DAMAGES {
            let what = format!("{} {damage:?}", file.display());
            let session = kept.damaged(&file, damage);
            let _ = fs::remove_dir_all(&out);
            let ran = slimgpt(&["resume", session.to_str().unwrap()]);
            assert!(is_done(&ran, &what), "{what}: {}", ran.stderr);
            assert_same_weights(&out, &kept.expected, &what);
        }
    }
}

impl Kept {
    fn files_of_any_layer(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for (dir, most) in [("", usize::MAX), ("attempts", usize::MAX), ("streams", 2)] {
            let Ok(entries) = fs::read_dir(self.session.join(dir)) else { continue };
            let mut names: Vec<PathBuf> = entries
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.file_type().unwrap().is_file())
                .map(|entry| Path::new(dir).join(entry.file_name()))
                .collect();
            names.sort();
            // The most recently changed layers come first.
            names.reverse();
            files.extend(names.into_iter().take(most.min(if dir == "attempts" { 5 } else { most })));
        }
        files
    }
}

#[test]
fn a_damaged_attempt_does_not_affect_the_others() {
    let kept = Kept::finished();
    let layer = LAYER.to_string();
    let out = |name: &str| kept.bench.path(name);
    let session = kept.session.to_str().unwrap();
    done(slimgpt(&["choose", session, "--layer", &layer, "--attempt", "1"]));
    done(slimgpt(&["export", session, "--out", out("one").to_str().unwrap()]));
    let one = output(&out("one"));
    done(slimgpt(&["choose", session, "--layer", &layer, "--attempt", "0"]));

    for part in ["attention", "mlp"] {
        let file = PathBuf::from(format!("attempts/layer-{LAYER:03}-attempt-000-{part}.safetensors"));
        let session = kept.damaged(&file, Damage::Flip(900));
        let session = session.to_str().unwrap();
        let written = out(&format!("chosen-{part}"));
        let ran = slimgpt(&["export", session, "--out", written.to_str().unwrap()]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(file.file_name().unwrap().to_str().unwrap()), "{}", ran.stderr);
        let ran = slimgpt(&["choose", session, "--layer", &layer, "--attempt", "1"]);
        done(ran);
        done(slimgpt(&["export", session, "--out", written.to_str().unwrap()]));
        assert!(output(&written)["model.safetensors"] == one["model.safetensors"], "{part}");

        // Solved again with the same method, it gives the same result as the damaged attempt.
        let ratio = attempt_ratio(session, 0);
        done(slimgpt(&["retry", session, "--layer", &layer, "--ratio", &ratio, "--choose"]));
        let written = out(&format!("again-{part}"));
        done(slimgpt(&["export", session, "--out", written.to_str().unwrap()]));
        assert!(output(&written)["model.safetensors"] == kept.expected["model.safetensors"], "{part}");
    }
}

fn attempt_ratio(session: &str, number: usize) -> String {
    let shown = done(slimgpt(&["sessions", "show", session, "--json"])).stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown["attempts"][LAYER][number]["attempt"]["method"]["ratio"].to_string()
}

#[test]
fn a_session_with_a_damaged_state_is_refused_and_can_be_removed() {
    let kept = Kept::finished();
    let session = kept.session.to_str().unwrap();
    for name in ["session.json", "session.copy.json"] {
        spoil(&kept.session.join(name), Damage::Flip(600));
    }
    let out = kept.bench.text("again");
    for command in [
        &["sessions", "show", session][..],
        &["resume", session],
        &["retry", session, "--layer", "10"],
        &["choose", session, "--layer", "10", "--attempt", "1"],
        &["export", session, "--out", &out],
        &["sessions", "compare", session, session],
    ] {
        let ran = slimgpt(command);
        assert_eq!(ran.code, Some(2), "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("session.json") && ran.stderr.contains("damaged"), "{}", ran.stderr);
    }
    done(slimgpt(&["sessions", "remove", session, "--yes"]));
    assert!(!kept.session.exists());
}
