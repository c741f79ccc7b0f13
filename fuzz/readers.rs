//! Every reader of external input as a function of bytes, with intact inputs for damaging. Used by the fuzz targets and
//! by `tests/it/damaged_inputs`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use candle_core::{
    DType, Device, Tensor,
    quantized::{
        GgmlDType, QTensor,
        gguf_file::{self, Value},
    },
};
use slimgpt::{
    application::{explorer, recording, session, sweep},
    calibration::{self, Windows},
    config,
    model::{Architecture, Checkpoint, Source, Weights},
    prune::Part,
};

/// A reader of one kind of file.
pub struct Reader {
    /// The name of its fuzz target.
    pub name: &'static str,
    /// Reads the bytes. `scratch` is the directory of this reader, filled by [`prepare`]. Errors are expected; panics, hangs
    /// and large allocations are not.
    pub read: fn(scratch: &Path, bytes: &[u8]),
    /// Intact inputs.
    #[allow(dead_code, reason = "targets read them from files, which a test writes")]
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub static READERS: [Reader; 13] = [
    Reader { name: "config", read: config_json, seeds: config_seeds },
    Reader { name: "safetensors", read: safetensors, seeds: || vec![tiny("model.safetensors")] },
    Reader { name: "pickled", read: pickled, seeds: || files("tests/fixtures/pickled", ".bin") },
    Reader { name: "index", read: index, seeds: index_seeds },
    Reader { name: "gguf", read: gguf, seeds: gguf_seeds },
    Reader { name: "tokenizer", read: tokenizer, seeds: tokenizer_seeds },
    Reader { name: "texts", read: texts, seeds: text_seeds },
    Reader { name: "session", read: session_file, seeds: || files("tests/fixtures/session", "session.json") },
    Reader { name: "part", read: part, seeds: || files("tests/fixtures/session", ".safetensors") },
    Reader { name: "recording", read: recorded, seeds: || files("tests/fixtures/session", "events.jsonl") },
    Reader { name: "sweep", read: sweep_file, seeds: || files("sample_configs/sweeps", ".toml") },
    Reader { name: "interface", read: interface, seeds: interface_seeds },
    Reader { name: "settings", read: settings, seeds: || files("sample_configs", ".toml") },
];

/// Creates a directory for each reader, with the intact files that it needs next to the damaged file.
pub fn prepare(scratch: &Path) {
    for Reader { name, .. } in &READERS {
        let own = scratch.join(name);
        fs::create_dir_all(&own).expect("the scratch directory can be written");
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            put(&own, file, &tiny(file));
        }
    }
}

fn put(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    // Some file systems write a shortened file to the disk at once, which takes milliseconds.
    let _ = fs::remove_file(&path);
    fs::write(&path, bytes).expect("the scratch directory can be written");
    path
}

fn config_json(_: &Path, bytes: &[u8]) {
    if let Ok(json) = serde_json::from_slice(bytes)
        && let Ok(architecture) = Architecture::from_config(&json)
    {
        let _ = architecture.parameters();
        if architecture.layers.len() < 100 {
            let _ = architecture.tensors();
        }
    }
}

/// Loads the parts of a model that a forward pass needs.
fn load(source: Source) {
    let Ok(checkpoint) = Checkpoint::open(source) else { return };
    let architecture = checkpoint.architecture().clone();
    let (device, dtype) = (Device::Cpu, DType::F32);
    let last = architecture.vocab.saturating_sub(1) as u32;
    let _ = checkpoint.embed(&[&[0, last]], &device, dtype);
    let _ = checkpoint.block(0, &device, dtype);
    let _ = checkpoint.rope(4, &device, dtype);
    let _ = checkpoint.quantised_types();
    read_all(checkpoint.weights());
}

fn read_all(weights: &Weights) {
    for name in weights.names() {
        let _ = weights.raw(name);
    }
}

fn safetensors(scratch: &Path, bytes: &[u8]) {
    put(scratch, "model.safetensors", bytes);
    load(Source::directory(scratch));
}

