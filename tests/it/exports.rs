//! Formats of an export: contents, cost, refusals, and files left after a failure.

use std::{fs, path::Path};

use crate::program::{Ran, Workspace, assert_same, output, sessions, slimgpt};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[track_caller]
fn done(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Sizes per layer: (heads, KV heads, channels).
fn sizes(config: &Value) -> Vec<[u64; 3]> {
    let keys = ["num_attention_heads", "num_key_value_heads", "intermediate_size"];
    let layers = config["num_hidden_layers"].as_u64().unwrap();
    let own = |layer: u64| &config["per_layer_config"][layer.to_string()];
    let size = |layer, key| own(layer)[key].as_u64().unwrap_or_else(|| config[key].as_u64().unwrap());
    (0..layers).map(|layer| keys.map(|key| size(layer, key))).collect()
}

#[test]
fn uniform_gives_every_layer_the_same_sizes_and_reports_the_cost() {
    let bench = Workspace::new();
    let ran = bench.prune(&["--ratio", "0.4", "--uniform"]);
    done(&ran);
    assert!(ran.stdout.contains("Sizes: the same in every layer; mean error"), "{}", ran.stdout);
    let config = read(&bench.path("out/config.json"));
    assert!(sizes(&config).windows(2).all(|pair| pair[0] == pair[1]), "{config}");
    assert_eq!(config.get("auto_map"), None, "a transformers class loads it without remote code");
    assert!(!bench.path("out/modeling_slimgpt.py").exists());

    // The reported error is that of the schedule's own path at the scheduled count.
    let record = read(&bench.path("out/run.json"));
    done(&bench.prune_to("own", &["--ratio", "0.4"]));
    let own = read(&bench.path("own/run.json"));
    let layers = |record: &Value| record["layers"].as_array().unwrap().clone();
    for (uniform, own) in layers(&record).iter().zip(&layers(&own)) {
        for part in ["attention", "mlp"] {
            let count = own[part]["removed"].as_array().unwrap().len();
            if count != uniform[part]["removed"].as_array().unwrap().len() {
                assert_eq!(uniform[part]["scheduled"]["removed"], count, "{part}");
            }
        }
    }
    // The first layer has the same inputs in both runs, and heads are removed one at a time.
    let first = |record: &Value| record["layers"][0]["attention"].clone();
    let (told, found) = (&first(&record)["scheduled"]["relative_error"], &first(&own)["relative_error"]);
    if let Some(told) = told.as_f64() {
        assert!((told - found.as_f64().unwrap()).abs() <= 1e-9, "{told} is not {found}");
    }
}

#[test]
fn the_cost_of_rounded_channels_is_reported() {
    let bench = Workspace::new();
    let ran = bench.prune(&["--ratio", "0.4", "--channel-multiple", "64"]);
    done(&ran);
    assert!(ran.stdout.contains("Sizes: channels in multiples of 64; mean error"), "{}", ran.stdout);
    let record = read(&bench.path("out/run.json"));
    let told = |part: &str| record["layers"][5][part]["scheduled"].is_object();
    assert!(told("mlp") && !told("attention"), "{record}");
    let plain = bench.prune_to("plain", &["--ratio", "0.4"]);
    assert!(!plain.stdout.contains("Sizes:"), "{}", plain.stdout);
}

#[test]
fn uniform_requires_all_layers() {
    let bench = Workspace::new();
    let ran = bench.prune(&["--uniform", "--layers", "2..5"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("expected all 12 layers"), "{}", ran.stderr);
    assert!(!bench.path("out").exists());
    assert!(!sessions().exists() || names(&sessions()).is_empty());
}

#[test]
fn padded_has_the_original_shapes_with_zeros_and_computes_the_same() {
    let bench = Workspace::new();
    let text = bench.text("text.txt");
    done(&bench.prune(&["--ratio", "0.4", "--format", "padded"]));
    done(&slimgpt(&["export", "last", "--format", "hf", "--out", &bench.text("hf")]));
    let (before, after) = (read(&bench.path("model/config.json")), read(&bench.path("out/config.json")));
    assert_eq!(sizes(&before), sizes(&after));
    assert_eq!((&after["model_type"], after.get("auto_map")), (&json!("llama"), None));
    let bytes = |name: &str| fs::metadata(bench.path(name)).unwrap().len();
    // The sizes are equal apart from metadata in the header.
    assert!(bytes("out/model.safetensors").abs_diff(bytes("model/model.safetensors")) < 100);
    assert!(bytes("hf/model.safetensors") < bytes("out/model.safetensors"));
    let perplexity = |dir: &str| {
        let ran = slimgpt(&["eval", &bench.text(dir), "--text", &text, "--json"]);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["perplexity"].as_f64().unwrap()
    };
    let (padded, narrow) = (perplexity("out"), perplexity("hf"));
    assert!((padded / narrow - 1.0).abs() < 1e-4, "{padded} is not {narrow}");
}

#[test]
fn weights_are_split_and_stored_as_requested() {
    let bench = Workspace::new();
    let ran = bench.prune(&["--export-dtype", "bf16", "--shard-size", "1MiB"]);
    done(&ran);
    let shards: Vec<String> =
        names(&bench.path("out")).into_iter().filter(|name| name.starts_with("model-0")).collect();
    assert!(shards.len() > 2, "{shards:?}");
    assert!(bench.path("out/model.safetensors.index.json").exists());
    let inspected = slimgpt(&["inspect", &bench.text("out"), "--json"]);
    assert!(inspected.stdout.to_lowercase().contains("bf16"), "{}", inspected.stdout);
    assert!(ran.stdout.contains("Format hf: bf16,"), "{}", ran.stdout);
    let record = read(&bench.path("out/run.json"));
    let verified = &record["written"][0]["verified"];
    assert!(
        verified["largest_difference"].as_f64().unwrap() > 0.0,
        "bf16 should change the logits: {verified}"
    );
    assert!(verified["largest_difference"].as_f64() < verified["tolerance"].as_f64());
}

#[test]
fn a_gguf_file_is_written_alone_or_with_a_directory_and_read_back() {
    let bench = Workspace::new();
    fs::write(bench.path("model/LICENSE"), "Do as you like.").unwrap();
    let ran = bench.prune(&["--ratio", "0.4", "--format", "hf,gguf", "--gguf-type", "f32"]);
    done(&ran);
    let files = names(&bench.path("out"));
    for wanted in ["LICENSE", "README.md", "config.json", "layers.csv", "model-slim-f32.gguf", "run.json"] {
        assert!(files.iter().any(|name| name == wanted), "{wanted} is missing: {files:?}");
    }
    let record = read(&bench.path("out/run.json"));
    let written = record["written"].as_array().unwrap();
    let loaded: Vec<&str> = written.iter().map(|form| form["loaded_as"].as_str().unwrap()).collect();
    assert_eq!(loaded, ["deci", "SlimLlamaForCausalLM"]);
    done(&slimgpt(&["export", "last", "--format", "gguf", "--out", &bench.text("alone")]));
    let files = names(&bench.path("alone"));
    let expected =
        ["LICENSE", "README.md", "calibration.safetensors", "layers.csv", "model-slim-f32.gguf", "run.json"];
    assert_eq!(files, expected, "the type is that of the run if none is named");
}

#[test]
fn models_that_llama_cpp_cannot_load_are_refused_before_the_run() {
    let bench = Workspace::new();
    // Until most channels are removed, every layer keeps enough of them for llama.cpp.
    let ran = bench.prune(&["--ratio", "0.93", "--schedule", "uniform", "--format", "gguf"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("format gguf:") && ran.stderr.contains("hf"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("Calibrat"), "{}", ran.stderr);
    assert!(!bench.path("out").exists());
    assert!(!sessions().exists() || names(&sessions()).is_empty());
}

#[test]
fn equal_inputs_give_equal_bytes_in_every_form() {
    let bench = Workspace::new();
    for formats in ["hf", "padded", "gguf"] {
        let form = ["--format", formats, "--gguf-type", "q8_0"];
        let (first, second) = (format!("{formats}-1"), format!("{formats}-2"));
        done(&bench.prune_to(&first, &form));
        done(&bench.prune_to(&second, &form));
        assert_same(&bench.path(&second), &output(&bench.path(&first)), formats);
    }
}

/// Gives the model an output head with numbers too small for f16.
fn with_a_faint_head(bench: &Workspace) {
    bench.configure("tie_word_embeddings", json!(false));
    let path = bench.path("model/model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let embedding = file.tensor("model.embed_tokens.weight").unwrap();
    let faint = |pair: &[u8]| 1e-8 * half::f16::from_le_bytes(pair.try_into().unwrap()).to_f32();
    let head: Vec<u8> = embedding.data().chunks(2).flat_map(|pair| faint(pair).to_le_bytes()).collect();
    let head = TensorView::new(Dtype::F32, embedding.shape().to_vec(), &head).unwrap();
    let mut tensors = file.tensors();
    tensors.push(("lm_head.weight".into(), head));
    safetensors::serialize_to_file(tensors, None, &path).unwrap();
}

#[test]
fn an_export_that_differs_from_the_model_is_discarded_and_the_session_is_kept() {
    let bench = Workspace::new();
    with_a_faint_head(&bench);
    let before = bench.entries();
    let ran = bench.prune(&["--ratio", "0.3", "--export-dtype", "f16"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("format hf: the logits of the written model differ"), "{}", ran.stderr);
    assert_eq!(bench.entries(), before, "the export left files");

    done(&slimgpt(&["export", "last", "--export-dtype", "f32", "--out", &bench.text("out")]));
    let verified = read(&bench.path("out/run.json"))["written"][0]["verified"].clone();
    assert_eq!(verified["largest_difference"], 0.0);
}

#[test]
fn an_export_to_an_existing_directory_requires_force() {
    let bench = Workspace::new();
    done(&bench.prune(&[]));
    let before = output(&bench.path("out"));
    let again = ["export", "last", "--format", "padded", "--out", &bench.text("out")];
    let ran = slimgpt(&again);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_same(&bench.path("out"), &before, "refused");
    done(&slimgpt(&[&again[..], &["--force"]].concat()));
    assert_eq!(read(&bench.path("out/config.json"))["model_type"], "llama");
}

#[test]
fn without_verify_no_file_is_read_back() {
    let bench = Workspace::new();
    let ran = bench.prune(&["--verify=false"]);
    done(&ran);
    assert!(ran.stdout.contains("not verified"), "{}", ran.stdout);
    assert!(read(&bench.path("out/run.json"))["written"][0]["verified"].is_null());
}

#[test]
fn portable_runs_give_a_nemotron_nas_directory_that_opens_again() {
    let bench = Workspace::new();
    done(&bench.prune(&["--portable", "--ratio", "0.2", "--no-session"]));
    let config = read(&bench.path("out/config.json"));
    assert_eq!((&config["model_type"], &config["num_attention_heads"]), (&json!("nemotron-nas"), &json!(8)));
    assert_eq!(config["block_configs"].as_array().unwrap().len(), 12);
    assert_eq!(config["block_configs"][0]["ffn"]["ffn_mult"], json!(3.0));
    assert!(bench.path("out/configuration_nemotron_nas.py").exists());
    let record = read(&bench.path("out/run.json"));
    assert_eq!(record["settings"]["channel_multiple"], 256);
    let verified = &record["written"][0]["verified"];
    assert!(verified["largest_difference"].as_f64().unwrap() <= verified["tolerance"].as_f64().unwrap());
    let inspected = slimgpt(&["inspect", &bench.text("out"), "--json"]);
    done(&inspected);
    let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(inspected["layers"][11]["channels"], 256);

    // The default settings remove heads, which the format cannot express.
    let ran = bench.prune_to("refused", &["--format", "nemotron-nas", "--ratio", "0.4"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("query heads") && ran.stderr.contains("set portable"), "{}", ran.stderr);
    let ran = bench.prune_to("refused", &["--format", "nemotron-nas", "--ratio", "0.4", "--parts", "mlp"]);
    assert!(
        ran.stderr.contains("a multiple of 256") && ran.stderr.contains("set portable"),
        "{}",
        ran.stderr
    );
    assert!(!bench.path("refused").exists());
}
