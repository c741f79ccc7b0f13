//! Bad input: one sentence, exit code 2, no panic, and no partial output.

use std::{fs, io::Write};

use crate::program::{Ran, Workspace, slimgpt};
use serde_json::json;

/// Expects exit code 2, a single line on stderr (apart from progress) that contains all of `parts`, nothing
/// on stdout, and no file.
#[track_caller]
fn refused(bench: &Workspace, ran: &Ran, parts: &[&str]) {
    ended(bench, ran, 2, parts);
}

/// Expects this exit code, one error message, and no file.
#[track_caller]
fn ended(bench: &Workspace, ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    let error = ran.stderr.lines().last().unwrap_or_default();
    assert!(error.starts_with("slimgpt: error: "), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert_eq!(ran.stdout, "");
    let begun = |name: &String| name.contains("out") || name.contains("partial");
    let left: Vec<_> = bench.entries().into_iter().filter(begun).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(!bench.path("model/slim").exists(), "left behind in the model");
}

#[test]
fn a_missing_weights_file_is_named() {
    let bench = Workspace::new();
    fs::remove_file(bench.path("model/model.safetensors")).unwrap();
    refused(&bench, &bench.prune(&[]), &["model.safetensors"]);
}

#[test]
fn a_truncated_weights_file_is_named() {
    let bench = Workspace::new();
    let path = bench.path("model/model.safetensors");
    let bytes = fs::read(&path).unwrap();
    for length in [bytes.len() / 2, 100, 4, 0] {
        fs::write(&path, &bytes[..length]).unwrap();
        refused(&bench, &bench.prune(&[]), &["model.safetensors"]);
    }
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let bench = Workspace::new();
    bench.change_weights(|name, shape, data| {
        if name == "model.layers.3.mlp.down_proj.weight" {
            shape[1] -= 1;
            data.truncate(data.len() - 2 * shape[0]);
        }
        true
    });
    refused(&bench, &bench.prune(&[]), &["model.layers.3.mlp.down_proj.weight"]);
}

#[test]
fn a_missing_tensor_is_named() {
    let bench = Workspace::new();
    bench.change_weights(|name, _, _| name != "model.layers.5.self_attn.k_proj.weight");
    refused(&bench, &bench.prune(&[]), &["model.layers.5.self_attn.k_proj.weight"]);
}

#[test]
fn a_missing_shard_is_named() {
    let bench = Workspace::new();
    let weights = bench.path("model/model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    let names = safetensors::SafeTensors::deserialize(&bytes)
        .unwrap()
        .names()
        .into_iter()
        .map(String::from)
        .collect::<Vec<_>>();
    fs::rename(&weights, bench.path("model/model-00001-of-00002.safetensors")).unwrap();
    let map: serde_json::Map<_, _> = names
        .iter()
        .enumerate()
        .map(|(i, name)| (name.clone(), json!(format!("model-0000{}-of-00002.safetensors", i % 2 + 1))))
        .collect();
    let index = json!({ "metadata": {}, "weight_map": map });
    fs::write(bench.path("model/model.safetensors.index.json"), index.to_string()).unwrap();
    refused(&bench, &bench.prune(&[]), &["model-00002-of-00002.safetensors"]);
}

#[test]
fn an_unknown_family_is_refused_by_name_with_what_is_supported() {
    let bench = Workspace::new();
    bench.configure("model_type", json!("mamba"));
    refused(&bench, &bench.prune(&[]), &["mamba", "llama", "mistral", "qwen2", "qwen3"]);
}

#[test]
fn a_quantised_checkpoint_is_refused() {
    let bench = Workspace::new();
    bench.configure("quantization_config", json!({ "quant_method": "gptq", "bits": 4 }));
    refused(&bench, &bench.prune(&[]), &["quantis"]);
}

#[test]
fn a_configuration_that_is_not_json_is_named() {
    let bench = Workspace::new();
    fs::write(bench.path("model/config.json"), "{ \"model_type\": ").unwrap();
    refused(&bench, &bench.prune(&[]), &["config.json"]);
}

#[test]
fn a_model_without_tokenizer_is_refused() {
    let bench = Workspace::new();
    fs::remove_file(bench.path("model/tokenizer.json")).unwrap();
    refused(&bench, &bench.prune(&[]), &["tokenizer.json"]);
}

#[test]
fn a_missing_model_is_refused() {
    let bench = Workspace::new();
    let ran = slimgpt(&["prune", "no such model", "--out", &bench.text("out")]);
    refused(&bench, &ran, &["no such model", "hub id"]);
}

#[test]
fn an_empty_text_is_refused() {
    let bench = Workspace::new();
    fs::write(bench.path("text.txt"), "").unwrap();
    refused(&bench, &bench.prune(&[]), &["text.txt"]);
}

#[test]
fn a_text_that_is_not_utf8_is_refused_with_the_position() {
    let bench = Workspace::new();
    fs::write(bench.path("text.txt"), b"fine \xff\xfe not").unwrap();
    refused(&bench, &bench.prune(&[]), &["text.txt", "UTF-8", "byte 5"]);
}

#[test]
fn too_little_text_is_reported_with_the_found_and_the_required_amount() {
    let bench = Workspace::new();
    fs::write(bench.path("text.txt"), "One day a fox ran.").unwrap();
    refused(&bench, &bench.prune(&[]), &["tokens", "71"]);
}

#[test]
fn no_calibration_text_is_an_error() {
    let bench = Workspace::new();
    let ran = slimgpt(&["prune", &bench.text("model"), "--out", &bench.text("out")]);
    refused(&bench, &ran, &["--calibration"]);
}

#[test]
fn an_unknown_settings_key_is_named_with_file_and_line() {
    let bench = Workspace::new();
    let mut file = fs::File::create(bench.path("run.toml")).unwrap();
    write!(file, "ratio = 0.2\nrato = 0.3\n").unwrap();
    refused(&bench, &bench.prune(&["--config", &bench.text("run.toml")]), &["run.toml", "line 2", "rato"]);
}

#[test]
fn a_ratio_out_of_range_is_refused_by_name() {
    let bench = Workspace::new();
    for ratio in ["1", "-0.5", "1.5", "nan"] {
        refused(&bench, &bench.prune(&[&format!("--ratio={ratio}")]), &["ratio"]);
    }
    // The ratio is valid as a mean, but the resulting ratio of the last layer is not.
    refused(&bench, &bench.prune(&["--ratio", "0.9"]), &["ratio"]);
}

#[test]
fn a_schedule_for_another_number_of_layers_is_refused() {
    let bench = Workspace::new();
    fs::write(bench.path("ratios.txt"), "0.1 0.2 0.3").unwrap();
    refused(&bench, &bench.prune(&["--schedule", &bench.text("ratios.txt")]), &["3 ratios for 12 layers"]);
}

#[test]
fn layers_out_of_range_are_refused() {
    let bench = Workspace::new();
    refused(&bench, &bench.prune(&["--layers", "3..99"]), &["3..99"]);
}

#[test]
fn an_output_inside_the_model_is_refused() {
    let bench = Workspace::new();
    let ran = bench.prune_to("model/slim", &[]);
    refused(&bench, &ran, &["model/slim", "--out"]);
    assert!(!bench.path("model/slim").exists());
}

#[test]
fn an_existing_output_is_kept_without_force() {
    let bench = Workspace::new();
    fs::create_dir(bench.path("there")).unwrap();
    fs::write(bench.path("there/precious"), "x").unwrap();
    refused(&bench, &bench.prune_to("there", &[]), &["--force"]);
    assert!(bench.path("there/precious").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_refused() {
    let bench = Workspace::new();
    let ran = bench.prune_to("text.txt/slim", &[]);
    refused(&bench, &ran, &["text.txt"]);
    // A path on a file system that is read-only even for root.
    let model = bench.text("model");
    let text = bench.text("text.txt");
    let ran = slimgpt(&[
        "prune",
        &model,
        "--calibration",
        &text,
        "--samples",
        "8",
        "--seq-len",
        "64",
        "--out",
        "/proc/slim/out",
    ]);
    refused(&bench, &ran, &["/proc/slim", "cannot be written"]);
}

/// A full disk, simulated by a limit on file sizes: writing fails in the middle of the weights.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_no_files_behind() {
    let bench = Workspace::new();
    let command = format!(
        "trap '' XFSZ; ulimit -f 500; exec {} prune {} --calibration {} --samples 8 --seq-len 64 --no-session --out {}",
        env!("CARGO_BIN_EXE_slimgpt"),
        bench.text("model"),
        bench.text("text.txt"),
        bench.text("out"),
    );
    let ran: Ran = std::process::Command::new("bash").args(["-c", &command]).output().unwrap().into();
    ended(&bench, &ran, 1, &[&format!("output {}", bench.text("out")), "cannot be written"]);
}

#[test]
fn weights_that_are_not_numbers_are_refused_by_name() {
    let bench = Workspace::new();
    bench.change_weights(|name, _, data| {
        if name == "model.layers.2.mlp.up_proj.weight" {
            data[..2].copy_from_slice(&half::f16::NAN.to_le_bytes());
        }
        true
    });
    refused(&bench, &bench.prune(&[]), &["model.layers.2.mlp.up_proj.weight"]);
}

/// The weights are finite, but their product overflows: gate and up of one layer have the largest values of
/// their type.
#[test]
fn activations_that_are_not_finite_fail_with_their_layer() {
    let bench = Workspace::new();
    bench.change_weights(|name, _, data| {
        if name.starts_with("model.layers.2.") {
            for value in data.chunks_exact_mut(2) {
                let large = half::f16::from_le_bytes([value[0], value[1]]).to_f32().signum() * 6e4;
                value.copy_from_slice(&half::f16::from_f32(large).to_le_bytes());
            }
        }
        true
    });
    ended(&bench, &bench.prune(&["--dtype", "f16"]), 1, &["layer 2"]);
}

#[test]
fn a_window_longer_than_the_context_of_the_model_is_refused() {
    let bench = Workspace::new();
    let ran =
        slimgpt(&["eval", &bench.text("model"), "--text", &bench.text("text.txt"), "--seq-len", "100000"]);
    refused(&bench, &ran, &["seq-len"]);
}

#[test]
fn an_evaluation_text_shorter_than_a_window_is_refused() {
    let bench = Workspace::new();
    fs::write(bench.path("short.txt"), "A fox.").unwrap();
    let ran = slimgpt(&["eval", &bench.text("model"), "--text", &bench.text("short.txt")]);
    refused(&bench, &ran, &["short.txt", "128"]);
}

#[test]
fn windows_too_short_to_predict_a_token_are_refused() {
    let bench = Workspace::new();
    for length in ["0", "1"] {
        let ran =
            slimgpt(&["eval", &bench.text("model"), "--text", &bench.text("text.txt"), "--seq-len", length]);
        refused(&bench, &ran, &["seq-len: expected at least 2"]);
        refused(
            &bench,
            &bench.prune(&["--eval", &bench.text("text.txt"), "--eval-seq-len", length]),
            &["eval-seq-len"],
        );
    }
}

#[test]
fn sampling_parameters_that_exclude_every_token_are_refused() {
    let bench = Workspace::new();
    for (flag, value) in [("top-k", "0"), ("top-p", "0"), ("temperature", "nan"), ("repeat-penalty", "0")] {
        let ran =
            slimgpt(&["generate", &bench.text("model"), "--prompt", "One", &format!("--{flag}={value}")]);
        refused(&bench, &ran, &[&format!("{flag}: expected")]);
    }
}

#[test]
fn an_output_of_another_program_is_not_replaced() {
    let bench = Workspace::new();
    fs::create_dir(bench.path("there")).unwrap();
    fs::write(bench.path("there/precious"), "x").unwrap();
    refused(&bench, &bench.prune_to("there", &["--force"]), &["run.json"]);
    refused(&bench, &bench.prune_to("text.txt", &["--force"]), &["run.json"]);
    assert!(bench.path("there/precious").exists() && bench.path("text.txt").exists());
}

#[test]
fn a_refused_run_keeps_an_earlier_recording() {
    let bench = Workspace::new();
    fs::write(bench.path("events.jsonl"), "earlier").unwrap();
    refused(
        &bench,
        &bench.prune(&["--layers", "3..99", "--events", &bench.text("events.jsonl")]),
        &["3..99"],
    );
    assert_eq!(fs::read_to_string(bench.path("events.jsonl")).unwrap(), "earlier");
    refused(&bench, &bench.prune(&["--events", &bench.text("out/events.jsonl")]), &["events.jsonl"]);
}

#[test]
fn an_unavailable_device_is_refused() {
    let bench = Workspace::new();
    refused(&bench, &bench.prune(&["--device", "cuda:63"]), &["cuda:63"]);
}

#[test]
fn unknown_flags_and_values_exit_with_2() {
    for arguments in
        [&["prune", "--nonsense"][..], &["prune", "--out", "x", "--head-score", "best"], &["frobnicate"]]
    {
        assert_eq!(slimgpt(arguments).code, Some(2), "{arguments:?}");
    }
}

#[test]
fn settings_that_remove_nothing_are_refused_before_the_run() {
    let bench = Workspace::new();
    for (more, parts) in [
        (&["--channel-multiple", "512"][..], &["channel-multiple", "at most 320", "512"][..]),
        (&["--schedule", "uniform", "--ratio", "0.97"], &["0.97", "largest share is 0.95"]),
        (&["--schedule", "auto", "--ratio", "0.97"], &["0.97", "schedule auto", "largest share is 0.95"]),
        (&["--ratio", "0.85"], &["mean of 0.85", "largest mean", "uniform"]),
        (&["--ratio", "0.02", "--parts", "attention"], &["attention loses nothing", "raise the ratio"]),
    ] {
        let session = bench.text("session");
        refused(&bench, &bench.prune(&[more, &["--session", &session]].concat()), parts);
        assert!(!bench.path("session").exists(), "{more:?}");
    }
}

#[test]
fn a_part_that_keeps_everything_is_named_before_the_run() {
    let bench = Workspace::new();
    let ran =
        bench.prune(&["--ratio", "0.03", "--schedule", "uniform", "--by-parameters=false", "--no-session"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("attention loses nothing"), "{}", ran.stderr);
}

#[test]
fn a_negative_number_is_refused_by_its_own_flag() {
    let bench = Workspace::new();
    for (more, parts) in [
        (["--ratio", "-0.1"], ["ratio", "-0.1"]),
        (["--damping", "-1"], ["damping", "-1"]),
        (["--first-ratio", "-0.5"], ["first-ratio", "-0.5"]),
        (["--ratio", "-.5"], ["ratio", "-0.5"]),
        (["--damping", "-1e3"], ["damping", "-1000"]),
        (["--damping", "-inf"], ["damping", "-inf"]),
    ] {
        let more = match more {
            ["--first-ratio", value] => vec!["--first-ratio", value, "--last-ratio", "0.3"],
            [flag, value] => vec![flag, value],
        };
        refused(&bench, &bench.prune(&more), &parts);
    }
    let samples = bench.prune(&["--samples", "-4"]);
    assert_eq!(samples.code, Some(2));
    assert!(samples.stderr.contains("'-4' for '--samples"), "{}", samples.stderr);
    let ran = slimgpt(&["generate", "--prompt", "x", "--temperature", "-1"]);
    refused(&bench, &ran, &["temperature", "-1"]);
}

#[test]
fn git_lfs_pointers_are_named_with_the_command_that_fetches_the_files() {
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 12345\n", 7);
    for name in ["model.safetensors", "pytorch_model.bin", "config.json", "tokenizer.json"] {
        let bench = Workspace::new();
        if name == "pytorch_model.bin" {
            fs::remove_file(bench.path("model/model.safetensors")).unwrap();
        }
        fs::write(bench.path("model").join(name), &pointer).unwrap();
        refused(&bench, &bench.prune(&[]), &[name, "git-lfs pointer", "12345 bytes", "git lfs pull"]);
    }
}

#[test]
fn missing_tensors_are_refused_only_if_they_are_needed() {
    let bench = Workspace::new();
    let weights = bench.path("model/model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let shard = "model-00001-of-00001.safetensors";
    let mut map: serde_json::Map<_, _> =
        file.names().into_iter().map(|name| (name.to_owned(), json!(shard))).collect();
    fs::rename(&weights, bench.path("model").join(shard)).unwrap();
    map.insert("model.layers.0.self_attn.rotary_emb.inv_freq".into(), json!(shard));
    let write = |map: &serde_json::Map<String, serde_json::Value>| {
        let index = json!({ "metadata": {}, "weight_map": map }).to_string();
        fs::write(bench.path("model/model.safetensors.index.json"), index).unwrap();
    };
    write(&map);
    let ran = slimgpt(&["inspect", &bench.text("model")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let needed = "model.layers.3.mlp.up_proj.weight";
    let tensors: Vec<_> = file.tensors().into_iter().filter(|(name, _)| name != needed).collect();
    safetensors::serialize_to_file(tensors, None, &bench.path("model").join(shard)).unwrap();
    refused(&bench, &bench.prune(&[]), &[needed, shard]);
}
