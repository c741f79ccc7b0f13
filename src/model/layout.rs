//! The tensors of an architecture: their names, their shapes, and the rows or columns that pruning removes.

use super::{Architecture, LayerSize, Norms, QkNorm, embedding_and_head::HEAD};

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

impl Cut {
    /// Whether removing units of the attention shortens the tensor.
    pub fn is_of_attention(self) -> bool {
        match self {
            Self::QueryRows | Self::KeyValueRows | Self::HeadColumns => true,
            Self::Whole | Self::ChannelRows | Self::ChannelColumns => false,
        }
    }

    /// Whether removing channels of the FFN shortens the tensor.
    pub fn is_of_mlp(self) -> bool {
        match self {
            Self::ChannelRows | Self::ChannelColumns => true,
            Self::Whole | Self::QueryRows | Self::KeyValueRows | Self::HeadColumns => false,
        }
    }
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

impl Slot {
    /// Number of elements.
    pub fn numbers(&self) -> u64 {
        self.shape.iter().fold(1, |product, &side| product.saturating_mul(side as u64))
    }
}

/// The names of the norms around the parts of a block.
pub struct BlockNorms {
    pub before_attention: Option<&'static str>,
    pub after_attention: Option<&'static str>,
    pub before_mlp: Option<&'static str>,
    pub after_mlp: Option<&'static str>,
}

impl BlockNorms {
    fn of(norms: Norms) -> Self {
        let (input, attention) = ("input_layernorm", "post_attention_layernorm");
        let (before_mlp, after_mlp) = ("pre_feedforward_layernorm", "post_feedforward_layernorm");
        match norms {
            // In LLaMA the second norm is named after its position, not after its input.
            Norms::Before => Self {
                before_attention: Some(input),
                after_attention: None,
                before_mlp: Some(attention),
                after_mlp: None,
            },
            Norms::After => Self {
                before_attention: None,
                after_attention: Some(attention),
                before_mlp: None,
                after_mlp: Some(after_mlp),
            },
            Norms::Both => Self {
                before_attention: Some(input),
                after_attention: Some(attention),
                before_mlp: Some(before_mlp),
                after_mlp: Some(after_mlp),
            },
        }
    }

    /// The norms of a block, without those of absent parts.
    pub fn around(norms: Norms, size: LayerSize) -> Self {
        let Self { before_attention, after_attention, before_mlp, after_mlp } = Self::of(norms);
        Self {
            before_attention: before_attention.filter(|_| size.has_attention()),
            after_attention: after_attention.filter(|_| size.has_attention()),
            before_mlp: before_mlp.filter(|_| size.has_mlp()),
            after_mlp: after_mlp.filter(|_| size.has_mlp()),
        }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.before_attention, self.after_attention, self.before_mlp, self.after_mlp].into_iter().flatten()
    }
}

/// The tensors of decoder block `layer`. Absent parts have none.
pub fn block(architecture: &Architecture, layer: usize) -> Vec<Slot> {
    let Architecture { hidden, head_dim, qkv_bias, o_bias, mlp_bias, .. } = *architecture;
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
    let absent =
        |cut: Cut| cut.is_of_attention() && !size.has_attention() || cut.is_of_mlp() && !size.has_mlp();
    for (name, out, input, cut, bias) in projections {
        if absent(cut) {
            continue;
        }
        add(&format!("{name}.weight"), &[out, input], cut);
        if bias {
            let cut = match cut {
                Cut::HeadColumns | Cut::ChannelColumns | Cut::Whole => Cut::Whole,
                Cut::QueryRows | Cut::KeyValueRows | Cut::ChannelRows => cut,
            };
            add(&format!("{name}.bias"), &[out], cut);
        }
    }
    match architecture.form.qk_norm {
        QkNorm::None => {}
        QkNorm::Heads | QkNorm::Projections if !size.has_attention() => {}
        QkNorm::Heads => {
            add("self_attn.q_norm.weight", &[head_dim], Cut::Whole);
            add("self_attn.k_norm.weight", &[head_dim], Cut::Whole);
        }
        QkNorm::Projections => {
            add("self_attn.q_norm.weight", &[queries], Cut::QueryRows);
            add("self_attn.k_norm.weight", &[keys], Cut::KeyValueRows);
        }
    }
    for name in BlockNorms::around(architecture.form.norms, size).names() {
        add(&format!("{name}.weight"), &[hidden], Cut::Whole);
    }
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
        slots.push(slot(HEAD, &[vocab, hidden]));
    }
    slots
}

/// Total number of elements.
pub fn count(slots: &[Slot]) -> u64 {
    slots.iter().map(Slot::numbers).fold(0, u64::saturating_add)
}
