//! Biases that compensate for removed means: stored in the record and in every format, and refused by formats that
//! cannot store them.

use std::{fs, path::Path};

use crate::program::{Ran, Workspace, slimgpt};
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

fn perplexity(bench: &Workspace, dir: &str) -> f64 {
    let ran = slimgpt(&["eval", &bench.text(dir), "--text", &bench.text("text.txt"), "--json"]);
    done(&ran);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["perplexity"].as_f64().unwrap()
}

#[test]
fn every_form_has_the_biases_and_the_perplexity_of_the_record() {
    let bench = Workspace::new();
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

    // Exported from the session's files, in the shapes before pruning.
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
fn the_bias_removes_exactly_the_mean_of_the_error() {
    let bench = Workspace::new();
    // Only one part is pruned, so both runs have the same inputs. Without damping, its error equals that of
    // the hidden states.
    let alone = ["--ratio", "0.5", "--layers", "5..6", "--parts", "mlp", "--damping", "0", "--track-errors"];
    for method in [&["--score", "flap", "--no-compensation"][..], &[]] {
        let with = |out: &str, more: &[&str]| {
            done(&bench.prune_to(out, &[&alone[..], method, &["--force"], more].concat()));
            read(&bench.path(&format!("{out}/run.json")))["layers"][5].clone()
        };
        let (plain, biased) = (with("plain", &[]), with("biased", &["--bias-compensation"]));
        assert_eq!(plain["mlp"].get("mean_error"), None);
        let number = |value: &Value| value.as_f64().unwrap();
        let (error, mean) = (number(&biased["mlp"]["relative_error"]), number(&biased["mlp"]["mean_error"]));
        assert_eq!(error, number(&plain["mlp"]["relative_error"]), "errors are reported without the bias");
        assert!(mean > 0.0 && mean < error, "{mean} of {error}");
        let left = number(&biased["output_error"]) / number(&plain["output_error"]);
        assert!((left / (1.0 - mean / error) - 1.0).abs() < 1e-3, "{left} is not 1 - {mean} / {error}");
    }
}

#[test]
fn a_target_other_than_the_layers_own_output_is_refused() {
    let bench = Workspace::new();
    let ran = bench.prune(&["--bias-compensation", "--target", "dense-stream"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("bias-compensation:"), "{}", ran.stderr);
}

#[test]
fn a_family_without_such_biases_is_refused_before_the_run() {
    let bench = Workspace::new();
    bench.configure("model_type", json!("mistral"));
    bench.configure("sliding_window", json!(null));
    let ran = bench.prune(&FLAP);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("mistral in transformers has no bias of o_proj"), "{}", ran.stderr);
    assert!(!bench.path("out").exists());
    // A file for llama.cpp stores them.
    done(&bench.prune(&[&FLAP[..], &["--ratio", "0.4", "--format", "gguf", "--gguf-type", "f32"]].concat()));
}
