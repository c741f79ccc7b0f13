//! The supported families: their names and their differences from LLaMA.

use super::form::{Activation, Norms, QkNorm};
use crate::names::{Named, names};

names! {
    /// The published architecture that a model uses.
    pub enum Family {
        /// LLaMA and its relatives
        Llama = "llama",
        /// Mistral: sliding windows
        Mistral = "mistral",
        /// Mistral with sliding windows in some layers
        Ministral = "ministral",
        /// Qwen2: biases of queries, keys and values; sliding windows in some layers
        Qwen2 = "qwen2",
        /// Qwen3: norms of queries and keys
        Qwen3 = "qwen3",
        /// SmolLM3: layers without rotary positions
        SmolLm3 = "smollm3",
        /// Granite: multipliers of embedding, attention, residual and logits
        Granite = "granite",
        /// OLMo 2: norms of the outputs of each part, and of whole query and key projections
        Olmo2 = "olmo2",
        /// Phi-3: fused projections, part of each head rotated
        Phi3 = "phi3",
        /// Gemma 2: norms before and after each part, capped scores and logits, alternating windows
        Gemma2 = "gemma2",
        /// Gemma 3, text: as Gemma 2, with norms of queries and keys in place of caps, and other positions in windowed layers
        Gemma3 = "gemma3_text",
    }
}

/// The keys of a family's configuration and their meaning. Defaults are those of the configuration class in transformers.
#[derive(Debug)]
pub struct Traits {
    /// The prefix of the class names in transformers.
    pub class: &'static str,
    /// Values of missing keys.
    pub defaults: Defaults,
    /// The key of the activation.
    pub activation_key: &'static str,
    /// The biases of queries, keys and values.
    pub qkv_bias: Bias,
    /// The bias of the attention's output.
    pub o_bias: Bias,
    /// The biases of the FFN.
    pub mlp_bias: Bias,
    /// Norms of queries and keys.
    pub qk_norm: QkNorm,
    /// The layers with the sliding window.
    pub windows: Windows,
    /// Whether transformers requires that the number of heads divides the hidden size.
    pub heads_divide_hidden: bool,
    /// Whether layers can lack rotary positions.
    pub layers_without_positions: bool,
    /// Factors of intermediate results.
    pub multipliers: Factors,
    /// The norms around each part.
    pub norms: Norms,
    /// Whether weights of norms are stored as differences from one.
    pub offset_norms: bool,
    /// The default cap of attention scores; None if the family has none.
    pub attention_cap: Option<f64>,
    /// The cap of logits.
    pub logits_cap: Cap,
    /// The form of rotary positions.
    pub rope: RopeForm,
    /// Whether a checkpoint stores queries, keys and values as one tensor, and gate and up as another.
    pub fused: bool,
}

/// The factors of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factors {
    /// None.
    None,
    /// Four keys, each with a default of one.
    Keys,
    /// The embedding is multiplied by √hidden; scores are divided by √`query_pre_attn_scalar`.
    Gemma,
}

/// The cap of logits, `final_logit_softcapping`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cap {
    /// The family has none.
    Never,
    /// Value of a missing key.
    Default(Option<f64>),
}

/// The form of rotary positions in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeForm {
    /// One object for all layers; whole heads are rotated.
    Whole,
    /// Like `Whole`, but with `partial_rotary_factor`, and scaled positions are always longrope.
    Partial,
    /// One object for windowed layers and one for the others.
    ByWindow,
}

/// Values of missing keys.
#[derive(Debug)]
pub struct Defaults {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    /// None: the number of attention heads.
    pub num_key_value_heads: Option<usize>,
    /// None: hidden size / heads.
    pub head_dim: Option<usize>,
    pub max_position_embeddings: usize,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub sliding_window: Option<usize>,
    pub tie_word_embeddings: bool,
    pub activation: Activation,
    pub bos_token_id: Option<u32>,
    pub eos_token_id: Option<u32>,
}

/// When projections have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// Never.
    Never,
    /// Always.
    Always,
    /// If this key is true.
    If(&'static str),
}

