//! Output for other programs: logits as a file, and generated tokens as JSON.

use std::fs;

use crate::program::{Workspace, slimgpt};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

const VOCABULARY: usize = 1024;

fn numbers<const BYTES: usize, T>(file: &SafeTensors, name: &str, of: fn([u8; BYTES]) -> T) -> Vec<T> {
    let tensor = file.tensor(name).unwrap();
    tensor.data().chunks_exact(BYTES).map(|bytes| of(bytes.try_into().unwrap())).collect()
}

#[test]
fn written_logits_have_the_measured_perplexity() {
    let bench = Workspace::new();
    // The text has two windows and an incomplete one.
    let text: String = slimgpt::demo::HELD_OUT.split_inclusive(' ').take(120).collect();
    fs::write(bench.path("page.txt"), text).unwrap();
    let (model, page, out) =
        (bench.text("model"), bench.text("page.txt"), bench.text("new/logits.safetensors"));
    let settings = ["--text", &page, "--seq-len", "40"];
    let measured = slimgpt(&[&["eval", &model, "--json"], &settings[..]].concat());
    let measured: Value = serde_json::from_str(&measured.stdout).unwrap();
    let windows = measured["tokens"].as_u64().unwrap() as usize / 40;
    assert!(windows > 1);

    let windows_text = windows.to_string();
    let arguments = [&["logits", &model, "--out", &out, "--windows", &windows_text], &settings[..]].concat();
    let ran = slimgpt(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains(&out), "{}", ran.stdout);

    let bytes = fs::read(&out).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let shape =
        |name: &str| (file.tensor(name).unwrap().dtype(), file.tensor(name).unwrap().shape().to_vec());
    assert_eq!(shape("tokens"), (Dtype::I64, vec![windows, 40]));
    assert_eq!(shape("logits"), (Dtype::F32, vec![windows, 40, VOCABULARY]));
    let tokens = numbers(&file, "tokens", i64::from_le_bytes);
    let logits = numbers(&file, "logits", f32::from_le_bytes);
    let mut nll = 0.0;
    for (at, logits) in logits.chunks_exact(VOCABULARY).enumerate().filter(|(at, _)| at % 40 != 39) {
        let normaliser = logits.iter().map(|&logit| f64::from(logit).exp()).sum::<f64>().ln();
        nll += normaliser - f64::from(logits[tokens[at + 1] as usize]);
    }
    let perplexity = (nll / (windows * 39) as f64).exp();
    let expected = measured["perplexity"].as_f64().unwrap();
    assert!((perplexity / expected - 1.0).abs() < 1e-5, "{perplexity} and {expected}");

    // Now the file exists.
    let ran = slimgpt(&arguments);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(slimgpt(&[&arguments[..], &["--force"]].concat()).code, Some(0));
    assert!(fs::read(&out).unwrap() == bytes);
}

#[test]
fn too_many_windows_for_the_text_are_refused_before_anything_is_written() {
    let bench = Workspace::new();
    let (model, text, out) = (bench.text("model"), bench.text("text.txt"), bench.text("logits.safetensors"));
    let ran = slimgpt(&["logits", &model, "--text", &text, "--windows", "100000", "--out", &out]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("expected 100000 windows of 128 tokens"), "{}", ran.stderr);
    assert!(!bench.path("logits.safetensors").exists());
}

#[test]
fn generated_tokens_are_printed_with_those_of_the_prompt() {
    let greedy = ["generate", "--prompt", "One day", "--max-tokens", "12", "--temperature", "0"];
    let ran = slimgpt(&[&greedy[..], &["--json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let made: Value = serde_json::from_str(&ran.stdout).unwrap();
    let ids =
        |key: &str| made[key].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect::<Vec<_>>();
    // The tokenizer of the built-in model adds no BOS token.
    assert_ne!(ids("prompt_tokens")[0], 0);
    assert_eq!(ids("tokens").len(), 12);
    let aloud = slimgpt(&greedy);
    assert_eq!(aloud.stdout, format!("One day{}\n", made["text"].as_str().unwrap()));

    let without = slimgpt(&[&greedy[..], &["--json", "--no-bos"]].concat());
    let without: Value = serde_json::from_str(&without.stdout).unwrap();
    assert_eq!(without["prompt_tokens"], made["prompt_tokens"]);
}
