//! Tensor names in checkpoints and in llama.cpp, and the names of byte tokens.

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

/// True for tensors of rotary frequencies, which newer files also have for long and short contexts.
pub fn is_rope_factors(name: &str) -> bool {
    name == ROPE_FACTORS
}

/// "model.layers.3.mlp.up_proj.weight" → "blk.3.ffn_up.weight"; None for a tensor that no supported architecture has.
pub fn in_file(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    if let Some((_, own)) = ENDS.iter().find(|(known, _)| *known == stem) {
        return Some(format!("{own}.{kind}"));
    }
    let (layer, stem) = stem.strip_prefix("model.layers.")?.split_once('.')?;
    let (_, own) = IN_BLOCK.iter().find(|(known, _)| *known == stem)?;
    Some(format!("blk.{layer}.{own}.{kind}"))
}

/// "blk.3.ffn_up.weight" → "model.layers.3.mlp.up_proj.weight"; None for a tensor that no supported architecture has.
pub fn in_checkpoint(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    if let Some((known, _)) = ENDS.iter().find(|(_, own)| *own == stem) {
        return Some(format!("{known}.{kind}"));
    }
    let (layer, stem) = stem.strip_prefix("blk.")?.split_once('.')?;
    let (known, _) = IN_BLOCK.iter().find(|(_, own)| *own == stem)?;
    Some(format!("model.layers.{layer}.{known}.{kind}"))
}

/// True for the weights and biases of q and k, whose outputs are rotated by the rotary embedding.
pub fn is_rotated(name: &str) -> bool {
    name.contains(".self_attn.q_proj.") || name.contains(".self_attn.k_proj.")
}

/// The byte of a byte token: "<0x0A>" → 10.
pub fn byte_token(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let upper = digits.len() == 2 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    if upper { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// True for the embedding and the output head.
pub fn is_embedding_or_head(name: &str) -> bool {
    matches!(name, "model.embed_tokens.weight" | "lm_head.weight")
}

/// True for the projections most sensitive to rounding: the values, and the FFN's down projection.
pub fn is_sensitive(name: &str) -> bool {
    name.ends_with(".self_attn.v_proj.weight") || name.ends_with(".mlp.down_proj.weight")
}