/// The layers with the sliding window, if `layer_types` does not list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// None, whatever the keys.
    None,
    /// All layers. `layer_types` has no effect.
    All,
    /// All layers by default.
    Listed,
    /// With `use_sliding_window`, the layers from `max_window_layers` on.
    Upper,
    /// With `use_sliding_window`, the layers without rotary positions.
    WithoutPositions,
    /// All but every n-th; `sliding_window_pattern` replaces n if the flag is set.
    Alternating(usize, bool),
}

const LLAMA: Traits = Traits {
    class: "Llama",
    defaults: Defaults {
        vocab_size: 32000,
        hidden_size: 4096,
        intermediate_size: 11008,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: None,
        head_dim: None,
        max_position_embeddings: 2048,
        rms_norm_eps: 1e-6,
        rope_theta: 1e4,
        sliding_window: None,
        tie_word_embeddings: false,
        activation: Activation::Silu,
        bos_token_id: Some(1),
        eos_token_id: Some(2),
    },
    activation_key: "hidden_act",
    qkv_bias: Bias::If("attention_bias"),
    o_bias: Bias::If("attention_bias"),
    mlp_bias: Bias::If("mlp_bias"),
    qk_norm: QkNorm::None,
    windows: Windows::None,
    heads_divide_hidden: true,
    layers_without_positions: false,
    multipliers: Factors::None,
    norms: Norms::Before,
    offset_norms: false,
    attention_cap: None,
    logits_cap: Cap::Never,
    rope: RopeForm::Whole,
    fused: false,
};

const MISTRAL: Traits = Traits {
    class: "Mistral",
    defaults: Defaults {
        intermediate_size: 14336,
        num_key_value_heads: Some(8),
        max_position_embeddings: 131_072,
        sliding_window: Some(4096),
        ..LLAMA.defaults
    },
    qkv_bias: Bias::Never,
    o_bias: Bias::Never,
    mlp_bias: Bias::Never,
    windows: Windows::All,
    heads_divide_hidden: false,
    ..LLAMA
};

const MINISTRAL: Traits = Traits { class: "Ministral", windows: Windows::Listed, ..MISTRAL };

const QWEN2: Traits = Traits {
    class: "Qwen2",
    defaults: Defaults {
        vocab_size: 151_936,
        intermediate_size: 22016,
        num_key_value_heads: Some(32),
        max_position_embeddings: 32768,
        sliding_window: Some(4096),
        bos_token_id: None,
        eos_token_id: None,
        ..LLAMA.defaults
    },
    qkv_bias: Bias::Always,
    windows: Windows::Upper,
    ..MISTRAL
};

const QWEN3: Traits = Traits {
    class: "Qwen3",
    defaults: Defaults { head_dim: Some(128), ..QWEN2.defaults },
    qkv_bias: Bias::If("attention_bias"),
    o_bias: Bias::If("attention_bias"),
    qk_norm: QkNorm::Heads,
    ..QWEN2
};

const SMOLLM3: Traits = Traits {
    class: "SmolLM3",
    defaults: Defaults {
        vocab_size: 128_256,
        hidden_size: 2048,
        num_hidden_layers: 36,
        num_attention_heads: 16,
        num_key_value_heads: Some(4),
        max_position_embeddings: 32768,
        rope_theta: 2e6,
        tie_word_embeddings: true,
        bos_token_id: Some(128_000),
        eos_token_id: Some(128_001),
        ..LLAMA.defaults
    },
    windows: Windows::WithoutPositions,
    heads_divide_hidden: false,
    layers_without_positions: true,
    ..LLAMA
};

const GRANITE: Traits =
    Traits { class: "Granite", heads_divide_hidden: false, multipliers: Factors::Keys, ..LLAMA };

const OLMO2: Traits = Traits {
    class: "Olmo2",
    defaults: Defaults {
        vocab_size: 50304,
        rms_norm_eps: 1e-5,
        bos_token_id: None,
        eos_token_id: Some(50279),
        ..LLAMA.defaults
    },
    mlp_bias: Bias::Never,
    qk_norm: QkNorm::Projections,
    norms: Norms::After,
    heads_divide_hidden: false,
    ..LLAMA
};