fn pickled(scratch: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(scratch.join("model.safetensors"));
    put(scratch, "pytorch_model.bin", bytes);
    if let Ok(weights) = Weights::open(&Source::directory(scratch)) {
        read_all(&weights);
    }
}

fn index(scratch: &Path, bytes: &[u8]) {
    let weights = scratch.join("model.safetensors");
    if weights.exists() {
        fs::rename(weights, scratch.join("model-00001-of-00001.safetensors"))
            .expect("both are in one directory");
    }
    put(scratch, "model.safetensors.index.json", bytes);
    load(Source::directory(scratch));
}

fn gguf(scratch: &Path, bytes: &[u8]) {
    let path = put(scratch, "model.gguf", bytes);
    let Ok(source) = Source::gguf(&path) else { return };
    for file in source.files().into_iter().flatten() {
        let _ = source.read(&file, "");
    }
    if let Ok(checkpoint) = Checkpoint::open(source.clone())
        && let Ok(tokenizer) = checkpoint.tokenizer()
        && let Ok(encoded) = tokenizer.encode("It's 12 cafés.\n", true)
    {
        let _ = tokenizer.decode(encoded.get_ids(), true);
    }
    load(source);
}

fn tokenizer(scratch: &Path, bytes: &[u8]) {
    put(scratch, "tokenizer.json", bytes);
    let Ok(checkpoint) = Checkpoint::open(Source::directory(scratch)) else { return };
    let Ok(tokenizer) = checkpoint.tokenizer() else { return };
    if let Ok(encoded) = tokenizer.encode("It's 12 cafés.\n", true) {
        let _ = tokenizer.decode(encoded.get_ids(), true);
    }
}

/// The first bytes determine the format; the name has little effect.
fn texts(scratch: &Path, bytes: &[u8]) {
    for name in ["text.txt", "text.jsonl"] {
        let _ = calibration::read(&put(scratch, name, bytes), None);
    }
    let windows = put(scratch, "windows.safetensors", bytes);
    let _ = Windows::read(&windows);
}

fn session_file(scratch: &Path, bytes: &[u8]) {
    put(scratch, "session.json", bytes);
    put(scratch, "draft.json", bytes);
    let _ = session::look(scratch);
    let _ = session::summary(scratch);
    // The checksum hides most damage from the parser.
    let state = serde_json::from_slice::<serde_json::Value>(bytes).map(|mut file| file["state"].take());
    if let Ok(state) = state
        && let Ok(state) = serde_json::from_value::<session::State>(state)
    {
        let _ = session::planned_ratios(scratch, &state);
    }
}

fn part(scratch: &Path, bytes: &[u8]) {
    let attempts = scratch.join("attempts");
    fs::create_dir_all(&attempts).expect("the scratch directory can be written");
    put(&attempts, "layer-000-attempt-000-mlp.safetensors", bytes);
    let _ = session::look_at_part(scratch, session::PartPlace { layer: 0, attempt: 0, part: Part::Mlp });
    put(scratch, "calibration.safetensors", bytes);
    let _ = Windows::read(&scratch.join("calibration.safetensors"));
}

fn recorded(scratch: &Path, bytes: &[u8]) {
    let path = put(scratch, "events.jsonl", bytes);
    let _ = session::last_record(scratch);
    if let Ok(replay) = recording::Replay::open(&path) {
        let mut player = replay.play(f64::INFINITY);
        while player.events.blocking_recv().is_some() {}
        let _ = player.join();
    }
}

fn sweep_file(scratch: &Path, bytes: &[u8]) {
    let path = put(scratch, "sweep.toml", bytes);
    if let Ok(draft) = sweep::read(&path) {
        let _ = sweep::Sweep::new(draft, &config::Options::default(), "sweep");
    }
}

fn interface(_: &Path, bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = config::Interface::parse(text, "interface.toml");
    let _ = explorer::KeyMap::parse(text, "keys.toml");
    let _ = explorer::view::load(&[explorer::view::Source { name: "own", text, file: "own.toml" }]);
}

fn settings(_: &Path, bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(options) = config::parse_file(text, "settings.toml") {
        let _ = config::Settings::new(options);
    }
}

