//! Tests of the two copies of a session's state.

use super::*;
use crate::failure::Kind;

fn main(session: &Path) -> std::path::PathBuf {
    session.join("session.json")
}

fn copy_of_state(session: &Path) -> std::path::PathBuf {
    session.join("session.copy.json")
}

#[test]
fn a_session_opens_in_its_last_state() {
    let (_dir, mut session) = session();
    session.change(|state| state.layers[0].attempts.push(attempt(0, &[], 0.25))).unwrap();
    session.change(|state| state.layers[0].active = Some(0)).unwrap();
    let (path, left) = (session.path().to_owned(), session.state().clone());
    assert_eq!(left.sequence, 3);
    assert!(left.changed >= left.created);
    drop(session);
    let (opened, warnings) = Session::open(&path).unwrap();
    assert_eq!((opened.state(), warnings), (&left, Vec::new()));
    assert_eq!(look(&path).unwrap(), left);
    assert_eq!(super::name(&opened), "run");
}

#[test]
fn either_copy_is_enough_and_the_other_is_reported_and_repaired() {
    for damaged in [main, copy_of_state] {
        let (_dir, mut session) = session();
        session.change(|state| state.layers[2].active = None).unwrap();
        let (path, left) = (session.path().to_owned(), session.state().clone());
        drop(session);
        let whole = fs::read(damaged(&path)).unwrap();
        fs::write(damaged(&path), &whole[..whole.len() / 2]).unwrap();
        let (opened, warnings) = Session::open(&path).unwrap();
        assert_eq!(opened.state(), &left);
        let [warning] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(
            warning.contains(damaged(&path).to_str().unwrap()) && warning.contains("damaged"),
            "{warning}"
        );
        drop(opened);
        assert_eq!(fs::read(damaged(&path)).unwrap(), whole);
        assert_eq!(Session::open(&path).unwrap().1, Vec::<String>::new());
    }
}

#[test]
fn every_flipped_bit_of_a_copy_is_detected() {
    let (_dir, session) = session();
    let (path, left) = (session.path().to_owned(), session.state().clone());
    drop(session);
    let whole = fs::read(main(&path)).unwrap();
    fs::remove_file(copy_of_state(&path)).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            flip(&main(&path), at, bit);
            match look(&path) {
                // The flipped bit changed one blank to another kind of blank.
                Ok(state) => assert_eq!(state, left, "byte {at}, bit {bit}"),
                Err(error) => assert!(
                    matches!(error, Error::Damaged { .. } | Error::Newer { .. }),
                    "byte {at}, bit {bit}: {error}"
                ),
            }
            flip(&main(&path), at, bit);
        }
    }
    assert_eq!(fs::read(main(&path)).unwrap(), whole);
}

#[test]
fn two_damaged_copies_are_one_error_with_the_file_and_advice() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    fs::write(main(&path), "").unwrap();
    fs::write(copy_of_state(&path), "{\"format\": 1}").unwrap();
    let error = Session::open(&path).unwrap_err();
    assert_eq!(error.kind(), Kind::Input);
    let text = error.to_string();
    assert!(text.contains("session.json: it is damaged (it is empty; its copy is damaged too)"), "{text}");
    assert!(text.contains("start a new session"), "{text}");
    assert!(matches!(summary(&path).status, crate::protocol::SessionStatus::Damaged { why } if why == text));
}

#[test]
fn a_newer_format_in_either_copy_is_refused() {
    for newer in [main, copy_of_state] {
        let (_dir, session) = session();
        let path = session.path().to_owned();
        drop(session);
        let text = "{\"of\": \"tomorrow\"}";
        let sha256 = super::super::envelope::checksum(2, text);
        fs::write(newer(&path), format!("{{\"format\": 2, \"sha256\": \"{sha256}\", \"state\": {text}}}"))
            .unwrap();
        let error = Session::open(&path).unwrap_err();
        assert!(matches!(error, Error::Newer { format: 2, .. }), "{error}");
        assert!(error.to_string().contains("a newer slimgpt wrote it"), "{error}");
    }
}

#[test]
fn a_format_with_another_structure_is_reported_as_newer() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    for file in [main, copy_of_state] {
        fs::write(file(&path), "{\"format\": 3, \"parts\": []}").unwrap();
    }
    assert!(matches!(look(&path), Err(Error::Newer { format: 3, .. })));
}

#[test]
fn a_flipped_bit_in_the_format_is_not_a_newer_version() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    let text = fs::read_to_string(main(&path)).unwrap();
    fs::write(main(&path), text.replacen("\"format\": 1", "\"format\": 3", 1)).unwrap();
    let (_, warnings) = Session::open(&path).unwrap();
    assert!(warnings[0].contains("it states format 3"), "{warnings:?}");
}

