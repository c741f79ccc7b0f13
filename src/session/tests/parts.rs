//! Tests of the files of solved parts.

use safetensors::SafeTensors;

use super::*;

fn file(session: &Session, place: PartPlace) -> std::path::PathBuf {
    let PartPlace { layer, attempt, part } = place;
    session.path().join(format!("attempts/layer-{layer:03}-attempt-{attempt:03}-{part}.safetensors"))
}

#[test]
fn a_part_is_read_bit_for_bit() {
    let (_dir, session) = session();
    session.write_part(&head(), Some(&weight())).unwrap();
    let read = session.read_part(PLACE).unwrap();
    let stated = read.weight.clone().unwrap();
    assert_eq!((stated.dtype.as_str(), stated.shape), ("BF16", [3, 2]));
    assert_eq!(PartHead { weight: None, ..read.clone() }, head());
    assert_eq!(session.read_weight(&read).unwrap(), Some(weight()));
    assert_eq!(names_in(&session.path().join("attempts")), ["layer-001-attempt-002-mlp.safetensors"]);
}

#[test]
fn a_part_without_removed_units_has_no_weight() {
    let (_dir, session) = session();
    session.write_part(&head(), None).unwrap();
    let read = session.read_part(PLACE).unwrap();
    assert_eq!(read, head());
    assert_eq!(session.read_weight(&read).unwrap(), None);
}

#[test]
fn rewriting_a_part_replaces_it() {
    let (_dir, session) = session();
    session.write_part(&head(), Some(&weight())).unwrap();
    let first = session.read_part(PLACE).unwrap();
    let other = Weight { bytes: vec![9; 12], ..weight() };
    session.write_part(&head(), Some(&other)).unwrap();
    assert_eq!(session.read_weight(&session.read_part(PLACE).unwrap()).unwrap(), Some(other));
    // Reading with the first head fails, so the other weight is not returned.
    let error = session.read_weight(&first).unwrap_err().to_string();
    assert!(error.contains("has changed since it was opened"), "{error}");
}

#[test]
fn equal_parts_make_equal_files_that_other_readers_open() {
    let (_dir, session) = session();
    session.write_part(&head(), Some(&weight())).unwrap();
    let bytes = fs::read(file(&session, PLACE)).unwrap();
    session.write_part(&head(), Some(&weight())).unwrap();
    assert_eq!(fs::read(file(&session, PLACE)).unwrap(), bytes);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let view = tensors.tensor("weight").unwrap();
    assert_eq!((view.dtype(), view.shape()), (safetensors::Dtype::BF16, &[3, 2][..]));
    assert_eq!(view.data(), weight().bytes);
    // The data starts at an offset aligned for every type.
    assert_eq!((bytes.len() - weight().bytes.len()) % 8, 0);
}

#[test]
fn every_flipped_bit_of_a_part_is_detected() {
    let (_dir, session) = session();
    session.write_part(&head(), Some(&weight())).unwrap();
    let (path, good) = (file(&session, PLACE), session.read_part(PLACE).unwrap());
    let length = fs::read(&path).unwrap().len();
    let mut refused = 0;
    for at in 0..length {
        for bit in 0..8 {
            flip(&path, at, bit);
            let read = session.read_part(PLACE).and_then(|head| Ok((session.read_weight(&head)?, head)));
            match read {
                // The flipped bit made an escape or a blank with the same meaning.
                Ok((weight_read, head)) => {
                    assert_eq!((weight_read, &head), (Some(weight()), &good), "byte {at}, bit {bit}");
                }
                Err(Error::Damaged { path: named, remedy, .. }) => {
                    assert!(named == path && remedy.contains("solve the layer again"));
                    refused += 1;
                }
                Err(error) => panic!("byte {at}, bit {bit}: {error}"),
            }
            flip(&path, at, bit);
        }
    }
    assert!(refused * 10 > length * 8 * 9, "{refused} of {} bits", length * 8);
}

#[test]
fn a_part_cut_off_anywhere_is_damaged() {
    let (_dir, session) = session();
    session.write_part(&head(), Some(&weight())).unwrap();
    let path = file(&session, PLACE);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = session.read_part(PLACE).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{length} bytes: {error}");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(session.read_part(PLACE).unwrap_err().to_string().contains("found"), "one byte too many");
    fs::remove_file(&path).unwrap();
    assert!(session.read_part(PLACE).unwrap_err().to_string().contains("(it is missing)"));
}