/// A file of the small model in the session fixture.
fn tiny(name: &str) -> Vec<u8> {
    read(&root().join("tests/fixtures/session/model").join(name))
}

fn root() -> &'static Path {
    // This file is compiled in two crates; one of them is in the folder `fuzz`.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.ends_with("fuzz") { here.parent().unwrap_or(here) } else { here }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// Files below a folder with this ending, in the order of their paths.
fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is in the repository").flatten() {
            let path = entry.path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(&root().join(folder), &mut found);
    found.retain(|path| path.to_string_lossy().ends_with(ending));
    found.sort();
    assert!(!found.is_empty(), "no file below {folder} ends with {ending}");
    found.iter().map(|path| read(path)).collect()
}

fn config_seeds() -> Vec<Vec<u8>> {
    let scaled = br#"{"model_type":"llama","hidden_size":64,"num_attention_heads":4,"num_key_value_heads":2,
        "intermediate_size":96,"num_hidden_layers":3,"head_dim":16,"vocab_size":40,"rms_norm_eps":1e-5,
        "max_position_embeddings":64,"attention_bias":true,"mlp_bias":true,"rope_theta":10000.0,"rope_scaling":{
        "rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
        "original_max_position_embeddings":16},"eos_token_id":[1,2],"hidden_act":"silu"}"#;
    let per_layer = br#"{"model_type":"slimgpt_qwen2","slimgpt_family":"qwen2","hidden_size":64,
        "num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":96,"num_hidden_layers":2,"head_dim":16,
        "vocab_size":40,"rms_norm_eps":1e-6,"max_position_embeddings":64,"use_sliding_window":true,"sliding_window":8,
        "max_window_layers":1,"rope_parameters":{"rope_type":"linear","factor":2.0,"rope_theta":1e6},
        "per_layer_config":{"0":{"num_attention_heads":2,"num_key_value_heads":1,"intermediate_size":40}}}"#;
    vec![tiny("config.json"), scaled.to_vec(), per_layer.to_vec()]
}

fn index_seeds() -> Vec<Vec<u8>> {
    let header = tiny("model.safetensors");
    let length = u64::from_le_bytes(header[..8].try_into().expect("a header has its length")) as usize;
    let names: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&header[8..8 + length]).expect("the fixture is whole");
    let map: serde_json::Map<String, serde_json::Value> =
        names.keys().map(|name| (name.clone(), "model-00001-of-00001.safetensors".into())).collect();
    vec![serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": map }).to_string().into_bytes()]
}

fn text_seeds() -> Vec<Vec<u8>> {
    let records = b"{\"text\": \"One \\u00e9.\"}\n{\"text\": \"Two\\nlines.\", \"url\": \"x\"}\n".to_vec();
    let alpaca =
        br#"[{"instruction": "Do", "input": "", "output": "Done"}, {"instruction": "A", "output": "B"}]"#;
    let plain = "A plain text.\r\n\r\nWith ünïcödé and a blank line.\n".as_bytes().to_vec();
    [vec![records, alpaca.to_vec(), plain], files("tests/fixtures/calibration", "")].concat()
}

fn interface_seeds() -> Vec<Vec<u8>> {
    let keys = b"[everywhere]\nquit = [\"q\", \"ctrl-c\"]\n[layers]\nnext-layer = \"j\"\n".to_vec();
    let interface = b"theme = \"dark\"\nmouse = true\nglyphs = \"ascii\"\n".to_vec();
    [vec![keys, interface], files("themes", ".toml")].concat()
}

fn tokenizer_seeds() -> Vec<Vec<u8>> {
    let byte_level = serde_json::json!({
        "version": "1.0", "truncation": { "max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right" },
        "padding": null, "normalizer": { "type": "NFC" }, "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": "\\p{N}{1,3}| ?\\p{L}+" }, "behavior": "Isolated", "invert": false },
            { "type": "Digits", "individual_digits": true },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        ] },
        "added_tokens": [{ "id": 4, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true }],
        "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
            "vocab": { "I": 0, "t": 1, "It": 2, "1": 3, "<s>": 4 }, "merges": [["I", "t"]] },
    });
    vec![byte_level.to_string().into_bytes(), tiny("tokenizer.json")]
}

