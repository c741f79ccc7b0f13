//! Tests of the lock of a session.

use std::{thread, time::Duration};

use super::{process::*, *};
use crate::protocol::SessionStatus;

#[test]
fn a_second_process_is_refused_with_the_id_of_the_first() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    let error = Session::open(&path).unwrap_err();
    assert!(matches!(error, Error::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    assert!(error.to_string().contains(&format!("process {} is using it", std::process::id())), "{error}");
    assert_eq!(summary(&path).status, SessionStatus::InUse { pid: Some(std::process::id()) });
    assert!(summary(&path).content.is_some());
    assert!(matches!(remove(&path), Err(Error::InUse { .. })));
    drop(session);
    Session::open(&path).unwrap();
}

#[test]
#[ignore = "run by the next test, in a separate process"]
fn holds_a_session_until_killed() {
    if let Some(path) = given_session() {
        let _session = Session::open(&path).unwrap();
        println!("\nready");
        thread::sleep(Duration::from_secs(60));
    }
}

#[test]
fn a_killed_process_releases_its_lock() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    let mut other = process_of_its_own("locking::holds_a_session_until_killed", &path);
    wait_until_ready(&mut other);
    let error = Session::open(&path).unwrap_err();
    assert!(matches!(error, Error::InUse { pid: Some(pid), host: None, .. } if pid == other.id()), "{error}");
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(fs::read_to_string(path.join("lock")).unwrap().starts_with(&other.id().to_string()));
    assert!(!matches!(summary(&path).status, SessionStatus::InUse { .. }));
    Session::open(&path).unwrap();
}

#[test]
fn reading_summaries_does_not_block_opening() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    thread::scope(|scope| {
        let looking = scope.spawn(|| (0..300).for_each(|_| drop(summary(&path))));
        while !looking.is_finished() {
            Session::open(&path).unwrap();
        }
    });
}

#[test]
fn only_one_of_many_processes_creates_a_session_in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/run");
    let begin = || Session::create(&path, state()).is_ok();
    let begun = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&begun| begun).count()
    });
    assert_eq!(begun, 1);
}

#[test]
fn an_existing_file_or_directory_does_not_become_a_session() {
    let (dir, session) = session();
    let error = Session::create(session.path(), state()).unwrap_err();
    assert!(matches!(error.advice(), Some(crate::failure::Advice::ResumeSession(_))), "{error}");
    fs::write(dir.path().join("notes"), "mine").unwrap();
    for occupied in [dir.path().to_owned(), dir.path().join("notes"), dir.path().join("notes/run")] {
        let error = Session::create(&occupied, state()).unwrap_err();
        assert!(matches!(error, Error::Occupied(_)), "{error}");
    }
    assert_eq!(names_in(dir.path()), ["notes", "run"]);
}

#[test]
fn a_directory_left_by_a_process_without_a_first_state_can_be_used() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("attempts")).unwrap();
    for left in ["lock", ".session.json.tmp-abc"] {
        fs::write(dir.path().join(left), "1234 here\n").unwrap();
    }
    let session = Session::create(dir.path(), state()).unwrap();
    assert_eq!(names_in(session.path()), ["attempts", "lock", "session.copy.json", "session.json"]);
}

#[test]
fn opening_a_missing_session_does_not_create_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    assert!(matches!(Session::open(&path), Err(Error::NotFound(_))));
    assert!(matches!(Session::open(dir.path()), Err(Error::NotFound(_))));
    assert!(names_in(dir.path()).is_empty());
    assert!(matches!(summary(&path).status, SessionStatus::Damaged { .. }));
}
