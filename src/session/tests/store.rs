//! Tests of sessions in a directory: names, lists, removal.

use std::time::{Duration, UNIX_EPOCH};

use super::{super::names, *};
use crate::{failure::Kind, protocol::SessionStatus};

fn make(root: &Path, name: &str) -> std::path::PathBuf {
    let path = root.join(name);
    drop(Session::create(&path, state()).unwrap());
    path
}

/// Sets the time at which a session was last changed.
fn changed_at(path: &Path, changed: u64) {
    let state = State { changed, ..look(path).unwrap() };
    super::super::mirrored_file::write(path, &state).unwrap();
}

#[test]
fn a_new_session_is_named_by_model_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("state/sessions");
    let first = Session::create_under(&root, "meta-llama/Llama-2-7b", state()).unwrap();
    let name = super::name(&first);
    let time = name.strip_prefix("meta-llama-Llama-2-7b-").unwrap_or_else(|| panic!("{name}"));
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00-000000");
    assert_eq!(first.path(), root.join(name));
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let make = || super::name(&Session::create_under(dir.path(), "m", state()).unwrap());
    let mut made: Vec<String> = (0..12).map(|_| make()).collect();
    let repeated = made.iter().filter(|name| name.matches('-').count() == 5).count();
    assert!(repeated > 0, "{made:?}");
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 12);
    assert_eq!(names_in(dir.path()), made);
}

#[test]
fn every_model_name_yields_a_valid_file_name() {
    let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for (model, begin) in [
        ("../../etc/passwd", "etc-passwd-"),
        ("a b:c*d\\e\n", "a-b-c-d-e-"),
        (".hidden", "hidden-"),
        ("", "model-"),
        ("///", "model-"),
        ("Größe.v2_x", "Größe.v2_x-"),
    ] {
        let name = names::of_session(model, time);
        assert!(name.starts_with(begin), "{model:?}: {name}");
        assert_eq!(Path::new(&name).file_name().unwrap(), name.as_str());
    }
    let long = names::of_session(&"長".repeat(300), time);
    assert!(long.len() < 200, "{}", long.len());
    let beyond = UNIX_EPOCH + Duration::from_secs(1 << 50);
    assert!(names::of_session("m", beyond).starts_with("m-19"));
}

#[test]
fn sessions_are_listed_by_last_change_with_damaged_ones_last() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(list(&dir.path().join("none")).unwrap(), []);
    for (name, changed) in [("a", 10), ("b", 30), ("c", 20)] {
        changed_at(&make(dir.path(), name), changed);
    }
    let damaged = make(dir.path(), "d");
    fs::write(damaged.join("session.json"), "x").unwrap();
    fs::remove_file(damaged.join("session.copy.json")).unwrap();
    fs::create_dir(dir.path().join("begun")).unwrap();
    fs::write(dir.path().join("begun/lock"), "").unwrap();
    fs::create_dir(dir.path().join("foreign")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let found = list(dir.path()).unwrap();
    let listed: Vec<&str> = found.iter().map(|session| session.name.as_str()).collect();
    assert_eq!(listed, ["b", "c", "a", "d", "begun"]);
    for session in &found[3..] {
        assert!(matches!(session.status, SessionStatus::Damaged { .. }) && session.content.is_none());
    }
}

#[test]
fn a_session_is_found_by_path_or_name_or_start_of_a_name_or_last() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("sessions");
    let [old, new] = ["demo-2026-01", "demo-2026-01-2"].map(|name| make(&root, name));
    let other = make(&root, "llama-2026-02");
    for (path, changed) in [(&old, 30), (&new, 20), (&other, 10)] {
        changed_at(path, changed);
    }
    let found = |name: &str| find(Some(&root), name);
    assert_eq!(found(other.to_str().unwrap()).unwrap(), other);
    assert_eq!(find(None, other.to_str().unwrap()).unwrap(), other);
    assert_eq!(
        found("demo-2026-01").unwrap(),
        old,
        "a complete name takes precedence over the start of another"
    );
    assert_eq!(found("llama").unwrap(), other);
    assert_eq!(found("last").unwrap(), old);
    let error = found("demo").unwrap_err();
    assert!(matches!(error, Error::Ambiguous { .. }) && error.kind() == Kind::Input);
    assert!(error.to_string().contains("demo-2026-01, demo-2026-01-2"), "{error}");
    let error = found("gpt").unwrap_err().to_string();
    assert!(error.contains("expected one of demo-2026-01, demo-2026-01-2, llama-2026-02"), "{error}");
    let error = found("").unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error}");
    assert!(find(None, "last").unwrap_err().to_string().contains("there are no sessions yet"));
    let error = found(dir.path().to_str().unwrap()).unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}

