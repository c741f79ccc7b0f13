//! Messages about damaged or unsuitable checkpoints: one sentence with the file, the tensor and the remedy.

use std::{fs, path::Path};

use crate::tiny_model::{self, checkpoint, config, random_tensors, random_tokens, set, stored};
use candle_core::{DType, Device};
use serde_json::json;
use slimgpt::model::{Checkpoint, Source, StoredTensor};

const CPU: &Device = &Device::Cpu;
const WEIGHTS: &str = "model.safetensors";

fn llama() -> tempfile::TempDir {
    let config = config("llama");
    checkpoint(&config, &random_tensors(&config, 1), DType::F32)
}

/// The message of a failure to open the directory or to load all of it.
fn complaint(directory: &Path) -> String {
    let opened = Checkpoint::open(Source::directory(directory));
    let loaded = opened.and_then(|checkpoint| checkpoint.decoder(8, CPU, DType::F32));
    let sentence = loaded.map(drop).unwrap_err().to_string();
    assert!(!sentence.contains('\n') && !sentence.contains(". "), "not one sentence: {sentence}");
    sentence
}

fn assert_says(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }
}

/// Rewrites the weights with a change to one tensor.
fn with_tensor(change: impl FnOnce(&mut Vec<StoredTensor<'static>>)) -> tempfile::TempDir {
    let config = config("llama");
    let directory = tempfile::tempdir().unwrap();
    let mut tensors = stored(&random_tensors(&config, 1), DType::F32);
    change(&mut tensors);
    tiny_model::write_config(directory.path(), &config);
    tiny_model::write_weights(directory.path(), WEIGHTS, &tensors);
    directory
}

const UP: &str = "model.layers.1.mlp.up_proj.weight";

fn up<'a>(tensors: &'a mut [StoredTensor<'static>]) -> &'a mut StoredTensor<'static> {
    tensors.iter_mut().find(|tensor| tensor.name == UP).unwrap()
}

/// A checkpoint with two shards and an index.
fn sharded() -> tempfile::TempDir {
    let config = config("llama");
    let directory = tempfile::tempdir().unwrap();
    let tensors = stored(&random_tensors(&config, 1), DType::F32);
    let (first, second) = tensors.split_at(7);
    let mut map = serde_json::Map::new();
    for (file, tensors) in
        [("model-00001-of-00002.safetensors", first), ("model-00002-of-00002.safetensors", second)]
    {
        tiny_model::write_weights(directory.path(), file, tensors);
        map.extend(tensors.iter().map(|tensor| (tensor.name.clone(), json!(file))));
    }
    tiny_model::write_config(directory.path(), &config);
    write_index(directory.path(), &json!({ "metadata": {}, "weight_map": map }));
    directory
}

fn write_index(directory: &Path, index: &serde_json::Value) {
    fs::write(directory.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

#[test]
fn shards_contain_the_same_model_as_one_file() {
    let logits = |directory: &Path| {
        let checkpoint = Checkpoint::open(Source::directory(directory)).unwrap();
        let decoder = checkpoint.decoder(8, CPU, DType::F32).unwrap();
        decoder.logits(&[&random_tokens(8, 2)]).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(logits(sharded().path()), logits(llama().path()));
}

#[test]
fn built_in_files_contain_the_same_model_as_a_directory() {
    let directory = llama();
    let file = |name: &'static str| -> (&'static str, &'static [u8]) {
        (name, fs::read(directory.path().join(name)).unwrap().leak())
    };
    let files: &'static [_] = vec![file("config.json"), file(WEIGHTS)].leak();
    let embedded = Checkpoint::open(Source::Embedded(files)).unwrap();
    let mapped = Checkpoint::open(Source::directory(directory.path())).unwrap();
    assert_eq!(embedded.architecture(), mapped.architecture());
    for name in mapped.weights().names() {
        assert_eq!(embedded.weights().raw(name).unwrap().data, mapped.weights().raw(name).unwrap().data);
    }
    assert_says(
        &embedded.tokenizer().unwrap_err().to_string(),
        &["the built-in model has no tokenizer.json"],
    );
    let nothing = Checkpoint::open(Source::Embedded(&[])).unwrap_err().to_string();
    assert_says(&nothing, &["the built-in model has no config.json"]);
}

#[test]
fn all_storage_types_open() {
    let config = config("qwen3");
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let directory = checkpoint(&config, &random_tensors(&config, 1), dtype);
        let checkpoint = Checkpoint::open(Source::directory(directory.path())).unwrap();
        assert_eq!(checkpoint.storage_dtype(UP).unwrap(), dtype);
        for compute in [DType::F32, DType::F16, DType::BF16] {
            let block = checkpoint.block(1, CPU, compute).unwrap();
            assert_eq!(block.o_proj().dtype(), compute);
        }
    }
}

#[test]
fn missing_files_are_named() {
    let nowhere = complaint(Path::new("no/such/directory"));
    assert_says(&nowhere, &["no/such/directory has no config.json"]);

    let directory = llama();
    fs::remove_file(directory.path().join(WEIGHTS)).unwrap();
    assert_says(&complaint(directory.path()), &["has no model.safetensors", "download"]);

    let directory = llama();
    let checkpoint = Checkpoint::open(Source::directory(directory.path())).unwrap();
    assert_says(
        &checkpoint.tokenizer().unwrap_err().to_string(),
        &["has no tokenizer.json", "save_pretrained"],
    );
    fs::write(directory.path().join("tokenizer.json"), "{}").unwrap();
    assert_says(&checkpoint.tokenizer().unwrap_err().to_string(), &["tokenizer.json is not a tokenizer"]);
}

#[test]
fn a_configuration_that_is_not_json_is_named() {
    let directory = llama();
    fs::write(directory.path().join("config.json"), "{ \"model_type\": ").unwrap();
    assert_says(&complaint(directory.path()), &["config.json is not valid JSON"]);
}

#[test]
fn an_unsuitable_model_is_refused_before_its_weights_are_read() {
    for (keys, expected) in [
        (json!({ "model_type": "mamba" }), "model_type \"mamba\" is not supported"),
        (json!({ "quantization_config": { "quant_method": "awq" } }), "(awq)"),
    ] {
        let mut config = config("llama");
        set(&mut config, keys);
        let directory = tempfile::tempdir().unwrap();
        tiny_model::write_config(directory.path(), &config);
        assert_says(&complaint(directory.path()), &[expected]);
    }
}

#[test]
fn damaged_weights_never_panic() {
    let directory = llama();
    let path = directory.path().join(WEIGHTS);
    let whole = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for length in [0, 5, 8, 100, header, header + 1, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_says(&complaint(directory.path()), &["model.safetensors is truncated or damaged", "again"]);
    }
    fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
    assert_says(&complaint(directory.path()), &["model.safetensors is truncated or damaged"]);
    fs::write(&path, [&[0xff; 8], &whole[8..]].concat()).unwrap();
    assert_says(&complaint(directory.path()), &["model.safetensors is truncated or damaged"]);
    for place in (8..header).step_by(13) {
        let mut changed = whole.clone();
        changed[place] ^= 0x15;
        fs::write(&path, changed).unwrap();
        // Any outcome except a panic is accepted: the byte may be padding or part of a name.
        let _ = Checkpoint::open(Source::directory(directory.path()));
    }
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let missing = with_tensor(|tensors| tensors.retain(|tensor| tensor.name != UP));
    assert_says(&complaint(missing.path()), &["has no tensor", UP]);

    let transposed = with_tensor(|tensors| up(tensors).shape = vec![32, 48]);
    assert_says(&complaint(transposed.path()), &[UP, WEIGHTS, "[48, 32]", "found [32, 48]"]);

    for dtype in [DType::U8, DType::F8E4M3, DType::F64, DType::I64] {
        let other = with_tensor(|tensors| {
            let tensor = up(tensors);
            tensor.dtype = dtype;
            tensor.bytes = vec![0; 48 * 32 * dtype.size_in_bytes()].into();
        });
        assert_says(&complaint(other.path()), &[UP, WEIGHTS, "expected F32, F16 or BF16"]);
    }
}

#[test]
fn non_finite_weights_are_named() {
    for (bad, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let directory =
            with_tensor(|tensors| up(tensors).bytes.to_mut()[20..24].copy_from_slice(&bad.to_le_bytes()));
        assert_says(&complaint(directory.path()), &[UP, WEIGHTS, shown, "at element 5"]);
    }
    let large =
        with_tensor(|tensors| up(tensors).bytes.to_mut()[20..24].copy_from_slice(&1e6f32.to_le_bytes()));
    let checkpoint = Checkpoint::open(Source::directory(large.path())).unwrap();
    assert!(checkpoint.block(1, CPU, DType::BF16).is_ok());
    let error = checkpoint.block(1, CPU, DType::F16).unwrap_err().to_string();
    assert_says(&error, &[UP, "1000000", "too large for f16"]);
}

#[test]
fn a_broken_index_is_named() {
    let directory = sharded();
    let second = "model-00002-of-00002.safetensors";
    fs::remove_file(directory.path().join(second)).unwrap();
    assert_says(&complaint(directory.path()), &["model.safetensors.index.json", second, "no such file"]);

    let directory = sharded();
    let path = directory.path().join("model.safetensors.index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let right = index["weight_map"][UP].as_str().unwrap();
    let wrong =
        ["model-00001-of-00002.safetensors", second].into_iter().find(|shard| *shard != right).unwrap();
    index["weight_map"][UP] = json!(wrong);
    write_index(directory.path(), &index);
    assert_says(&complaint(directory.path()), &[&format!("{wrong} has no tensor"), UP]);

    for (index, expected) in [
        (json!({}), "no \"weight_map\""),
        (json!({ "weight_map": { UP: 3 } }), "not a string"),
        (json!({ "weight_map": { UP: "../model.safetensors" } }), "not a plain file name"),
    ] {
        write_index(directory.path(), &index);
        assert_says(
            &complaint(directory.path()),
            &["model.safetensors.index.json is not a shard index", expected],
        );
    }
    fs::write(directory.path().join("model.safetensors.index.json"), "[").unwrap();
    assert_says(&complaint(directory.path()), &["index.json is not valid JSON"]);
}

#[test]
fn tokens_and_lengths_that_do_not_fit_are_errors() {
    let directory = llama();
    let checkpoint = Checkpoint::open(Source::directory(directory.path())).unwrap();
    let decoder = checkpoint.decoder(8, CPU, DType::F32).unwrap();
    let says = |windows: &[&[u32]], expected: &str| {
        assert_says(&decoder.logits(windows).unwrap_err().to_string(), &[expected]);
    };
    says(&[&[1, 50]], "token 50 is outside the vocabulary of 50");
    says(&[&[1, 2], &[3]], "lengths [2, 1]");
    says(&[&[]], "not be empty");
    says(&[], "not be empty");
    says(&[&[0; 9]], "ends at 8");
    assert!(decoder.next(&[], &mut decoder.caches(4)).is_err());
    let no_layer = checkpoint.block(2, CPU, DType::F32).unwrap_err().to_string();
    assert_says(&no_layer, &["layers 0 to 1, but layer 2"]);
}

#[test]
fn a_cached_hub_model_is_named_by_its_id() {
    let cache = tempfile::tempdir().unwrap();
    let snapshot = cache.path().join("models--owner--small-model/snapshots/0123abcd");
    fs::create_dir_all(&snapshot).unwrap();
    assert_eq!(Source::directory(&snapshot).name(), "owner/small-model");
    assert_eq!(
        Source::directory(cache.path().join("models--owner--small-model")).name(),
        "models--owner--small-model"
    );
}