const PHI3: Traits = Traits {
    class: "Phi3",
    defaults: Defaults {
        vocab_size: 32064,
        hidden_size: 3072,
        intermediate_size: 8192,
        max_position_embeddings: 4096,
        rms_norm_eps: 1e-5,
        eos_token_id: Some(32000),
        ..LLAMA.defaults
    },
    qkv_bias: Bias::Never,
    o_bias: Bias::Never,
    mlp_bias: Bias::Never,
    windows: Windows::All,
    heads_divide_hidden: false,
    rope: RopeForm::Partial,
    fused: true,
    ..LLAMA
};

const GEMMA2: Traits = Traits {
    class: "Gemma2",
    defaults: Defaults {
        vocab_size: 256_000,
        hidden_size: 2304,
        intermediate_size: 9216,
        num_hidden_layers: 26,
        num_attention_heads: 8,
        num_key_value_heads: Some(4),
        head_dim: Some(256),
        max_position_embeddings: 8192,
        sliding_window: Some(4096),
        tie_word_embeddings: true,
        activation: Activation::GeluTanh,
        bos_token_id: Some(2),
        eos_token_id: Some(1),
        ..LLAMA.defaults
    },
    activation_key: "hidden_activation",
    mlp_bias: Bias::Never,
    windows: Windows::Alternating(2, false),
    multipliers: Factors::Gemma,
    norms: Norms::Both,
    offset_norms: true,
    attention_cap: Some(50.0),
    logits_cap: Cap::Default(Some(30.0)),
    ..LLAMA
};

const GEMMA3: Traits = Traits {
    class: "Gemma3",
    defaults: Defaults {
        vocab_size: 262_208,
        max_position_embeddings: 131_072,
        rope_theta: 1e6,
        ..GEMMA2.defaults
    },
    qk_norm: QkNorm::Heads,
    windows: Windows::Alternating(6, true),
    attention_cap: None,
    logits_cap: Cap::Default(None),
    rope: RopeForm::ByWindow,
    ..GEMMA2
};

impl Family {
    /// The table's entry of this family.
    pub(super) fn traits(self) -> &'static Traits {
        match self {
            Self::Llama => &LLAMA,
            Self::Mistral => &MISTRAL,
            Self::Ministral => &MINISTRAL,
            Self::Qwen2 => &QWEN2,
            Self::Qwen3 => &QWEN3,
            Self::SmolLm3 => &SMOLLM3,
            Self::Granite => &GRANITE,
            Self::Olmo2 => &OLMO2,
            Self::Phi3 => &PHI3,
            Self::Gemma2 => &GEMMA2,
            Self::Gemma3 => &GEMMA3,
        }
    }

    /// All families.
    pub fn all() -> &'static [Self] {
        Self::ALL
    }

    /// The name in `config.json`.
    pub fn name(self) -> &'static str {
        Named::name(self)
    }

    /// The prefix of its class names in transformers.
    pub fn class(self) -> &'static str {
        self.traits().class
    }

    /// Whether its class in transformers requires a head size of `hidden / heads`.
    pub fn heads_divide_hidden(self) -> bool {
        self.traits().heads_divide_hidden
    }

    /// Whether its checkpoints store queries, keys and values as one tensor, and gate and up as another.
    pub fn fuses_projections(self) -> bool {
        self.traits().fused
    }

    /// Whether its configuration has a single rotary embedding, for whole heads.
    pub fn rotates_whole_heads(self) -> bool {
        self.traits().rope == RopeForm::Whole
    }

    /// The projections whose outputs can have a bias in its class in transformers: `o_proj`, `down_proj`.
    pub fn output_biases(self) -> (bool, bool) {
        let Traits { o_bias, mlp_bias, .. } = self.traits();
        (*o_bias != Bias::Never, *mlp_bias != Bias::Never)
    }

    /// The family with this name in `config.json`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::named(name).ok()
    }
}
