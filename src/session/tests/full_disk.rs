//! Tests of a full disk, simulated by a limit on file sizes.

use super::{process::*, *};
use crate::{
    failure::Kind,
    protocol::{Event, Stamped},
};

const KIB: u64 = 16;

#[test]
#[ignore = "run by the next test, in a separate process"]
fn writes_more_than_the_free_space() {
    let Some(path) = given_session() else { return };
    let (mut session, _) = Session::open(&path).unwrap();
    let left = session.state().clone();

    let large = Weight { dtype: "F32".into(), shape: [128, 64], bytes: vec![1; 32 << 10], bias: None };
    let error = session.write_part(&head(), Some(&large)).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("mlp.safetensors: cannot be written"), "{error}");
    let before = session.read_part(PLACE).unwrap();
    assert_eq!(session.read_weight(&before).unwrap(), Some(weight()), "the earlier file is still valid");
    assert_eq!(names_in(&path.join("attempts")).len(), 1);

    assert!(matches!(session.write_windows(0, &[0; 32 << 10]), Err(Error::Write { .. })));
    assert_eq!(session.read_windows(0, &session.write_windows(0, b"x").unwrap()).unwrap(), b"x");

    let mut streams = session.streams(1 << 20);
    let tensor =
        Tensor { name: "x".into(), dtype: "U8".into(), shape: vec![32 << 10], bytes: vec![0; 32 << 10] };
    assert!(!streams.put("a", &[tensor]));
    assert!(names_in(&path.join("streams")).is_empty());

    let mut journal = session.journal().unwrap();
    let warning = |bytes: usize| {
        let event = Event::Warning { message: "m".repeat(bytes) };
        Stamped { run: 1, at: 0.0, event }
    };
    journal.append(&warning(10 << 10)).unwrap();
    assert!(matches!(journal.append(&warning(10 << 10)), Err(Error::Write { .. })));
    journal.append(&warning(1 << 10)).unwrap();
    let text = fs::read_to_string(path.join("events.jsonl")).unwrap();
    assert!(text.lines().count() == 3 && text.ends_with('\n'));

    let error = session.change(|state| state.slimgpt_version = "v".repeat(32 << 10)).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert_eq!((session.state(), &look(&path).unwrap()), (&left, &left));
    assert!(names_in(&path).iter().all(|name| !name.starts_with('.')));
    session.change(|state| state.layers[0].active = None).unwrap();

    let other = path.with_file_name("other");
    let state = State { slimgpt_version: "v".repeat(32 << 10), ..state() };
    assert!(matches!(Session::create(&other, state), Err(Error::Write { .. })));
    assert!(!other.exists(), "a session that could not be created leaves no files");
}

#[test]
fn a_full_disk_changes_nothing() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    session.write_part(&head(), Some(&weight())).unwrap();
    drop(session);
    let child = process_with_short_files("full_disk::writes_more_than_the_free_space", &path, KIB);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(Session::open(&path).unwrap().1, Vec::<String>::new());
}
