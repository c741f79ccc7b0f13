//! Tests with a process that is killed while it writes.

use std::{thread, time::Duration};

use super::{process::*, *};

/// Attempt `number` of the first layer, and its weight.
fn nth(number: usize) -> (PartHead, Weight) {
    let place = PartPlace { layer: 0, attempt: number, part: Part::Mlp };
    let weight = Weight { dtype: "F32".into(), shape: [64, 16], bytes: vec![number as u8; 4096], bias: None };
    (PartHead { place, ..head() }, weight)
}

#[test]
#[ignore = "run by the next test, in a separate process"]
fn writes_attempts_until_killed() {
    let Some(path) = given_session() else { return };
    let (mut session, warnings) = Session::open(&path).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let mut streams = session.streams(1 << 16);
    println!("\nready");
    loop {
        let number = session.state().layers[0].attempts.len();
        let (head, weight) = nth(number);
        session.write_part(&head, Some(&weight)).unwrap();
        session.change(|state| state.layers[0].attempts.push(attempt(number, &[], 0.25))).unwrap();
        let bytes = weight.bytes;
        let dtype = "U8".to_string();
        streams.put(&number.to_string(), &[Tensor { name: "x".into(), dtype, shape: vec![4096], bytes }]);
    }
}

#[test]
fn all_files_named_by_the_state_are_complete_after_a_kill_at_any_time() {
    let (_dir, session) = session();
    let path = session.path().to_owned();
    drop(session);
    let mut before = 0;
    for round in 0..20 {
        let mut child = process_of_its_own("killed::writes_attempts_until_killed", &path);
        wait_until_ready(&mut child);
        thread::sleep(Duration::from_micros(1500 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(crate::session::summary(&path).killed);
        crate::session::settle(&path);
        assert!(!crate::session::summary(&path).killed);
        let (session, warnings) = Session::open(&path).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let attempts = session.state().layers[0].attempts.len();
        assert!(attempts >= before, "an attempt was lost");
        for number in before..attempts {
            let (head, weight) = nth(number);
            let read = session.read_part(head.place).unwrap();
            assert_eq!(session.read_weight(&read).unwrap(), Some(weight));
        }
        let mut streams = session.streams(1 << 16);
        for key in streams.keys() {
            let found = streams.get(&key).unwrap();
            assert_eq!(found[0].bytes[0], key.parse::<usize>().unwrap() as u8);
        }
        let left_over = names_in(&path).into_iter().chain(names_in(&path.join("attempts")));
        assert_eq!(left_over.filter(|name| name.starts_with('.')).count(), 0);
        before = attempts;
    }
    assert!(before > 0, "nothing was written");
    assert_eq!(remove(&path).unwrap().foreign, Vec::<std::path::PathBuf>::new());
}
