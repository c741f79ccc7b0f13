//! The configuration of nemotron-nas (`DeciLMForCausalLM`): FFN widths per layer, which several engines load.

use serde_json::{Map, Value, json};

use crate::model::{Architecture, Family, Form, RopeScaling, nemotron};

use super::super::{
    Error, Format, Remedy,
    format::{Example, Loading},
};

/// The class of vLLM, SGLang and TensorRT-LLM for this configuration.
pub const CLASS: &str = "DeciLMForCausalLM";
/// The configuration class, for engines that read `config.json` through transformers, which lacks this type.
pub const CONFIGURATION: &str = include_str!("../../../assets/hf/configuration_nemotron_nas.py");
pub const CONFIGURATION_NAME: &str = "configuration_nemotron_nas.py";

/// Refuses a model that the engines would not load or would compute differently.
///
/// # Errors
/// [`Error::Inexpressible`] for another family, biases, a sliding window, missing query heads, a first layer without attention,
/// or a width that is not a multiple of 256.
pub fn check(before: &Architecture, pruned: &Architecture) -> Result<(), Error> {
    match before.family {
        Family::Llama | Family::Mistral if before.form == Form::default() => {}
        Family::Llama
        | Family::Mistral
        | Family::Ministral
        | Family::Qwen2
        | Family::Qwen3
        | Family::SmolLm3
        | Family::Granite
        | Family::Olmo2
        | Family::Phi3
        | Family::Gemma2
        | Family::Gemma3 => {
            return refused(
                format!("its blocks are Llama blocks, but the model is a {} model", before.family),
                vec![OTHERS],
            );
        }
    }
    if let Some(window) = before.sliding_window {
        return refused(
            format!("it has no sliding window, but the model has one of {window} tokens"),
            vec![OTHERS],
        );
    }
    if pruned.o_bias && !before.o_bias || pruned.mlp_bias && !before.mlp_bias {
        return refused("it has no biases".into(), vec![Remedy::NoBiasCompensation, OTHERS]);
    }
    if pruned.qkv_bias || pruned.o_bias || pruned.mlp_bias {
        return refused("it has no biases, but the model has some".into(), vec![OTHERS]);
    }
    for (layer, (size, own)) in pruned.layers.iter().zip(&before.layers).enumerate() {
        if layer == 0 && !size.has_attention() {
            return refused("layer 0 has no attention, which engines need there".into(), vec![OTHERS]);
        }
        if size.has_attention() && size.heads * pruned.head_dim != pruned.hidden {
            let (heads, whole) = (size.heads, pruned.hidden / pruned.head_dim);
            let remedies = if size.heads < own.heads { vec![Remedy::Portable, OTHERS] } else { vec![OTHERS] };
            let why = format!("layer {layer} has {heads} query heads, expected all {whole}");
            return refused(why, remedies);
        }
        if !size.channels.is_multiple_of(nemotron::MULTIPLE) {
            let why = format!(
                "layer {layer} has {} channels, expected a multiple of {}",
                size.channels,
                nemotron::MULTIPLE
            );
            return refused(why, vec![Remedy::Portable, OTHERS]);
        }
    }
    Ok(())
}

const OTHERS: Remedy = Remedy::Export(&[Format::Hf, Format::Gguf]);

fn refused(why: String, remedies: Vec<Remedy>) -> Result<(), Error> {
    Err(Error::Inexpressible { format: Format::NemotronNas, why, remedies })
}

/// Commands that load the directory.
pub fn loading() -> Loading {
    let example = |program, language, code: &str| Example { program, language, code: code.into() };
    Loading {
        library: "mlx-lm",
        tag: Some("nemotron-nas"),
        note: "The FFNs have the widths after pruning. The engines have the model class; this directory adds only a configuration class, which computes \
               nothing. transformers alone cannot load the model."
            .into(),
        examples: vec![
            example("vLLM", "sh", "vllm serve . --trust-remote-code\n"),
            example("SGLang", "sh", "python -m sglang.launch_server --model-path . --trust-remote-code\n"),
            example("mlx-lm", "sh", "mlx_lm.generate --model . --prompt \"Once upon a time\"\n"),
            example("llama.cpp", "sh", "python convert_hf_to_gguf.py . --outfile model.gguf\n"),
            example("slimgpt", "sh", "slimgpt eval . --text your-text.txt\nslimgpt generate . --prompt \"Once upon a time\"\n"),
        ],
    }
}

/// Sets the keys of this configuration, except the positions.
pub fn set(config: &mut Map<String, Value>, architecture: &Architecture) {
    let heads = architecture.hidden / architecture.head_dim;
    let block = |size: &crate::model::LayerSize| {
        let multiplier = || nemotron::multiplier(size.channels, architecture.hidden);
        json!({
            "attention": {
                "n_heads_in_group": heads.checked_div(size.kv_heads),
                "no_op": !size.has_attention(),
                "replace_with_linear": false,
            },
            "ffn": {
                "ffn_mult": size.has_mlp().then(multiplier),
                "no_op": !size.has_mlp(),
                "replace_with_linear": false,
            },
        })
    };
    let keys = json!({
        "model_type": nemotron::MODEL_TYPE,
        "architectures": [CLASS],
        "auto_map": { "AutoConfig": "configuration_nemotron_nas.DeciLMConfig" },
        "num_attention_heads": heads,
        "hidden_act": "silu",
        "attention_bias": false,
        "mlp_bias": false,
        "block_configs": architecture.layers.iter().map(block).collect::<Vec<_>>(),
    });
    super::config::set(config, keys);
    config.remove("sliding_window");
    // llama.cpp's converter reads this key; its default is 8192.
    if let RopeScaling::Llama3 { original_positions, .. } = architecture.rope.scaling {
        config.insert("original_max_position_embeddings".into(), original_positions.into());
    }
}