#[test]
fn a_removed_session_is_gone() {
    let (dir, session) = session();
    let path = session.path().to_owned();
    session.write_part(&head(), Some(&weight())).unwrap();
    session.write_windows(0, b"x").unwrap();
    session.write_windows(12, b"x").unwrap();
    session.streams(1 << 20).put("a", &[]);
    session
        .draft_file()
        .save(&crate::protocol::Draft {
            settings: Box::new(settings()),
            ratios: Vec::new(),
            frontend: serde_json::Value::Null,
        })
        .unwrap();
    drop(session);
    fs::write(path.join(".draft.json.tmp-1"), "half").unwrap();
    fs::write(path.join("streams/.00ff.safetensors.tmp-1"), "half").unwrap();
    let bytes = summary(&path).bytes;
    let removed = remove(&path).unwrap();
    assert_eq!((removed.bytes, removed.foreign), (bytes, Vec::new()));
    assert!(names_in(dir.path()).is_empty());
    assert!(matches!(remove(&path), Err(Error::NotFound(_))));
}

#[test]
fn foreign_files_are_kept_and_named_when_a_session_is_removed() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    session.write_part(&head(), Some(&weight())).unwrap();
    drop(session);
    let foreign = [
        "notes.txt",
        "attempts/layer-001-attempt-002-mlp.safetensors.bak",
        "attempts/layer-x-attempt-0-mlp.safetensors",
        "calibration-x.safetensors",
        "out/model.safetensors",
    ];
    fs::create_dir(path.join("out")).unwrap();
    for name in foreign {
        fs::write(path.join(name), "mine").unwrap();
    }
    let mut removed = remove(&path).unwrap();
    removed.foreign.sort();
    let named = [
        "attempts/layer-001-attempt-002-mlp.safetensors.bak",
        "attempts/layer-x-attempt-0-mlp.safetensors",
        "calibration-x.safetensors",
        "notes.txt",
        "out",
    ];
    let path = path.canonicalize().unwrap();
    assert_eq!(removed.foreign, named.map(|name| path.join(name)));
    assert!(foreign.iter().all(|name| path.join(name).exists()));
    assert_eq!(names_in(&path), ["attempts", "calibration-x.safetensors", "notes.txt", "out"]);
}

#[test]
fn a_damaged_session_and_one_that_never_began_can_be_removed() {
    let (dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    fs::write(path.join("session.json"), "x").unwrap();
    fs::write(path.join("session.copy.json"), "x").unwrap();
    remove(&path).unwrap();
    fs::create_dir_all(path.join("attempts")).unwrap();
    fs::write(path.join("attempts/layer-000-attempt-000-mlp.safetensors"), "x").unwrap();
    fs::write(path.join("lock"), "").unwrap();
    remove(&path).unwrap();
    assert!(names_in(dir.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn removal_follows_no_links() {
    let (dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    let kept = dir.path().join("kept");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("layer-000-attempt-000-mlp.safetensors"), "mine").unwrap();
    fs::remove_dir(path.join("attempts")).unwrap();
    std::os::unix::fs::symlink(&kept, path.join("attempts")).unwrap();
    let removed = remove(&path).unwrap();
    assert_eq!(removed.foreign.len(), 1);
    assert_eq!(names_in(&kept).len(), 1);
}

#[cfg(unix)]
#[test]
fn removing_a_link_removes_its_session_too() {
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (make(dir.path(), "session"), dir.path().join("link"));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(remove(&link).unwrap().foreign.is_empty());
    assert!(names_in(dir.path()).is_empty());
}

#[test]
fn a_directory_with_a_lock_and_other_files_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["lock", "events.jsonl", "thesis.tex"] {
        fs::write(dir.path().join(name), "mine").unwrap();
    }
    assert!(matches!(remove(dir.path()), Err(Error::NotFound(_))));
    assert_eq!(names_in(dir.path()).len(), 3);
}

#[test]
fn layer_inputs_of_other_sessions_are_removed_unless_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = vec![0; 8];
    let tensor = Tensor { name: "h".into(), dtype: "F32".into(), shape: vec![2], bytes };
    let paths = ["old", "used", "new"].map(|name| make(dir.path(), name));
    for path in &paths {
        assert!(Session::open(path).unwrap().0.streams(1 << 20).put("key", std::slice::from_ref(&tensor)));
    }
    let used = Session::open(&paths[1]).unwrap().0;
    clear_other_streams(dir.path(), &paths[2]);
    drop(used);
    let kept = paths.map(|path| Session::open(&path).unwrap().0.streams(1 << 20).keys().len());
    assert_eq!(kept, [0, 1, 1]);
}
