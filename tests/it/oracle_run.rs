//! A whole run against the float64 oracle. The oracle's results on the same windows are in
//! `tests/fixtures/oracle_run.json`, with the command that made them.

use std::{collections::BTreeSet, fs};

use crate::program::slimgpt;
use serde_json::Value;

fn kept(part: &Value) -> BTreeSet<u64> {
    part["kept"].as_array().unwrap().iter().map(|unit| unit.as_u64().unwrap()).collect()
}

#[track_caller]
fn close(what: &str, found: &Value, expected: &Value, share: f64) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= share * expected.abs() + 1e-12, "{what}: {found}, not {expected}");
}

#[test]
fn a_whole_run_agrees_with_the_float64_oracle() {
    let fixture: Value =
        serde_json::from_str(&fs::read_to_string("tests/fixtures/oracle_run.json").unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut arguments: Vec<&str> =
        fixture["arguments"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    arguments.extend(["--out", out.to_str().unwrap(), "--json"]);
    let ran = slimgpt(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();

    let (found, expected) = (record["layers"].as_array().unwrap(), fixture["layers"].as_array().unwrap());
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let place = |part: &str| format!("layer {index}, {part}");
        assert_eq!(kept(&found["attention"]), kept(&expected["attention"]), "{}", place("attention"));
        let (channels, wanted) = (kept(&found["mlp"]), kept(&expected["mlp"]));
        let common = channels.intersection(&wanted).count() as f64 / wanted.len() as f64;
        assert!(channels.len() == wanted.len() && common >= 0.97, "{}: {common} in common", place("mlp"));
        for part in ["attention", "mlp"] {
            close(&place(part), &found[part]["relative_error"], &expected[part]["relative_error"], 0.02);
        }
        close(&place("output"), &found["output_error"], &expected["output_error"], 0.02);
    }
    for which in ["before", "after"] {
        close(which, &record["perplexity"][which], &fixture["perplexity"][which], 0.001);
    }
}
