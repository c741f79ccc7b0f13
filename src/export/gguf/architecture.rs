//! The llama.cpp architecture that computes a model, and the models that no architecture computes.

use crate::model::{Activation, Architecture, Family, LayerSize, RopeScaling};

use super::super::{Error, Format, Remedy};

/// The value of llama.cpp's LLAMA_MAX_LAYERS.
const MOST_LAYERS: usize = 512;
const FEWEST_CHANNELS: usize = 32;

/// An architecture of llama.cpp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LlamaCppArchitecture {
    /// Equal sizes in every layer; optional biases.
    Llama,
    /// Like `Llama`, with sizes per layer.
    Deci,
    /// Equal sizes, queries as wide as the hidden size, biases of q, k and v.
    Qwen2,
    /// Equal sizes; norms of queries and keys.
    Qwen3,
}

impl LlamaCppArchitecture {
    /// # Errors
    /// [`Error::Inexpressible`] if llama.cpp would not load the model or would compute it incorrectly.
    pub fn of(architecture: &Architecture) -> Result<Self, Error> {
        let layers = &architecture.layers;
        refuse_sizes(layers)?;
        if architecture.form.activation != Activation::Silu {
            let [name, ..] = architecture.form.activation.names() else {
                unreachable!("an activation has a name")
            };
            return refused(format!("the activation is {name}, but llama.cpp computes silu"), &[DIRECTORY]);
        }
        let first = layers[0];
        let equal = layers.iter().all(|size| *size == first);
        let frequencies = match architecture.rope.scaling {
            // Within the context length of the file, dynamic scaling changes nothing.
            RopeScaling::None | RopeScaling::Linear { .. } | RopeScaling::Dynamic { .. } => {
                Frequencies::Plain
            }
            RopeScaling::Yarn { .. } => return refused_scaling("yarn"),
            RopeScaling::LongRope { .. } => return refused_scaling("longrope"),
            RopeScaling::Llama3 { .. } => Frequencies::Llama3,
        };
        match architecture.family {
            Family::Qwen3 => {
                refuse_for_qwen3(architecture, frequencies)?;
                Ok(Self::Qwen3)
            }
            Family::Qwen2
                if equal
                    && !(architecture.o_bias || architecture.mlp_bias)
                    && first.heads * architecture.head_dim == architecture.hidden
                    && frequencies == Frequencies::Plain =>
            {
                Ok(Self::Qwen2)
            }
            // Both load biases if the file has them.
            Family::Phi3 if architecture.rope.partial != 1.0 => refused(
                "part of each head is rotated, but llama.cpp's llama rotates whole heads".into(),
                &[DIRECTORY],
            ),
            // With separate projections, Phi-3 is a Llama.
            Family::Llama | Family::Mistral | Family::Ministral | Family::Qwen2 | Family::Phi3 => {
                Ok(if equal { Self::Llama } else { Self::Deci })
            }
            family
            @ (Family::SmolLm3 | Family::Granite | Family::Olmo2 | Family::Gemma2 | Family::Gemma3) => {
                refused(
                    format!(
                        "slimgpt writes GGUF files only for llama, mistral, qwen2, qwen3 and phi3, not for {family}"
                    ),
                    &[DIRECTORY],
                )
            }
        }
    }

    /// The value of `general.architecture`, and the prefix of every key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Deci => "deci",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    pub fn rotation(self) -> Rotation {
        match self {
            Self::Llama | Self::Deci => Rotation::Pairs,
            Self::Qwen2 | Self::Qwen3 => Rotation::Halves,
        }
    }
}

/// The pairs of elements of a head that the rotary embedding rotates together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// i and i + head_dim/2, as in the checkpoint.
    Halves,
    /// 2i and 2i + 1; the rows of q and k are reordered for this.
    Pairs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frequencies {
    Plain,
    Llama3,
}

fn refuse_sizes(layers: &[LayerSize]) -> Result<(), Error> {
    if layers.len() > MOST_LAYERS {
        return refused(
            format!("the model has {} layers, but llama.cpp loads at most {MOST_LAYERS}", layers.len()),
            &[DIRECTORY],
        );
    }
    for (layer, size) in layers.iter().enumerate() {
        let LayerSize { heads, kv_heads, channels } = *size;
        if !heads.is_multiple_of(kv_heads) {
            return refused(
                format!(
                    "layer {layer} has {heads} heads for {kv_heads} key-value heads, and llama.cpp needs equal groups"
                ),
                &[Remedy::LowerRatio, DIRECTORY],
            );
        }
        if layer == 0 && !size.has_attention() {
            let why = "layer 0 has no attention, but llama.cpp derives the size of a head from it".into();
            return refused(why, &[DIRECTORY]);
        }
        // llama.cpp loads it and drops the output of the attention.
        if !size.has_mlp() {
            let why = format!("layer {layer} has no FFN, which llama.cpp computes incorrectly");
            return refused(why, &[DIRECTORY]);
        }
        if channels < FEWEST_CHANNELS {
            return refused(
                format!(
                    "layer {layer} has {channels} channels, but llama.cpp needs at least {FEWEST_CHANNELS}"
                ),
                &[Remedy::LowerRatio, Remedy::ChannelMultiple(FEWEST_CHANNELS), DIRECTORY],
            );
        }
    }
    Ok(())
}

fn refuse_for_qwen3(architecture: &Architecture, frequencies: Frequencies) -> Result<(), Error> {
    let layers = &architecture.layers;
    if let Some(layer) = layers.iter().position(|size| *size != layers[0]) {
        let sizes = |size: LayerSize| {
            format!("{}/{} heads and {} channels", size.heads, size.kv_heads, size.channels)
        };
        return refused(
            format!(
                "layer {layer} has {}, layer 0 has {}, and llama.cpp has no architecture with both sizes per layer and norms of queries and keys (qwen3)",
                sizes(layers[layer]),
                sizes(layers[0])
            ),
            &[Remedy::Uniform, DIRECTORY],
        );
    }
    for (there, projection) in [(architecture.o_bias, "o_proj"), (architecture.mlp_bias, "down_proj")] {
        if there {
            let why = format!("the model has a bias of {projection}, which llama.cpp's qwen3 does not read");
            return refused(why, &[Remedy::NoBiasCompensation, DIRECTORY]);
        }
    }
    match frequencies {
        Frequencies::Plain => Ok(()),
        Frequencies::Llama3 => refused(
            "rope_scaling is of type llama3, which llama.cpp's qwen3 does not compute".into(),
            &[DIRECTORY],
        ),
    }
}

fn refused_scaling<T>(kind: &str) -> Result<T, Error> {
    refused(format!("slimgpt does not write rope_scaling of type {kind} to GGUF files"), &[DIRECTORY])
}

/// The formats that can express every model.
pub const DIRECTORY: Remedy = Remedy::Export(&[Format::Hf, Format::Padded]);

/// Refuses a model that llama.cpp cannot express.
pub fn refused<T>(why: String, remedies: &[Remedy]) -> Result<T, Error> {
    Err(Error::Inexpressible { format: Format::Gguf, why, remedies: remedies.to_vec() })
}