/// A quantised llama with each kind of tokenizer.
fn gguf_seeds() -> Vec<Vec<u8>> {
    let text = |text: &str| Value::String(text.to_owned());
    let texts =
        |texts: &[&str]| Value::Array(texts.iter().map(|one| Value::String((*one).to_owned())).collect());
    let kinds = |kinds: &[i32]| Value::Array(kinds.iter().map(|kind| Value::I32(*kind)).collect());
    let own = [
        ("block_count", Value::U32(1)),
        ("context_length", Value::U32(32)),
        ("embedding_length", Value::U32(32)),
        ("feed_forward_length", Value::Array(vec![Value::U32(32)])),
        ("attention.head_count", Value::U32(4)),
        ("attention.head_count_kv", Value::U32(2)),
        ("attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("attention.key_length", Value::U32(8)),
        ("rope.freq_base", Value::F32(1e4)),
        ("rope.scaling.type", text("linear")),
        ("rope.scaling.factor", Value::F32(2.0)),
    ];
    let byte_level = [
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("llama-bpe")),
        ("tokenizer.ggml.tokens", texts(&["<s>", "I", "t", "It"])),
        ("tokenizer.ggml.token_type", kinds(&[3, 1, 1, 1])),
        ("tokenizer.ggml.merges", texts(&["I t"])),
        ("tokenizer.ggml.bos_token_id", Value::U32(0)),
        ("tokenizer.chat_template", text("{{ messages }}")),
        ("general.license", text("mit")),
    ];
    let pieces = [
        ("tokenizer.ggml.model", text("llama")),
        ("tokenizer.ggml.tokens", texts(&["<unk>", "<s>", "<0x0A>", "▁", "I", "▁I"])),
        ("tokenizer.ggml.token_type", kinds(&[2, 3, 6, 1, 1, 1])),
        ("tokenizer.ggml.scores", Value::Array((0..6).map(|id| Value::F32(-(id as f32))).collect())),
    ];
    let shapes: [(&str, &[usize]); 12] = [
        ("token_embd.weight", &[6, 32]),
        ("output_norm.weight", &[32]),
        ("blk.0.attn_norm.weight", &[32]),
        ("blk.0.ffn_norm.weight", &[32]),
        ("blk.0.attn_q.weight", &[32, 32]),
        ("blk.0.attn_k.weight", &[16, 32]),
        ("blk.0.attn_v.weight", &[16, 32]),
        ("blk.0.attn_output.weight", &[32, 32]),
        ("blk.0.ffn_gate.weight", &[32, 32]),
        ("blk.0.ffn_up.weight", &[32, 32]),
        ("blk.0.ffn_down.weight", &[32, 32]),
        ("rope_freqs.weight", &[4]),
    ];
    let written = |architecture: &str, more: &[(&str, Value)], kind: GgmlDType, factors: bool| {
        let mut metadata = vec![("general.architecture".to_owned(), text(architecture))];
        for (key, value) in &own {
            let scaled = key.starts_with("rope.scaling");
            if !(scaled && factors) {
                metadata.push((format!("{architecture}.{key}"), value.clone()));
            }
        }
        metadata.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let used = shapes.iter().filter(|(name, _)| factors || !name.starts_with("rope"));
        let tensors: Vec<(&str, QTensor)> = used
            .map(|(name, shape)| {
                let tensor = Tensor::ones(*shape, DType::F32, &Device::Cpu).expect("the shape is small");
                let kind = if shape.len() == 1 { GgmlDType::F32 } else { kind };
                (*name, QTensor::quantize(&tensor, kind).expect("rows are whole blocks"))
            })
            .collect();
        let metadata: Vec<(&str, &Value)> =
            metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let mut file = std::io::Cursor::new(Vec::new());
        gguf_file::write(&mut file, &metadata, &tensors).expect("memory can be written");
        file.into_inner()
    };
    vec![
        written("llama", &byte_level, GgmlDType::Q4_0, true),
        written("qwen2", &byte_level, GgmlDType::F16, false),
        written("llama", &pieces, GgmlDType::Q8_0, false),
    ]
}
