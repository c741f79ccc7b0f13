//! Tensor names in checkpoints and in llama.cpp.

/// Names in a checkpoint and in a GGUF file, without the last component ("weight", "bias").
const IN_BLOCK: [(&str, &str); 11] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];
const ENDS: [(&str, &str); 3] =
    [("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output")];

/// Divisors of the rotary frequencies, one for each pair of elements of a head.
pub const ROPE_FACTORS: &str = "rope_freqs.weight";

/// "model.layers.3.mlp.up_proj.weight" → "blk.3.ffn_up.weight"; None for a tensor that no supported
/// architecture has.
pub fn in_file(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    if let Some((_, own)) = ENDS.iter().find(|(known, _)| *known == stem) {
        return Some(format!("{own}.{kind}"));
    }
    let (layer, stem) = stem.strip_prefix("model.layers.")?.split_once('.')?;
    let (_, own) = IN_BLOCK.iter().find(|(known, _)| *known == stem)?;
    Some(format!("blk.{layer}.{own}.{kind}"))
}

/// True for the weights and biases of q and k, whose outputs are rotated by the rotary embedding.
pub fn is_rotated(name: &str) -> bool {
    name.contains(".self_attn.q_proj.") || name.contains(".self_attn.k_proj.")
}

/// True for the embedding and the output head.
pub fn is_embedding_or_head(name: &str) -> bool {
    matches!(name, "model.embed_tokens.weight" | "lm_head.weight")
}

/// True for the projections most sensitive to rounding: the values, and the FFN's down projection.
pub fn is_sensitive(name: &str) -> bool {
    name.ends_with(".self_attn.v_proj.weight") || name.ends_with(".mlp.down_proj.weight")
}

#[cfg(test)]
mod tests {
    use crate::model::Architecture;

    use super::*;

    #[test]
    fn every_tensor_of_every_family_has_a_unique_name() {
        for family in ["llama", "mistral", "qwen2", "qwen3"] {
            let config = serde_json::json!({
                "model_type": family, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
                "intermediate_size": 96, "num_hidden_layers": 2, "head_dim": 16, "vocab_size": 40, "rms_norm_eps": 1e-5,
                "max_position_embeddings": 64, "attention_bias": true, "mlp_bias": true,
            });
            let tensors = Architecture::from_config(&config).unwrap().tensors();
            let mut names: Vec<String> = tensors.iter().map(|slot| in_file(&slot.name).unwrap()).collect();
            let found = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), found, "{family}");
        }
        assert_eq!(in_file("model.layers.11.self_attn.k_proj.bias").unwrap(), "blk.11.attn_k.bias");
        assert_eq!(in_file("model.layers.0.rotary_emb.inv_freq"), None);
    }
}
