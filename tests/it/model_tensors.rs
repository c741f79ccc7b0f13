//! Checkpoints whose tensors have other names, are fused, superfluous, or contradict the configuration.

use std::path::Path;

use candle_core::DType;
use serde_json::{Value, json};
use slimgpt::model::{Checkpoint, Family, Shapes, Source, block_tensors, end_tensors};

use crate::{
    model_families::{all_logits, decoder, difference, open},
    tiny_model::{self, checkpoint, config, random_tensors, random_tokens, set},
};

/// The tensors of a Llama with the names of InternLM2: queries, keys and values are one matrix, with the rows of each key-value head
/// and its queries together.
fn as_internlm2(
    tensors: &tiny_model::Tensors,
    architecture: &slimgpt::model::Architecture,
) -> tiny_model::Tensors {
    let names = [
        ("model.embed_tokens", "model.tok_embeddings"),
        ("lm_head", "output"),
        ("self_attn.o_proj", "attention.wo"),
        ("mlp.gate_proj", "feed_forward.w1"),
        ("mlp.up_proj", "feed_forward.w3"),
        ("mlp.down_proj", "feed_forward.w2"),
        ("input_layernorm", "attention_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    let mut renamed = tiny_model::Tensors::new();
    for (name, tensor) in
        tensors.iter().filter(|(name, _)| !["q_proj", "k_proj", "v_proj"].iter().any(|p| name.contains(p)))
    {
        let name = names.iter().fold(name.clone(), |name, (from, to)| name.replace(from, to));
        renamed.insert(name, tensor.clone());
    }
    let (hidden, head_dim) = (architecture.hidden, architecture.head_dim);
    for (layer, size) in architecture.layers.iter().enumerate() {
        let rows = |projection: &str, heads: std::ops::Range<usize>| {
            let numbers = &tensors[&format!("model.layers.{layer}.self_attn.{projection}.weight")].1;
            numbers[heads.start * head_dim * hidden..heads.end * head_dim * hidden].to_vec()
        };
        let mut whole = Vec::new();
        for head in 0..size.kv_heads {
            whole.extend(rows("q_proj", head * size.group()..(head + 1) * size.group()));
            whole.extend(rows("k_proj", head..head + 1));
            whole.extend(rows("v_proj", head..head + 1));
        }
        let shape = vec![whole.len() / hidden, hidden];
        renamed.insert(format!("model.layers.{layer}.attention.wqkv.weight"), (shape, whole));
    }
    renamed
}

#[test]
fn internlm2_is_a_llama_under_other_names() {
    let llama = config("llama");
    let tensors = random_tensors(&llama, 40);
    let expected = checkpoint(&llama, &tensors, DType::BF16);
    let expected = open(expected.path());
    let mut keys = llama.clone();
    set(
        &mut keys,
        json!({ "model_type": "internlm2", "bias": false,
        "rope_scaling": { "type": "dynamic", "factor": 2.0 } }),
    );
    let directory = checkpoint_of(&keys, &as_internlm2(&tensors, expected.architecture()));
    let found = open(directory.path());
    assert_eq!(found.warnings(), []);
    assert_eq!(found.architecture().family, Family::Llama);
    let tokens = random_tokens(30, 41);
    let logits = |checkpoint: &Checkpoint| all_logits(&decoder(checkpoint), &tokens);
    assert_eq!(difference(&logits(&found), &logits(&expected)), 0.0);
    let stored = |checkpoint: &Checkpoint| {
        let tensors = block_tensors(checkpoint, 1, None, None, Shapes::Narrow).unwrap();
        tensors.into_iter().map(|tensor| (tensor.name, tensor.bytes.into_owned())).collect::<Vec<_>>()
    };
    assert_eq!(stored(&found), stored(&expected));
}

fn checkpoint_of(config: &Value, tensors: &tiny_model::Tensors) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    tiny_model::write_config(directory.path(), config);
    tiny_model::write_weights(
        directory.path(),
        "model.safetensors",
        &tiny_model::stored(tensors, DType::BF16),
    );
    directory
}

/// Two tensors with the rows of both.
fn joined(tensors: &mut tiny_model::Tensors, parts: &[String], whole: String) {
    let parts: Vec<_> = parts.iter().map(|part| tensors.remove(part).unwrap()).collect();
    let columns = parts[0].0[1];
    let numbers: Vec<f32> = parts.into_iter().flat_map(|(_, numbers)| numbers).collect();
    tensors.insert(whole, (vec![numbers.len() / columns, columns], numbers));
}

#[test]
fn fused_projections_are_those_of_a_mistral() {
    let mut mistral = config("mistral");
    set(&mut mistral, json!({ "head_dim": 8 }));
    let tensors = random_tensors(&mistral, 42);
    let expected = checkpoint(&mistral, &tensors, DType::BF16);
    let mut phi3 = mistral.clone();
    set(&mut phi3, json!({ "model_type": "phi3" }));
    let mut fused = tensors.clone();
    for layer in 0..2 {
        let name = |name: &str| format!("model.layers.{layer}.{name}.weight");
        let attention = ["q_proj", "k_proj", "v_proj"].map(|part| name(&format!("self_attn.{part}")));
        joined(&mut fused, &attention, name("self_attn.qkv_proj"));
        joined(
            &mut fused,
            &["gate_proj", "up_proj"].map(|part| name(&format!("mlp.{part}"))),
            name("mlp.gate_up_proj"),
        );
    }
    let directory = checkpoint_of(&phi3, &fused);
    let (found, expected) = (open(directory.path()), open(expected.path()));
    assert_eq!(found.warnings(), []);
    let tokens = random_tokens(30, 43);
    let logits = |checkpoint: &Checkpoint| all_logits(&decoder(checkpoint), &tokens);
    assert_eq!(difference(&logits(&found), &logits(&expected)), 0.0);
    let blocks = block_tensors(&found, 0, None, None, Shapes::Narrow).unwrap();
    for stored in slimgpt::model::stored_tensors(found.architecture(), &blocks).iter() {
        assert_eq!(stored.bytes, found_bytes(directory.path(), &stored.name), "{}", stored.name);
    }
}

fn found_bytes(directory: &Path, name: &str) -> Vec<u8> {
    let file = std::fs::read(directory.join("model.safetensors")).unwrap();
    safetensors::SafeTensors::deserialize(&file).unwrap().tensor(name).unwrap().data().to_vec()
}

#[test]
fn a_stored_head_that_differs_is_used_despite_the_flag_and_exported() {
    for family in ["llama", "qwen2", "smollm3"] {
        let mut untied = config(family);
        set(&mut untied, json!({ "tie_word_embeddings": false }));
        let tensors = random_tensors(&untied, 44);
        let expected = checkpoint(&untied, &tensors, DType::F32);
        let mut tied = untied.clone();
        set(&mut tied, json!({ "tie_word_embeddings": true }));
        let directory = checkpoint(&tied, &random_tensors(&tied, 45), DType::F32);
        tiny_model::write_weights(
            directory.path(),
            "model.safetensors",
            &tiny_model::stored(&tensors, DType::F32),
        );
        let (found, expected) = (open(directory.path()), open(expected.path()));
        assert!(!found.architecture().tied);
        assert!(
            found.warnings()[0].to_string().contains("the stored head is used"),
            "{:?}",
            found.warnings()
        );
        let tokens = random_tokens(9, 46);
        let logits = |checkpoint: &Checkpoint| all_logits(&decoder(checkpoint), &tokens);
        assert_eq!(difference(&logits(&found), &logits(&expected)), 0.0);
        assert!(end_tensors(&found).any(|tensor| tensor.unwrap().name == "lm_head.weight"));

        // A copy of the embedding is no other head.
        let mut copied = random_tensors(&tied, 45);
        copied.insert("lm_head.weight".into(), copied["model.embed_tokens.weight"].clone());
        tiny_model::write_weights(
            directory.path(),
            "model.safetensors",
            &tiny_model::stored(&copied, DType::F32),
        );
        let found = open(directory.path());
        assert!(found.architecture().tied);
        assert_eq!(found.warnings(), []);
    }
}

#[test]
fn a_tied_checkpoint_with_only_the_head_uses_it_as_the_embedding() {
    for family in
        ["llama", "mistral", "qwen2", "qwen3", "smollm3", "granite", "olmo2", "gemma2", "gemma3_text"]
    {
        let mut tied = config(family);
        set(&mut tied, json!({ "tie_word_embeddings": true }));
        let mut tensors = random_tensors(&tied, 48);
        let expected = checkpoint_of(&tied, &tensors);
        let embedding = tensors.remove("model.embed_tokens.weight").unwrap();
        tensors.insert("lm_head.weight".into(), embedding);
        let found = checkpoint_of(&tied, &tensors);
        let (found, expected) = (open(found.path()), open(expected.path()));
        assert_eq!(found.warnings(), [], "{family}");
        let tokens = random_tokens(9, 49);
        let logits = |checkpoint: &Checkpoint| all_logits(&decoder(checkpoint), &tokens);
        assert_eq!(difference(&logits(&found), &logits(&expected)), 0.0, "{family}");
        assert!(end_tensors(&found).any(|tensor| tensor.unwrap().name == "model.embed_tokens.weight"));

        set(&mut tied, json!({ "tie_word_embeddings": false }));
        let untied = checkpoint_of(&tied, &tensors);
        let error = Checkpoint::open(Source::directory(untied.path())).unwrap_err().to_string();
        assert!(error.contains("model.embed_tokens.weight"), "{error}");
    }
}

#[test]
fn stored_tensors_that_nothing_reads_are_told() {
    let mut biased = config("llama");
    set(&mut biased, json!({ "attention_bias": true }));
    let mut tensors = random_tensors(&biased, 47);
    tensors.insert("model.layers.0.self_attn.rotary_emb.inv_freq".into(), (vec![4], vec![1.0; 4]));
    set(&mut biased, json!({ "attention_bias": false }));
    let directory = checkpoint_of(&biased, &tensors);
    let found = open(directory.path());
    let [warning] = found.warnings() else { panic!("{:?}", found.warnings()) };
    assert_eq!(
        warning.to_string(),
        "8 stored tensors are not part of this architecture and are ignored: model.layers.0.self_attn.k_proj.bias, \
         model.layers.0.self_attn.o_proj.bias, model.layers.0.self_attn.q_proj.bias and 5 more"
    );
}
