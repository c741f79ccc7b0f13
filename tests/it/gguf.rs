//! GGUF files: candle's reader and our own read back the same numbers, and models that llama.cpp cannot load are
//! refused.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use crate::tiny_model;
use candle_core::{DType, Device, Tensor, quantized::gguf_file::Content};
use serde_json::{Value, json};
use slimgpt::{
    export::{Error, Format, GgufType, OutputDir, OutputForm, Writer, check, gguf_file_name},
    model::{self, BlockByBlock, Checkpoint, LayerSize, Shapes, Source, block_tensors},
};
use tempfile::TempDir;

/// A tokenizer of byte-level BPE without merges, for a vocabulary of 50 tokens.
fn tokenizer() -> Value {
    let characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST".chars();
    let special = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let vocabulary: serde_json::Map<String, Value> = special
        .into_iter()
        .chain(characters.map(String::from))
        .enumerate()
        .map(|(id, text)| (text, json!(id)))
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "added_tokens": [],
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary, "merges": [],
        },
    })
}

fn opened(file: &Path) -> Result<Checkpoint, model::Error> {
    Checkpoint::open(Source::gguf(file)?)
}

struct Model {
    directory: TempDir,
    checkpoint: Checkpoint,
}

fn model(family: &str, keys: Value) -> Model {
    let mut config = tiny_model::config(family);
    tiny_model::set(&mut config, keys);
    let tensors = tiny_model::random_tensors(&config, 7);
    let directory = tiny_model::checkpoint(&config, &tensors, DType::F32);
    std::fs::write(directory.path().join("tokenizer.json"), tokenizer().to_string()).unwrap();
    let checkpoint = Checkpoint::open(Source::directory(directory.path())).unwrap();
    Model { directory, checkpoint }
}

impl Model {
    /// Writes the model unpruned, with the layer sizes of the checkpoint.
    fn written(&self, kind: GgufType) -> Result<(PathBuf, Vec<String>), Error> {
        let form = OutputForm { formats: vec![Format::Gguf], gguf_type: kind, ..OutputForm::default() };
        let target = self.directory.path().join(format!("out-{kind}"));
        let out = OutputDir::create(&target, false, None, |_| Ok::<(), Error>(()))?;
        let mut writer = Writer::begin(&self.checkpoint, self.checkpoint.architecture().clone(), form, &out)?;
        for layer in 0..self.checkpoint.architecture().layers.len() {
            let tensors = block_tensors(&self.checkpoint, layer, None, None, Shapes::Narrow)?;
            writer.add(&out, Shapes::Narrow, tensors)?;
        }
        let notices = writer.finish(&out)?.notices;
        let file = out.publish()?.path.join(gguf_file_name(&self.checkpoint, kind));
        Ok((file, notices))
    }

    fn refusal(&self) -> String {
        let form = OutputForm { formats: vec![Format::Gguf], ..OutputForm::default() };
        check(&self.checkpoint, self.checkpoint.architecture(), &form).unwrap_err().to_string()
    }
}

