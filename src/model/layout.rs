//! The tensors of an architecture: their names, their shapes, and the rows or columns that pruning removes.

use super::Architecture;

/// The effect of pruning on a tensor of a decoder block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The tensor is unchanged.
    Whole,
    /// Rows of removed query heads are removed.
    QueryRows,
    /// Rows of removed key-value heads are removed.
    KeyValueRows,
    /// Rows of removed channels are removed.
    ChannelRows,
    /// `o_proj`: columns of removed query heads are removed, and the rest is refitted.
    HeadColumns,
    /// `down_proj`: columns of removed channels are removed, and the rest is refitted.
    ChannelColumns,
}

/// One required tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name in a Hugging Face checkpoint.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The effect of pruning on it.
    pub cut: Cut,
}

/// The tensors of decoder block `layer`.
pub fn block(architecture: &Architecture, layer: usize) -> Vec<Slot> {
    let Architecture { hidden, head_dim, qkv_bias, o_bias, mlp_bias, qk_norm, .. } = *architecture;
    let size = architecture.layers[layer];
    let (queries, keys) = (size.heads * head_dim, size.kv_heads * head_dim);

    let mut slots = Vec::with_capacity(18);
    let mut add = |name: &str, shape: &[usize], cut| {
        slots.push(Slot { name: format!("model.layers.{layer}.{name}"), shape: shape.to_vec(), cut });
    };
    let projections = [
        ("self_attn.q_proj", queries, hidden, Cut::QueryRows, qkv_bias),
        ("self_attn.k_proj", keys, hidden, Cut::KeyValueRows, qkv_bias),
        ("self_attn.v_proj", keys, hidden, Cut::KeyValueRows, qkv_bias),
        ("self_attn.o_proj", hidden, queries, Cut::HeadColumns, o_bias),
        ("mlp.gate_proj", size.channels, hidden, Cut::ChannelRows, mlp_bias),
        ("mlp.up_proj", size.channels, hidden, Cut::ChannelRows, mlp_bias),
        ("mlp.down_proj", hidden, size.channels, Cut::ChannelColumns, mlp_bias),
    ];
    for (name, out, input, cut, bias) in projections {
        add(&format!("{name}.weight"), &[out, input], cut);
        if bias {
            let cut = match cut {
                Cut::HeadColumns | Cut::ChannelColumns | Cut::Whole => Cut::Whole,
                Cut::QueryRows | Cut::KeyValueRows | Cut::ChannelRows => cut,
            };
            add(&format!("{name}.bias"), &[out], cut);
        }
    }
    if qk_norm {
        add("self_attn.q_norm.weight", &[head_dim], Cut::Whole);
        add("self_attn.k_norm.weight", &[head_dim], Cut::Whole);
    }
    add("input_layernorm.weight", &[hidden], Cut::Whole);
    add("post_attention_layernorm.weight", &[hidden], Cut::Whole);
    slots
}

/// Whether the architecture has this bias.
pub fn has_bias(architecture: &Architecture, name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".bias") else { return false };
    match stem.rsplit('.').next() {
        Some("q_proj" | "k_proj" | "v_proj") => architecture.qkv_bias,
        Some("o_proj") => architecture.o_bias,
        Some("gate_proj" | "up_proj" | "down_proj") => architecture.mlp_bias,
        Some(_) | None => false,
    }
}

/// The tensors outside the blocks.
pub fn ends(architecture: &Architecture) -> Vec<Slot> {
    let Architecture { hidden, vocab, tied, .. } = *architecture;
    let slot = |name: &str, shape: &[usize]| Slot { name: name.into(), shape: shape.into(), cut: Cut::Whole };
    let mut slots =
        vec![slot("model.embed_tokens.weight", &[vocab, hidden]), slot("model.norm.weight", &[hidden])];
    if !tied {
        slots.push(slot("lm_head.weight", &[vocab, hidden]));
    }
    slots
}

/// Total number of elements.
pub fn count(slots: &[Slot]) -> u64 {
    let numbers =
        |slot: &Slot| slot.shape.iter().fold(1u64, |product, &side| product.saturating_mul(side as u64));
    slots.iter().map(numbers).fold(0, u64::saturating_add)
}
