//! A bias that makes up for the mean of what left: in the record, in every form of the model, and refused where none holds it.
#![allow(clippy::unwrap_used)]

mod program;

use std::{fs, path::Path};

use program::{Bench, Ran, slimgpt};
use safetensors::SafeTensors;
use serde_json::{Value, json};

const FLAP: [&str; 4] = ["--score", "flap", "--no-compensation", "--bias-compensation"];

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[track_caller]
fn done(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

fn perplexity(bench: &Bench, dir: &str) -> f64 {
    let ran = slimgpt(&["eval", &bench.text(dir), "--text", &bench.text("text.txt"), "--json"]);
    done(&ran);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["perplexity"].as_f64().unwrap()
}

#[test]
fn every_form_has_the_biases_and_the_perplexity_of_the_record() {
    let bench = Bench::new();
    let text = bench.text("text.txt");
    let forms = ["--ratio", "0.4", "--format", "hf,gguf", "--gguf-type", "f32", "--eval", &text];
    done(&bench.prune(&[&FLAP[..], &forms].concat()));
    let record = read(&bench.path("out/run.json"));
    let expected = record["perplexity"]["after"].as_f64().unwrap();
    let near = |found: f64| assert!((found / expected - 1.0).abs() < 1e-5, "{found} is not {expected}");
    near(perplexity(&bench, "out"));
    for written in record["written"].as_array().unwrap() {
        let verified = &written["verified"];
        assert!(verified["largest_difference"].as_f64() <= verified["tolerance"].as_f64(), "{written}");
    }
    let config = read(&bench.path("out/config.json"));
    assert_eq!((&config["attention_bias"], &config["mlp_bias"]), (&json!(true), &json!(true)));

    // From the session's files, and in the shapes of before.
    done(&slimgpt(&["export", "last", "--format", "padded", "--out", &bench.text("padded")]));
    near(perplexity(&bench, "padded"));
    let bytes = fs::read(bench.path("padded/model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let is_zero = |name: &str| file.tensor(name).unwrap().data().iter().all(|byte| *byte == 0);
    for (layer, part) in record["layers"].as_array().unwrap().iter().zip(0..) {
        for (name, bias) in [("attention", "self_attn.o_proj"), ("mlp", "mlp.down_proj")] {
            let cut = !layer[name]["removed"].as_array().unwrap().is_empty();
            assert_eq!(layer[name]["mean_error"].is_number(), cut);
            assert_eq!(is_zero(&format!("model.layers.{part}.{bias}.bias")), !cut, "layer {part}, {name}");
        }
        assert!(is_zero(&format!("model.layers.{part}.self_attn.k_proj.bias")));
    }
}

#[test]
fn with_a_bias_the_outputs_keep_their_mean_and_lose_less() {
    let bench = Bench::new();
    let (text, ratio) = (bench.text("text.txt"), ["--ratio", "0.4", "--track-errors"]);
    let with = |out: &str, more: &[&str]| {
        done(&bench.prune_to(out, &[&ratio[..], &["--eval", &text], more].concat()));
        read(&bench.path(&format!("{out}/run.json")))
    };
    let plain = with("plain", &FLAP[..3]);
    let biased = with("biased", &FLAP);
    let first = |record: &Value| record["layers"][0].clone();
    // the first part that is cut sees the same inputs in both runs
    let part = |record: &Value| {
        let layers = record["layers"].as_array().unwrap().clone();
        let parts = layers.into_iter().flat_map(|layer| [layer["attention"].clone(), layer["mlp"].clone()]);
        parts.into_iter().find(|part| !part["removed"].as_array().unwrap().is_empty()).unwrap()
    };
    let (before, after) = (part(&plain), part(&biased));
    assert_eq!(
        (&before["relative_error"], &before["removed"]),
        (&after["relative_error"], &after["removed"])
    );
    let made_up = after["mean_error"].as_f64().unwrap();
    assert!(made_up > 0.0 && made_up < after["relative_error"].as_f64().unwrap());
    assert_eq!(before.get("mean_error"), None);
    let last = |record: &Value| {
        let layers = record["layers"].as_array().unwrap();
        layers[layers.len() - 1]["output_error"].as_f64().unwrap()
    };
    assert!(last(&biased) < last(&plain), "{} {}", last(&biased), last(&plain));
    assert_eq!(first(&biased)["ratio"], first(&plain)["ratio"]);
}

#[test]
fn a_target_beside_the_layer_s_own_output_is_refused() {
    let bench = Bench::new();
    let ran = bench.prune(&["--bias-compensation", "--target", "dense-stream"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("bias-compensation:"), "{}", ran.stderr);
}

#[test]
fn a_family_without_such_biases_is_refused_before_the_run() {
    let bench = Bench::new();
    bench.configure("model_type", json!("mistral"));
    bench.configure("sliding_window", json!(null));
    let ran = bench.prune(&FLAP);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("mistral in transformers has no bias of o_proj"), "{}", ran.stderr);
    assert!(!bench.path("out").exists());
    // One file for llama.cpp holds them.
    done(&bench.prune(&[&FLAP[..], &["--ratio", "0.4", "--format", "gguf", "--gguf-type", "f32"]].concat()));
}