#[test]
fn the_later_of_two_readable_copies_is_used() {
    let (_dir, mut session) = session();
    let path = session.path().to_owned();
    let earlier = fs::read(main(&path)).unwrap();
    session.change(|state| state.layers[1].attempts.push(attempt(0, &[], 0.5))).unwrap();
    let left = session.state().clone();
    drop(session);
    for file in [main, copy_of_state] {
        fs::write(file(&path), &earlier).unwrap();
        let (opened, warnings) = Session::open(&path).unwrap();
        assert_eq!((opened.state(), warnings), (&left, Vec::new()));
    }
}

#[test]
fn unknown_keys_of_later_versions_are_ignored() {
    let (_dir, session) = session();
    let (path, left) = (session.path().to_owned(), session.state().clone());
    drop(session);
    let mut value = serde_json::to_value(&left).unwrap();
    value["colour"] = "green".into();
    value["model"]["record"]["colour"] = "green".into();
    let text = value.to_string();
    let sha256 = super::super::envelope::checksum(1, &text);
    let envelope = format!("{{\"format\": 1, \"sha256\": \"{sha256}\", \"state\": {text}, \"more\": 1}}");
    fs::write(main(&path), envelope).unwrap();
    let (opened, warnings) = Session::open(&path).unwrap();
    assert_eq!((opened.state(), warnings), (&left, Vec::new()));
}

#[test]
fn a_change_that_cannot_be_written_is_not_applied() {
    let (_dir, mut session) = session();
    let (path, left) = (session.path().to_owned(), session.state().clone());
    let text = fs::read(main(&path)).unwrap();
    fs::remove_file(main(&path)).unwrap();
    // Renaming a file over a directory fails.
    fs::create_dir(main(&path)).unwrap();
    let error = session.change(|state| state.layers.clear()).unwrap_err();
    assert!(matches!(&error, Error::Write { path, .. } if path.ends_with("session.json")), "{error}");
    assert_eq!(error.kind(), Kind::Input);
    assert_eq!(session.state(), &left);
    assert_eq!(names_in(&path), ["attempts", "lock", "session.copy.json", "session.json"]);
    fs::remove_dir(main(&path)).unwrap();
    fs::write(main(&path), text).unwrap();
    assert_eq!(look(&path).unwrap(), left);
}

#[test]
fn numbers_are_read_bit_for_bit_even_if_they_are_not_finite() {
    let (_dir, mut session) = session();
    let mut entry = attempt(0, &[], 0.1 + 0.2);
    entry.mlp.as_mut().unwrap().summary.relative_error = f64::NAN;
    entry.output_error = Some(f64::MIN_POSITIVE);
    session.change(|state| state.layers[0].attempts.push(entry)).unwrap();
    let read = look(session.path()).unwrap().layers.remove(0).attempts.remove(0);
    assert_eq!(read.attempt.method.ratio.mlp.to_bits(), (0.1f64 + 0.2).to_bits());
    assert!(read.mlp.unwrap().summary.relative_error.is_nan());
    assert_eq!(read.output_error, Some(f64::MIN_POSITIVE));
    // A ratio that could not be read back is refused before a file is written.
    let error = session
        .change(|state| state.layers[0].attempts[0].attempt.method.ratio = f64::NAN.into())
        .unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert_eq!(look(session.path()).unwrap().sequence, 2);
}

#[test]
fn temporary_files_of_earlier_processes_are_removed() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    let place = path.join("attempts/.layer-001-attempt-002-mlp.safetensors.tmp-x1Y2z3");
    let own = path.join(".session.json.tmp-a");
    let foreign = path.join(".notes.tmp-a");
    for file in [&place, &own, &foreign] {
        fs::write(file, "half").unwrap();
    }
    Session::open(&path).unwrap();
    assert_eq!([place, own, foreign].map(|file| file.exists()), [false, false, true]);
}

#[test]
fn calibration_windows_are_checked_by_their_checksum() {
    let (_dir, session) = session();
    for (number, name) in [(0, "calibration.safetensors"), (1, "calibration-1.safetensors")] {
        let bytes = [number as u8, 7, 9];
        let sha256 = session.write_windows(number, &bytes).unwrap();
        assert_eq!(session.read_windows(number, &sha256).unwrap(), bytes);
        let path = session.path().join(name);
        flip(&path, 1, 3);
        let error = session.read_windows(number, &sha256).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("its checksum differs"), "{error}");
        fs::remove_file(path).unwrap();
        let error = session.read_windows(number, &sha256).unwrap_err().to_string();
        assert!(error.contains("it is missing"), "{error}");
    }
}