#[test]
fn a_nonsense_header_is_damage() {
    let (_dir, session) = session();
    let huge = u64::MAX.to_string();
    for header in [
        String::new(),
        "{}".into(),
        "[]".into(),
        r#"{"__metadata__":{}}"#.into(),
        r#"{"__metadata__":{"slimgpt_format":"1","part":"{}","part_sha256":""}}"#.into(),
        r#"{"weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.into(),
        r#"{"weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#.into(),
        format!(r#"{{"weight":{{"dtype":"U8","shape":[{huge}],"data_offsets":[0,{huge}]}}}}"#),
        r#"{"weight":{"dtype":"U8","shape":[2305843009213693951],"data_offsets":[0,2305843009213693951]}}"#
            .into(),
        r#"{"weight":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#.into(),
        "[".repeat(100_000),
    ] {
        for stated in [header.len() as u64, 0, 7, u64::MAX, 99_999_999] {
            let bytes = [&stated.to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat();
            fs::write(file(&session, PLACE), bytes).unwrap();
            let error = session.read_part(PLACE).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
    }
}

#[test]
fn a_part_under_another_parts_name_is_damage() {
    let (_dir, session) = session();
    session.write_part(&head(), Some(&weight())).unwrap();
    let other = PartPlace { attempt: 3, ..PLACE };
    fs::copy(file(&session, PLACE), file(&session, other)).unwrap();
    let error = session.read_part(other).unwrap_err().to_string();
    assert!(error.contains("found mlp of attempt 2 of layer 1"), "{error}");
}

#[test]
fn a_part_of_a_newer_format_is_refused() {
    let (_dir, session) = session();
    session.write_part(&head(), None).unwrap();
    let text = serde_json::to_string(&head()).unwrap();
    let sha256 = super::super::envelope::checksum(2, &text);
    let metadata =
        serde_json::json!({"__metadata__": {"slimgpt_format": "2", "part": text, "part_sha256": sha256}});
    let header = metadata.to_string();
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    fs::write(file(&session, PLACE), bytes).unwrap();
    assert!(matches!(session.read_part(PLACE), Err(Error::Newer { format: 2, .. })));
}

#[test]
fn statistics_with_a_non_finite_number_are_left_out() {
    let (_dir, session) = session();
    let mut odd = head();
    odd.record.relative_error = f64::NAN;
    session.write_part(&odd, Some(&weight())).unwrap();
    let read = session.read_part(PLACE).unwrap();
    assert!(read.record.relative_error.is_nan() && read.statistics == head().statistics);
    odd.statistics.as_mut().unwrap().scores[1] = f32::INFINITY;
    session.write_part(&odd, Some(&weight())).unwrap();
    let read = session.read_part(PLACE).unwrap();
    assert!(read.record.relative_error.is_nan() && read.statistics.is_none());
    odd.record.step_errors[0] = f64::NAN;
    let error = session.write_part(&odd, Some(&weight())).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert!(session.read_part(PLACE).is_ok(), "the earlier file is still there");
}

#[test]
fn a_weight_that_does_not_fit_its_shape_is_not_written() {
    let (_dir, session) = session();
    for wrong in [
        Weight { bytes: vec![0; 11], ..weight() },
        Weight { dtype: "F32".into(), ..weight() },
        Weight { dtype: "letters".into(), ..weight() },
        Weight { shape: [usize::MAX, 2], ..weight() },
    ] {
        let error = session.write_part(&head(), Some(&wrong)).unwrap_err();
        assert!(matches!(error, Error::Write { .. }), "{error}");
    }
    assert!(names_in(&session.path().join("attempts")).is_empty());
}

#[test]
fn a_part_that_cannot_be_written_leaves_no_file_and_names_its_path() {
    let (_dir, session) = session();
    fs::create_dir(file(&session, PLACE)).unwrap();
    let error = session.write_part(&head(), None).unwrap_err();
    assert!(
        error.to_string().contains("layer-001-attempt-002-mlp.safetensors: cannot be written"),
        "{error}"
    );
    assert!(error.to_string().contains("check the free space"), "{error}");
    assert_eq!(names_in(&session.path().join("attempts")).len(), 1);
}

#[cfg(unix)]
#[test]
fn files_have_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, session) = session();
    session.write_part(&head(), None).unwrap();
    let plain = dir.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file(&session, PLACE)), mode(&plain));
    assert_eq!(mode(&session.path().join("session.json")), mode(&plain));
}
