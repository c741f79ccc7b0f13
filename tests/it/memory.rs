//! The memory of a run: equal to the forecast of `inspect`, and independent of the number of layers.

use std::{fs, path::PathBuf};

use crate::program::slimgpt;
use crate::tiny_model;
use candle_core::DType;
use serde_json::{Value, json};

/// A checkpoint large enough to make the program's own memory negligible, and small enough for a few seconds.
fn checkpoint(layers: usize) -> tempfile::TempDir {
    let mut config = tiny_model::config("llama");
    let sizes = json!({
        "hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": layers, "num_attention_heads": 8,
        "num_key_value_heads": 8, "vocab_size": 1024, "head_dim": 64,
    });
    tiny_model::set(&mut config, sizes);
    let checkpoint = tiny_model::checkpoint(&config, &tiny_model::random_tensors(&config, 1), DType::F32);
    let tokenizer = slimgpt::demo::FILES.iter().find(|(name, _)| *name == "tokenizer.json").unwrap();
    fs::write(checkpoint.path().join("tokenizer.json"), tokenizer.1).unwrap();
    fs::write(checkpoint.path().join("text.txt"), slimgpt::demo::HELD_OUT).unwrap();
    checkpoint
}

fn json_of(layers: usize, command: &str, more: &[&str]) -> Value {
    let checkpoint = checkpoint(layers);
    let path = |name: &str| -> PathBuf { checkpoint.path().join(name) };
    let (model, text) = (checkpoint.path().to_str().unwrap(), path("text.txt"));
    let said =
        [command, model, "--calibration", text.to_str().unwrap(), "--samples", "24", "--seq-len", "512"];
    let ran = slimgpt(&[&said[..], &["--ratio", "0.3", "--json"], more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn peak_of_run(layers: usize, more: &[&str]) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let record = json_of(layers, "prune", &[&["--out", out.to_str().unwrap()], more].concat());
    record["peak_memory_bytes"].as_f64().unwrap()
}

#[test]
fn a_run_needs_the_forecast_memory_and_no_more_with_twice_the_layers() {
    let forecast = json_of(2, "inspect", &[])["run"]["peak_bytes"].as_f64().unwrap();
    let (two, four) = (peak_of_run(2, &[]), peak_of_run(4, &[]));
    assert!(two < 1.25 * forecast, "{two} bytes, expected about {forecast}");
    assert!(forecast < 1.3 * two, "{two} bytes, expected about {forecast}");
    assert!(four < 1.1 * two, "{four} bytes with four layers, {two} with two");
}

#[test]
fn a_search_needs_the_forecast_memory() {
    for trials in ["1", "2"] {
        let more = ["--search-samples", "4", "--search-trials", trials, "--track-errors=false"];
        let run = &json_of(5, "inspect", &more)["run"];
        let forecast = run["peak_bytes"].as_f64().unwrap();
        let peak = peak_of_run(5, &more);
        assert!(peak < 1.25 * forecast, "{trials} trials: {peak} bytes, expected about {forecast}");
        assert!(forecast < 1.3 * peak, "{trials} trials: {peak} bytes, expected about {forecast}");
    }
}
