//! Tests of the cache of layer inputs.

use std::time::{Duration, SystemTime};

use super::*;

/// Two tensors with this total number of bytes.
fn tensors(bytes: usize, seed: u8) -> Vec<Tensor> {
    let tensor = |name: &str, bytes: usize| Tensor {
        name: name.into(),
        dtype: "F32".into(),
        shape: vec![1, bytes / 4],
        bytes: (0..bytes).map(|i| (i as u8).wrapping_mul(seed)).collect(),
    };
    vec![tensor("window-0", bytes / 2), tensor("dense-0", bytes / 2)]
}

fn files(session: &Session) -> Vec<std::path::PathBuf> {
    let dir = session.path().join("streams");
    names_in(&dir).iter().map(|name| dir.join(name)).collect()
}

fn bytes_of(session: &Session) -> u64 {
    files(session).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

/// Sets the time of last use of a file, in seconds before now.
fn age(path: &Path, seconds: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

const ROOM: u64 = 1 << 20;

#[test]
fn stored_streams_are_read_unchanged_even_by_another_process() {
    let (_dir, session) = session();
    let mut cache = session.streams(ROOM);
    assert!(cache.keys().is_empty() && cache.limit() == ROOM);
    let key = "{\"above\": [0, null], \"of\": \"any \\\"letters\\\" / at all\"}";
    assert!(cache.put(key, &tensors(64, 3)));
    assert!(cache.put("empty", &[]));
    assert_eq!(cache.get(key), Some(tensors(64, 3)));
    assert_eq!(cache.get("other"), None);
    let mut again = session.streams(ROOM);
    assert_eq!(again.get(key), Some(tensors(64, 3)));
    assert_eq!(again.get("empty"), Some(Vec::new()));
}

#[test]
fn the_least_recently_used_streams_are_evicted_first() {
    let (_dir, session) = session();
    let mut cache = session.streams(100_000);
    for key in ["a", "b", "c"] {
        assert!(cache.put(key, &tensors(32_000, 1)));
    }
    assert_eq!(cache.keys(), ["a", "b", "c"]);
    assert!(cache.get("a").is_some());
    assert_eq!(cache.keys(), ["b", "c", "a"]);
    assert!(cache.put("d", &tensors(32_000, 1)));
    assert_eq!(cache.keys(), ["c", "a", "d"]);
    assert!(bytes_of(&session) <= 100_000);
    assert!(cache.put("e", &tensors(90_000, 1)));
    assert_eq!((cache.keys(), files(&session).len()), (vec!["e".to_string()], 1));
}

#[test]
fn the_order_of_use_is_known_to_later_processes() {
    let (_dir, session) = session();
    let mut cache = session.streams(ROOM);
    for key in ["a", "b"] {
        cache.put(key, &tensors(64, 1));
        files(&session).iter().for_each(|file| age(file, 100));
    }
    cache.get("a");
    assert_eq!(session.streams(ROOM).keys(), ["b", "a"]);
}

#[test]
fn storing_a_key_again_replaces_its_tensors() {
    let (_dir, session) = session();
    let mut cache = session.streams(ROOM);
    cache.put("a", &tensors(64, 1));
    cache.put("a", &tensors(128, 2));
    assert_eq!((cache.keys().len(), cache.get("a")), (1, Some(tensors(128, 2))));
    assert_eq!(files(&session).len(), 1);
}

#[test]
fn tensors_above_the_limit_are_not_stored_and_evict_no_others() {
    let (_dir, session) = session();
    let mut cache = session.streams(10_000);
    assert!(cache.put("a", &tensors(64, 1)));
    assert!(!cache.put("b", &tensors(10_004, 1)));
    assert_eq!(cache.keys(), ["a"]);
    // The tensors alone would fit, but the file does not.
    assert!(!cache.put("c", &tensors(9_992, 1)));
    assert!(bytes_of(&session) <= 10_000);
    assert!(!session.streams(0).put("d", &tensors(4, 1)));
    assert!(files(&session).is_empty(), "a lower limit applies to existing files");
}

#[test]
fn a_damaged_stream_is_removed() {
    let (_dir, session) = session();
    let length = {
        session.streams(ROOM).put("a", &tensors(64, 5));
        fs::metadata(&files(&session)[0]).unwrap().len() as usize
    };
    for at in 0..length {
        let mut cache = session.streams(ROOM);
        cache.put("a", &tensors(64, 5));
        let file = &files(&session)[0];
        flip(file, at, (at % 8) as u8);
        // The process that wrote the file, and the next one.
        let mut next = session.streams(ROOM);
        for found in [cache.get("a"), next.get("a")] {
            assert!(found.is_none_or(|found| found == tensors(64, 5)), "byte {at}");
        }
    }
    let mut cache = session.streams(ROOM);
    cache.put("a", &tensors(64, 5));
    fs::write(&files(&session)[0], "").unwrap();
    assert_eq!((cache.get("a"), cache.keys().len(), files(&session).len()), (None, 0, 0));
}

#[test]
fn a_cache_that_cannot_be_written_is_not_an_error() {
    let (_dir, session) = session();
    fs::write(session.path().join("streams"), "in the way").unwrap();
    let mut cache = session.streams(ROOM);
    assert!(!cache.put("a", &tensors(64, 1)));
    assert_eq!((cache.get("a"), cache.keys().len()), (None, 0));
    fs::remove_file(session.path().join("streams")).unwrap();
    assert!(!cache.put("a", &[Tensor { bytes: vec![0; 3], ..tensors(8, 1).remove(0) }]));
    assert!(files(&session).is_empty());
}

#[test]
fn foreign_files_among_the_streams_are_kept() {
    let (_dir, session) = session();
    fs::create_dir(session.path().join("streams")).unwrap();
    let foreign = session.path().join("streams/notes.txt");
    fs::write(&foreign, "mine").unwrap();
    session.streams(0);
    assert!(foreign.exists());
}

#[test]
fn removed_streams_are_not_found() {
    let (_dir, session) = session();
    let dir = session.path().join("streams");
    let mut cache = session.streams(ROOM);
    assert!(!super::super::stream_cache::clear(&dir));
    cache.put("a", &tensors(64, 1));
    assert!(super::super::stream_cache::clear(&dir));
    assert!(files(&session).is_empty());
    assert_eq!((cache.get("a"), cache.keys().len()), (None, 0));
    assert!(cache.put("a", &tensors(64, 1)));
}
