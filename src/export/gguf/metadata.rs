//! The metadata of a model: sizes, rotary embedding, norms.

use crate::{
    gguf::{Metadata, Value},
    model::{Architecture, LayerSize, RopeScaling},
};

use super::{GgufType, architecture::LlamaCppArchitecture};

/// All metadata except the tokenizer's. Sizes that differ between layers are lists.
pub fn of(
    name: &str,
    architecture: &Architecture,
    llama_cpp: LlamaCppArchitecture,
    kind: GgufType,
) -> Metadata {
    let Architecture { hidden, head_dim, vocab, norm_eps, rope, layers, .. } = architecture;
    let mut metadata = vec![
        ("general.architecture".to_owned(), Value::Text(llama_cpp.name().to_owned())),
        ("general.type".to_owned(), Value::Text("model".to_owned())),
        ("general.name".to_owned(), Value::Text(name.to_owned())),
        ("general.file_type".to_owned(), Value::U32(kind.file_type())),
    ];
    if kind.block().is_some() {
        metadata.push(("general.quantization_version".to_owned(), Value::U32(2)));
    }
    let mut own = |key: &str, value| metadata.push((format!("{}.{key}", llama_cpp.name()), value));
    let count = |count: usize| Value::U32(count as u32);
    let per_layer = |size: fn(&LayerSize) -> usize| match llama_cpp {
        LlamaCppArchitecture::Deci => Value::U32s(layers.iter().map(|layer| size(layer) as u32).collect()),
        LlamaCppArchitecture::Llama | LlamaCppArchitecture::Qwen2 | LlamaCppArchitecture::Qwen3 => {
            count(size(&layers[0]))
        }
    };
    own("block_count", count(layers.len()));
    own("context_length", count(context_length(architecture)));
    own("embedding_length", count(*hidden));
    own("vocab_size", count(*vocab));
    own("feed_forward_length", per_layer(|size| size.channels));
    own("attention.head_count", per_layer(|size| size.heads));
    own("attention.head_count_kv", per_layer(|size| size.kv_heads));
    // Without these keys, llama.cpp divides the hidden size by the number of heads, which pruning has
    // reduced.
    own("attention.key_length", count(*head_dim));
    own("attention.value_length", count(*head_dim));
    own("rope.dimension_count", count(*head_dim));
    own("attention.layer_norm_rms_epsilon", Value::F32(*norm_eps as f32));
    own("rope.freq_base", Value::F32(rope.theta as f32));
    match rope.scaling {
        // The factors of Llama 3 are stored as a tensor.
        RopeScaling::None
        | RopeScaling::Dynamic { .. }
        | RopeScaling::Llama3 { .. }
        | RopeScaling::Yarn { .. }
        | RopeScaling::LongRope { .. } => {}
        RopeScaling::Linear { factor } => {
            own("rope.scaling.type", Value::Text("linear".to_owned()));
            own("rope.scaling.factor", Value::F32(factor as f32));
        }
    }
    metadata
}

/// The number of positions that llama.cpp computes correctly. None of these architectures has a sliding
/// window in llama.cpp.
pub fn context_length(architecture: &Architecture) -> usize {
    architecture
        .sliding_window
        .filter(|_| architecture.is_windowed())
        .map_or(architecture.max_positions, |window| window.min(architecture.max_positions))
}

/// A warning if the context is shorter than that of the model.
pub fn notice(architecture: &Architecture) -> Option<String> {
    let length = context_length(architecture);
    (length < architecture.max_positions).then(|| {
        format!(
            "llama.cpp has no sliding window for this family, so the GGUF file has a context length of {length} tokens (the window) instead of {}",
            architecture.max_positions
        )
    })
}