/// logits: [tokens, vocabulary]
fn logits(model: &dyn BlockByBlock) -> Tensor {
    let (device, dtype) = (Device::Cpu, DType::F32);
    let tokens = tiny_model::random_tokens(40, 3);
    let ends = model.embedding_and_head(&device, dtype).unwrap();
    let rope = model.rope(tokens.len(), &device, dtype).unwrap();
    let mut h = ends.embed(&[&tokens]).unwrap();
    for layer in 0..model.architecture().layers.len() {
        h = model.block(layer, &device, dtype).unwrap().forward(&h, &rope).unwrap();
    }
    ends.logits(&h).unwrap().squeeze(0).unwrap()
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

fn per_layer() -> Value {
    json!({ "per_layer_config": {
        "0": { "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 40 },
        "1": { "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 33 },
    } })
}

#[test]
fn a_written_file_computes_the_same_logits() {
    let llama3 = json!({ "rope_scaling": { "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 16 } });
    let linear =
        json!({ "rope_scaling": { "rope_type": "linear", "factor": 4.0 }, "tie_word_embeddings": true });
    let biased = json!({ "attention_bias": true, "mlp_bias": true });
    let cases = [
        ("llama", json!({}), "llama"),
        ("llama", per_layer(), "deci"),
        ("llama", llama3, "llama"),
        ("llama", linear, "llama"),
        ("llama", biased, "llama"),
        ("mistral", per_layer(), "deci"),
        ("qwen2", json!({}), "qwen2"),
        ("qwen2", json!({ "head_dim": 16 }), "llama"),
        ("qwen2", per_layer(), "deci"),
        ("qwen3", json!({}), "qwen3"),
    ];
    for (family, keys, expected) in cases {
        let model = model(family, keys.clone());
        let (file, notices) = model.written(GgufType::F32).unwrap();
        let content = Content::read(&mut File::open(&file).unwrap()).unwrap();
        assert_eq!(
            content.metadata["general.architecture"].to_string().unwrap(),
            expected,
            "{family} {keys}"
        );
        let apart = difference(&logits(&model.checkpoint), &logits(&opened(&file).unwrap()));
        assert!(apart < 1e-5, "{family} {keys}: {apart}");
        assert!(notices.is_empty(), "{notices:?}");
    }
}

#[test]
fn smaller_types_are_read_back_close_to_the_original() {
    let sizes = json!({ "hidden_size": 256, "intermediate_size": 300, "num_attention_heads": 4 });
    let model = model("llama", sizes);
    let exact = logits(&model.checkpoint);
    let spread = exact.abs().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
    for (kind, tolerance) in [(GgufType::F16, 0.01), (GgufType::Q8_0, 0.1), (GgufType::Q4K, 1.0)] {
        let (file, notices) = model.written(kind).unwrap();
        let apart = difference(&exact, &logits(&opened(&file).unwrap())) / spread;
        assert!(apart < tolerance && apart > 1e-5, "{kind}: {apart}");
        // 300 channels are not divisible by 32 or 256.
        let told =
            notices.iter().any(|notice| notice.contains("2 as f16") && notice.contains("channel-multiple"));
        assert_eq!(told, matches!(kind, GgufType::Q8_0 | GgufType::Q4K), "{kind}: {notices:?}");
    }
}

#[test]
fn every_tensor_has_the_requested_type_and_vectors_stay_f32() {
    use candle_core::quantized::GgmlDType;
    let model =
        model("llama", json!({ "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4 }));
    // The embedding, the values and the output projections have a more precise type.
    for (kind, projection, finer) in [
        (GgufType::F32, GgmlDType::F32, GgmlDType::F32),
        (GgufType::F16, GgmlDType::F16, GgmlDType::F16),
        (GgufType::Q8_0, GgmlDType::Q8_0, GgmlDType::Q8_0),
        (GgufType::Q4K, GgmlDType::Q4K, GgmlDType::Q6K),
    ] {
        let (file, _) = model.written(kind).unwrap();
        let content = Content::read(&mut File::open(&file).unwrap()).unwrap();
        let dtype = |name: &str| content.tensor_infos[name].ggml_dtype;
        for name in ["blk.0.attn_q.weight", "blk.1.attn_output.weight", "blk.1.ffn_up.weight"] {
            assert_eq!(dtype(name), projection, "{name}");
        }
        for name in ["token_embd.weight", "output.weight", "blk.0.attn_v.weight", "blk.1.ffn_down.weight"] {
            assert_eq!(dtype(name), finer, "{name}");
        }
        assert_eq!(
            (dtype("blk.0.attn_norm.weight"), dtype("output_norm.weight")),
            (GgmlDType::F32, GgmlDType::F32)
        );
    }
}

#[test]
fn sizes_per_layer_are_lists_and_the_head_size_is_always_written() {
    let model = model("llama", per_layer());
    let (file, _) = model.written(GgufType::F16).unwrap();
    let content = Content::read(&mut File::open(&file).unwrap()).unwrap();
    let list = |key: &str| -> Vec<u32> {
        content.metadata[key].to_vec().unwrap().iter().map(|value| value.to_u32().unwrap()).collect()
    };
    assert_eq!(list("deci.attention.head_count"), [2, 3]);
    assert_eq!(list("deci.attention.head_count_kv"), [1, 3]);
    assert_eq!(list("deci.feed_forward_length"), [40, 33]);
    for key in ["deci.attention.key_length", "deci.attention.value_length", "deci.rope.dimension_count"] {
        assert_eq!(content.metadata[key].to_u32().unwrap(), 8, "{key}");
    }
    assert_eq!(content.metadata["tokenizer.ggml.tokens"].to_vec().unwrap().len(), 50);
    assert_eq!(content.metadata["tokenizer.ggml.eos_token_id"].to_u32().unwrap(), 2);
    assert!(!content.metadata["tokenizer.ggml.add_bos_token"].to_bool().unwrap());
}

#[test]
fn a_sliding_window_limits_the_context_with_a_warning() {
    let model = model("mistral", json!({ "sliding_window": 20 }));
    let (file, notices) = model.written(GgufType::F32).unwrap();
    assert_eq!(opened(&file).unwrap().architecture().max_positions, 20);
    assert!(notices[0].contains("20 tokens") && notices[0].contains("512"), "{notices:?}");
}

#[test]
fn models_that_llama_cpp_cannot_express_are_refused_with_a_remedy() {
    let qwen3 = model("qwen3", per_layer()).refusal();
    assert!(qwen3.contains("layer 1") && qwen3.contains("set uniform, or export as hf or padded"), "{qwen3}");
    let biased = model("qwen3", json!({ "attention_bias": true })).refusal();
    assert!(biased.contains("o_proj"), "{biased}");
    let narrow =
        model("llama", json!({ "per_layer_config": { "1": { "intermediate_size": 31 } } })).refusal();
    assert!(
        narrow.contains("layer 1 has 31 channels") && narrow.contains("set channel-multiple to 32"),
        "{narrow}"
    );
    let endless = model("llama", json!({ "eos_token_id": null })).refusal();
    assert!(endless.contains("eos_token_id"), "{endless}");
}

#[test]
fn planned_sizes_and_tokenizers_are_checked_before_anything_is_written() {
    let Model { directory, checkpoint } = model("qwen3", json!({}));
    let form = OutputForm { formats: vec![Format::Gguf], ..OutputForm::default() };
    let whole = checkpoint.architecture();
    check(&checkpoint, whole, &form).unwrap();
    let mut sizes = whole.layers.clone();
    sizes[1] = LayerSize { channels: 40, ..sizes[1] };
    assert!(check(&checkpoint, &whole.with_layers(sizes), &form).is_err());
    let mut unigram = tokenizer();
    unigram["pre_tokenizer"] = json!({ "type": "Whitespace" });
    std::fs::write(directory.path().join("tokenizer.json"), unigram.to_string()).unwrap();
    let error = check(&checkpoint, whole, &form).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json") && error.contains("Whitespace"), "{error}");
}

#[test]
fn the_error_for_a_truncated_file_names_it() {
    let model = model("llama", json!({}));
    let (file, _) = model.written(GgufType::F32).unwrap();
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 200]).unwrap();
    let error = opened(&file).err().unwrap().to_string();
    assert!(error.contains("gguf"), "{error}");
}
