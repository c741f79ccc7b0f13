//! Tests of file fingerprints.

use std::{
    ops::ControlFlow,
    time::{Duration, SystemTime},
};

use super::*;
use crate::failure::Kind;

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn never(_: u64) -> ControlFlow<()> {
    panic!("the file was read")
}

fn touch(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(1000)).unwrap();
}

#[test]
fn a_fingerprint_is_the_length_and_the_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights");
    let bytes: Vec<u8> = (0..3_000_000u32).map(|i| i as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let mut counted = 0;
    let mut count = |more: u64| {
        counted += more;
        ControlFlow::Continue(())
    };
    let taken = Fingerprint::of_file("w", &path, &mut count).unwrap().unwrap();
    assert_eq!(counted, 3_000_000);
    assert_eq!(Fingerprint { modified: None, ..taken.clone() }, Fingerprint::of_bytes("w", &bytes));
    assert!(taken.modified.is_some());
    let empty = Fingerprint::of_bytes("e", b"");
    assert_eq!(empty.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn an_unchanged_file_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights");
    fs::write(&path, "abc").unwrap();
    let taken = Fingerprint::of_file("w", &path, &mut go_on).unwrap().unwrap();
    assert_eq!(taken.check_file(&path, &mut never).unwrap(), Check::Same);
    touch(&path);
    assert_eq!(taken.check_file(&path, &mut go_on).unwrap(), Check::Same, "only the content counts");
}

#[test]
fn a_changed_file_is_detected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights");
    fs::write(&path, "abc").unwrap();
    let taken = Fingerprint::of_file("w", &path, &mut go_on).unwrap().unwrap();
    fs::write(&path, "abcd").unwrap();
    assert_eq!(taken.check_file(&path, &mut never).unwrap(), Check::Changed, "its length has changed");
    fs::write(&path, "abd").unwrap();
    touch(&path);
    assert_eq!(taken.check_file(&path, &mut go_on).unwrap(), Check::Changed);
    fs::remove_file(&path).unwrap();
    assert_eq!(taken.check_file(&path, &mut never).unwrap(), Check::Missing);
    let built_in = Fingerprint::of_bytes("b", b"abc");
    assert_eq!((built_in.check_bytes(b"abc"), built_in.check_bytes(b"abd")), (Check::Same, Check::Changed));
}

#[test]
fn reading_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("weights");
    fs::write(&path, "abc").unwrap();
    let mut stop = |_| ControlFlow::Break(());
    assert_eq!(Fingerprint::of_file("w", &path, &mut stop).unwrap(), None);
    let taken = Fingerprint::of_file("w", &path, &mut go_on).unwrap().unwrap();
    touch(&path);
    assert_eq!(taken.check_file(&path, &mut stop).unwrap(), Check::Cancelled);
    let error = Fingerprint::of_file("w", &dir.path().join("none"), &mut go_on).unwrap_err();
    assert!(error.to_string().contains("none: cannot be read") && error.kind() == Kind::Input, "{error}");
}
