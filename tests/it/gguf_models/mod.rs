//! GGUF files as models: quantised weights, positions and refusals. candle writes the files.

mod program;
mod tokenizers;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{program::Workspace, program::slimgpt as run, tiny_model};
use candle_core::{
    DType, Device, Tensor,
    quantized::{
        GgmlDType, QTensor,
        gguf_file::{self, Value},
    },
};
use serde_json::{Value as Json, json};
use slimgpt::model::{Architecture, BlockByBlock, Checkpoint, RopeScaling, Source};
use tempfile::TempDir;

const TYPES: [GgmlDType; 13] = [
    GgmlDType::F32,
    GgmlDType::F16,
    GgmlDType::BF16,
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q8_0,
    GgmlDType::Q2K,
    GgmlDType::Q3K,
    GgmlDType::Q4K,
    GgmlDType::Q5K,
    GgmlDType::Q6K,
];

/// A GGUF file in a temporary directory.
struct Written {
    directory: TempDir,
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, QTensor>,
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn texts<T: AsRef<str>>(texts: &[T]) -> Value {
    Value::Array(texts.iter().map(|one| text(one.as_ref())).collect())
}

/// The name in llama.cpp.
fn own_name(name: &str) -> String {
    let ends = [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];
    let inside = [
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    let mut own = name.replace("model.layers.", "blk.");
    for (known, other) in ends.into_iter().chain(inside) {
        own = own.replace(known, other);
    }
    own
}

/// [heads · head_dim, ..] with the halves of every head interleaved, or back.
fn interleaved(tensor: &Tensor, head_dim: usize, back: bool) -> Tensor {
    let (rows, columns) = tensor.dims2().unwrap();
    let sides = if back { (head_dim / 2, 2) } else { (2, head_dim / 2) };
    let split = tensor.reshape((rows / head_dim, sides.0, sides.1, columns)).unwrap();
    split.transpose(1, 2).unwrap().contiguous().unwrap().reshape((rows, columns)).unwrap()
}

fn is_rotated(name: &str) -> bool {
    name.contains("q_proj") || name.contains("k_proj")
}

fn config() -> Json {
    let mut config = tiny_model::config("llama");
    let sizes = json!({ "hidden_size": 256, "num_attention_heads": 4, "head_dim": 64, "intermediate_size": 256,
        "num_hidden_layers": 1, "eos_token_id": 2 });
    tiny_model::set(&mut config, sizes);
    config
}

impl Written {
    /// A llama of one layer, whose matrices are stored in this type.
    fn llama(kind: GgmlDType) -> Self {
        let mut tensors = BTreeMap::new();
        for (name, (shape, numbers)) in tiny_model::random_tensors(&config(), 5) {
            let mut tensor = Tensor::from_vec(numbers, shape.clone(), &Device::Cpu).unwrap();
            if is_rotated(&name) {
                tensor = interleaved(&tensor, 64, false);
            }
            let kind = if shape.len() == 1 { GgmlDType::F32 } else { kind };
            tensors.insert(own_name(&name), QTensor::quantize(&tensor, kind).unwrap());
        }
        let count = |count: u32| Value::U32(count);
        let metadata = [
            ("general.architecture", text("llama")),
            ("llama.block_count", count(1)),
            ("llama.context_length", count(512)),
            ("llama.embedding_length", count(256)),
            ("llama.feed_forward_length", count(256)),
            ("llama.attention.head_count", count(4)),
            ("llama.attention.head_count_kv", count(2)),
            ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
            ("llama.rope.freq_base", Value::F32(10000.0)),
            ("llama.rope.dimension_count", count(64)),
        ];
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { directory: tempfile::tempdir().unwrap(), metadata, tensors }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.metadata.insert(key.to_owned(), value);
        self
    }

    /// With an embedding and a head of this many rows, all zeros.
    fn with_rows(mut self, rows: usize) -> Self {
        for name in ["token_embd.weight", "output.weight"] {
            let zeros = Tensor::zeros((rows, 256), DType::F32, &Device::Cpu).unwrap();
            self.tensors.insert(name.into(), QTensor::quantize(&zeros, GgmlDType::F32).unwrap());
        }
        self
    }

    fn with_vector(mut self, name: &str, numbers: &[f32]) -> Self {
        let tensor = Tensor::new(numbers, &Device::Cpu).unwrap();
        self.tensors.insert(name.to_owned(), QTensor::quantize(&tensor, GgmlDType::F32).unwrap());
        self
    }

    fn file(&self) -> PathBuf {
        self.file_named("tiny-model.gguf")
    }

    fn file_named(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        let metadata: Vec<(&str, &Value)> =
            self.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<(&str, &QTensor)> =
            self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut File::create(&path).unwrap(), &metadata, &tensors).unwrap();
        path
    }

    fn opened(&self) -> Checkpoint {
        Checkpoint::open(Source::gguf(&self.file()).unwrap()).unwrap()
    }

    fn refusal(&self) -> String {
        let opened = Source::gguf(&self.file()).and_then(Checkpoint::open);
        opened.unwrap_err().to_string()
    }

    /// The same model as a directory, with the dequantised numbers in f32.
    fn dequantised(&self) -> Checkpoint {
        let mut tensors = tiny_model::random_tensors(&config(), 5);
        for (name, (_, numbers)) in &mut tensors {
            let mut tensor = self.tensors[&own_name(name)].dequantize(&Device::Cpu).unwrap();
            if is_rotated(name) {
                tensor = interleaved(&tensor, 64, true);
            }
            *numbers = tensor.flatten_all().unwrap().to_vec1().unwrap();
        }
        let directory = tiny_model::checkpoint(&config(), &tensors, DType::F32);
        Checkpoint::open(Source::directory(directory.path())).unwrap()
    }
}

/// [tokens · vocabulary]
fn logits(model: &dyn BlockByBlock) -> Vec<f32> {
    let (device, dtype) = (Device::Cpu, DType::F32);
    let tokens = tiny_model::random_tokens(30, 3);
    let ends = model.embedding_and_head(&device, dtype).unwrap();
    let rope = model.rope(tokens.len(), &device, dtype).unwrap();
    let mut h = ends.embed(&[&tokens]).unwrap();
    for layer in 0..model.architecture().layers.len() {
        h = model.block(layer, &device, dtype).unwrap().forward(&h, &rope).unwrap();
    }
    ends.logits(&h).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn every_stored_type_gives_the_logits_of_its_dequantised_numbers() {
    for kind in TYPES {
        let written = Written::llama(kind);
        let (opened, dequantised) = (written.opened(), written.dequantised());
        assert_eq!(logits(&opened), logits(&dequantised), "{kind:?}");
        for name in dequantised.weights().names() {
            let raw = opened.weights().raw(name).unwrap();
            let numbers = match raw.dtype {
                DType::F32 => raw.data.to_vec(),
                dtype => {
                    let tensor = Tensor::from_raw_buffer(&raw.data, dtype, raw.shape, &Device::Cpu).unwrap();
                    let numbers = tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap();
                    numbers.to_vec1::<f32>().unwrap().into_iter().flat_map(f32::to_le_bytes).collect()
                }
            };
            assert!(numbers == *dequantised.weights().raw(name).unwrap().data, "{kind:?} {name}");
        }
        let tokens = [3, 7, 3];
        let rows = |model: &Checkpoint| -> Vec<f32> {
            let rows = model.embed(&[&tokens], &Device::Cpu, DType::F32).unwrap();
            rows.flatten_all().unwrap().to_vec1().unwrap()
        };
        assert_eq!(rows(&opened), rows(&dequantised), "{kind:?}");
    }
}

#[test]
fn quantised_types_are_named() {
    let checkpoint = Written::llama(GgmlDType::Q5K).opened();
    assert_eq!(checkpoint.stored_types().unwrap(), ["f32", "q5_k"]);
    assert_eq!(checkpoint.quantised_types().unwrap(), ["q5_k"]);
    assert_eq!(checkpoint.name(), "tiny-model");
    let plain = Written::llama(GgmlDType::F16).opened();
    assert!(plain.quantised_types().unwrap().is_empty());
    assert_eq!(plain.storage_dtype("model.layers.0.mlp.up_proj.weight").unwrap(), DType::F16);
}

#[test]
fn a_file_without_a_head_is_tied_and_defaults_are_those_of_llama_cpp() {
    let mut written = Written::llama(GgmlDType::F32);
    written.tensors.remove("output.weight");
    written.metadata.remove("llama.rope.freq_base");
    written.metadata.remove("llama.rope.dimension_count");
    let architecture = written.opened().architecture().clone();
    assert!(architecture.tied);
    assert_eq!((architecture.rope.theta, architecture.head_dim), (1e4, 64));
    assert_eq!(architecture.norm_eps, 1e-5);
}

#[test]
fn factors_of_the_frequencies_are_the_scaling_of_llama_3() {
    let mut config = config();
    let scaling = json!({ "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64 });
    let plain = Architecture::from_config(&config).unwrap().rope;
    tiny_model::set(&mut config, json!({ "rope_scaling": scaling }));
    let scaled = Architecture::from_config(&config).unwrap().rope;
    let frequencies = |rope| slimgpt::model::frequencies(rope, 64);
    let factors: Vec<f32> =
        frequencies(&plain).iter().zip(frequencies(&scaled)).map(|(plain, scaled)| plain / scaled).collect();
    let opened = Written::llama(GgmlDType::F32).with_vector("rope_freqs.weight", &factors).opened();
    assert_eq!(opened.architecture().rope.scaling, scaled.scaling);
}

#[test]
fn linear_positions_are_read_under_both_keys() {
    for written in [
        Written::llama(GgmlDType::F32)
            .with("llama.rope.scaling.type", text("linear"))
            .with("llama.rope.scaling.factor", Value::F32(4.0)),
        Written::llama(GgmlDType::F32).with("llama.rope.scale_linear", Value::F32(4.0)),
    ] {
        assert_eq!(written.opened().architecture().rope.scaling, RopeScaling::Linear { factor: 4.0 });
    }
}

#[test]
fn unsupported_features_are_refused_by_name() {
    let base = || Written::llama(GgmlDType::F32);
    let mut without_key = base();
    without_key.metadata.remove("llama.block_count");
    let mut without_tensor = base();
    without_tensor.tensors.remove("blk.0.ffn_up.weight");
    let mut narrow = base();
    let short = Tensor::zeros((50, 128), DType::F32, &Device::Cpu).unwrap();
    let short = QTensor::quantize(&short, GgmlDType::F32).unwrap();
    narrow.tensors.insert("output.weight".into(), short);
    for (written, words) in [
        (base().with("general.architecture", text("gemma2")), ["\"gemma2\"", "llama, deci, qwen2, qwen3"]),
        (base().with("llama.expert_count", Value::U32(8)), ["llama.expert_count = 8", "not supported"]),
        (base().with("llama.rope.dimension_count", Value::U32(32)), ["rope.dimension_count = 32", "64"]),
        (base().with("llama.attention.head_count", Value::U32(0)), ["head_count\"", "found 0"]),
        (base().with("llama.attention.head_count", text("4")), ["head_count\"", "found \"4\""]),
        (without_key, ["no \"llama.block_count\"", "tiny-model.gguf"]),
        (without_tensor, ["no tensor model.layers.0.mlp.up_proj.weight", "tiny-model.gguf"]),
        (narrow, ["lm_head.weight", "[50, 256]"]),
        (
            base().with("split.count", Value::U16(3)).with("split.no", Value::U16(1)),
            ["shard 2 of 3", "first"],
        ),
    ] {
        let refusal = written.refusal();
        assert!(words.iter().all(|word| refusal.contains(word)), "{refusal}");
    }
}

#[test]
fn an_unsupported_stored_type_is_named() {
    let written = Written::llama(GgmlDType::Q4_0);
    let path = written.file();
    let mut bytes = fs::read(&path).unwrap();
    // The type follows the name, the number of sides and the sides.
    let name = b"blk.0.ffn_up.weight";
    let at = bytes.windows(name.len()).position(|part| part == name).unwrap() + name.len() + 4 + 16;
    assert_eq!(bytes[at], 2);
    bytes[at] = 23;
    fs::write(&path, bytes).unwrap();
    let refusal = Source::gguf(&path).and_then(Checkpoint::open).unwrap_err().to_string();
    assert!(refusal.contains("IQ4_XS") && refusal.contains("mlp.up_proj"), "{refusal}");
}

#[test]
fn a_model_in_shards_is_opened_by_the_first_of_them() {
    let whole = Written::llama(GgmlDType::Q8_0);
    let expected = logits(&whole.opened());
    let mut first =
        Written::llama(GgmlDType::Q8_0).with("split.count", Value::U16(2)).with("split.no", Value::U16(0));
    let mut second = Written {
        directory: tempfile::tempdir().unwrap(),
        metadata: [("split.count", Value::U16(2)), ("split.no", Value::U16(1))]
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        tensors: first.tensors.split_off("blk.0.ffn_up.weight"),
    };
    let path = first.file_named("tiny-00001-of-00002.gguf");
    let missing = Source::gguf(&path).unwrap_err().to_string();
    assert!(missing.contains("tiny-00002-of-00002.gguf"), "{missing}");
    second.directory = first.directory;
    let other = second.file_named("tiny-00002-of-00002.gguf");
    let checkpoint = Checkpoint::open(Source::gguf(&path).unwrap()).unwrap();
    assert_eq!((logits(&checkpoint), checkpoint.name()), (expected, "tiny"));
    assert_eq!(
        checkpoint.source().stored_files().unwrap(),
        ["model-00001-of-00002.gguf", "model-00002-of-00002.gguf"]
    );
    let not_first = Source::gguf(&other).unwrap_err().to_string();
    assert!(not_first.contains("shard 2 of 2"), "{not_first}");
}

#[test]
fn a_directory_with_nothing_but_a_gguf_file_is_refused_with_advice() {
    let written = Written::llama(GgmlDType::F32);
    let path = written.file();
    let refusal = Checkpoint::open(Source::directory(path.parent().unwrap())).unwrap_err().to_string();
    assert!(refusal.contains("the GGUF file in it"), "{refusal}");
}

#[test]
fn a_truncated_file_is_refused_when_it_is_opened() {
    let written = Written::llama(GgmlDType::Q8_0);
    let path = written.file();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1000]).unwrap();
    let refusal = Source::gguf(&path).unwrap_err().to_string();
    assert!(
        refusal.contains("truncated") && refusal.contains(&(whole.len() - 1000).to_string()),
        "{refusal}"
    );
}
