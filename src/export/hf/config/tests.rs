//! Tests of the configuration of pruned models.

use serde_json::json;

use super::*;

/// A complete configuration with these keys added or replaced.
fn source(family: &str, keys: Value) -> Value {
    let config = json!({
        "model_type": family, "architectures": ["XForCausalLM"], "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50,
        "rms_norm_eps": 1e-5, "rope_theta": 5e5, "max_position_embeddings": 512, "head_dim": 8,
        "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": [2, 3], "torch_dtype": "bfloat16",
    });
    let mut config = config.as_object().cloned().unwrap();
    set(&mut config, keys);
    Value::Object(config)
}

fn read(config: &Value) -> Architecture {
    Architecture::from_config(config).unwrap()
}

fn size(heads: usize, kv_heads: usize, channels: usize) -> LayerSize {
    LayerSize { heads, kv_heads, channels }
}

/// Configurations of every family, with its optional features.
fn sources() -> Vec<Value> {
    let llama3 = json!({ "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64, "rope_theta": 1e6 });
    let windowed = json!({ "use_sliding_window": true, "sliding_window": 7, "max_window_layers": 1,
        "layer_types": ["full_attention", "sliding_attention"] });
    vec![
        source("llama", json!({})),
        source("llama", json!({ "attention_bias": true, "mlp_bias": true, "rope_theta": null })),
        source("llama", json!({ "rope_scaling": { "type": "linear", "factor": 2 } })),
        source("llama", json!({ "rope_parameters": llama3, "rope_theta": null })),
        source("mistral", json!({})),
        source("mistral", json!({ "sliding_window": 7 })),
        source("qwen2", json!({ "use_sliding_window": false, "max_window_layers": 2 })),
        source("qwen2", windowed.clone()),
        source("qwen3", windowed),
        source("qwen3", json!({ "attention_bias": true })),
    ]
}

#[test]
fn sizes_per_layer_are_read_back_as_the_same_architecture() {
    for source in sources() {
        let pruned = read(&source).with_layers(vec![size(2, 1, 40), size(4, 2, 33)]);
        assert_eq!(ModelClass::of(&pruned), ModelClass::PerLayer);
        let config = config_json(&source, &pruned, ModelClass::PerLayer, None);
        assert_eq!(read(&config), pruned, "{config:#}");
        let family = pruned.family.name();
        assert_eq!(config["model_type"], format!("slimgpt_{family}"));
        assert_eq!(config["layer_head_num"], json!([2, 4]));
        assert!(config["auto_map"]["AutoModel"].as_str().unwrap().starts_with("modeling_slimgpt.Slim"));
        // Readers that ignore sizes per layer read the maximum.
        assert_eq!((&config["num_attention_heads"], &config["intermediate_size"]), (&json!(4), &json!(40)));
    }
}

#[test]
fn equal_sizes_load_with_the_class_of_the_family() {
    for source in sources() {
        let before = read(&source);
        let pruned = before.with_layers(vec![size(2, 1, 40); 2]);
        let form = ModelClass::of(&pruned);
        assert_eq!(form, ModelClass::Stock(before.family));
        let config = config_json(&source, &pruned, form, None);
        assert_eq!(read(&config), pruned, "{config:#}");
        assert_eq!(config["model_type"], before.family.name());
        let classes = ["LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"]
            .map(|name| json!([name]));
        assert!(classes.contains(&config["architectures"]));
        for key in ["auto_map", "per_layer_config", "layer_head_num", "slimgpt_family"] {
            assert!(config.get(key).is_none(), "{key}");
        }
    }
}

#[test]
fn a_phi3_with_partial_rotary_positions_keeps_its_class_only_with_all_heads() {
    let source = source("phi3", json!({ "partial_rotary_factor": 0.5 }));
    let heads = |heads: usize| read(&source).with_layers(vec![size(heads, heads, 40); 2]);
    let whole = read(&source).layers[0].heads;
    assert_eq!(ModelClass::of(&heads(whole)), ModelClass::Stock(Family::Phi3));
    assert_eq!(ModelClass::of(&heads(whole / 2)), ModelClass::PerLayer);
}

#[test]
fn a_llama_whose_heads_do_not_divide_its_width_is_written_as_a_mistral_without_a_window() {
    let three_heads = |source: &Value| read(source).with_layers(vec![size(3, 1, 40); 2]);
    let plain = source(
        "llama",
        json!({ "attention_bias": false, "layer_types": ["full_attention", "full_attention"] }),
    );
    let pruned = three_heads(&plain);
    assert_eq!(ModelClass::of(&pruned), ModelClass::Stock(Family::Mistral));
    let config = config_json(&plain, &pruned, ModelClass::of(&pruned), None);
    assert_eq!(config["architectures"], json!(["MistralForCausalLM"]));
    assert_eq!(config.get("sliding_window"), Some(&Value::Null));
    assert!(config.get("attention_bias").is_none() && config.get("layer_types").is_none());
    assert_eq!(read(&config), Architecture { family: Family::Mistral, ..pruned });

    // A Mistral has no biases.
    for key in ["attention_bias", "mlp_bias"] {
        let biased = source("llama", json!({ key: true }));
        let pruned = three_heads(&biased);
        assert_eq!(ModelClass::of(&pruned), ModelClass::PerLayer);
        assert_eq!(read(&config_json(&biased, &pruned, ModelClass::PerLayer, None)), pruned);
    }
    // The other classes support any number of heads.
    for family in ["mistral", "qwen2", "qwen3"] {
        let source = source(family, json!({}));
        assert_eq!(ModelClass::of(&three_heads(&source)), ModelClass::Stock(read(&source).family));
    }
}

#[test]
fn a_mistral_writes_the_window_it_was_read_with() {
    let written = |source: &Value| {
        let form = ModelClass::Stock(Family::Mistral);
        config_json(source, &read(source), form, None).get("sliding_window").cloned()
    };
    assert_eq!(written(&source("mistral", json!({}))), Some(json!(4096)), "the default of transformers");
    assert_eq!(written(&source("mistral", json!({ "sliding_window": null }))), Some(Value::Null));
}

#[test]
fn padded_shapes_keep_the_configuration_except_for_remote_code() {
    for source in sources() {
        let form = ModelClass::of_unpruned(&source, &read(&source));
        assert_eq!(form, ModelClass::Unchanged);
        let config = config_json(&source, &read(&source), form, None);
        if source.get("rope_parameters").is_none() {
            let mut expected = source.clone();
            if read(&source).family == Family::Mistral {
                expected["sliding_window"] = json!(read(&source).sliding_window);
            }
            assert_eq!(config, expected);
        }
        assert_eq!(read(&config), read(&source));
        let mut mapped = source.clone();
        mapped["auto_map"] = json!({ "AutoModelForCausalLM": "modeling_other.Other" });
        assert_eq!(config_json(&mapped, &read(&mapped), form, None), config);
    }
}

#[test]
fn newer_keys_of_positions_are_also_written_under_the_older_names() {
    let parameters = json!({ "rope_type": "linear", "factor": 2.0, "rope_theta": 1e6 });
    let source = source("qwen3", json!({ "rope_theta": null, "rope_parameters": parameters }));
    for form in [ModelClass::Unchanged, ModelClass::Stock(Family::Qwen3), ModelClass::PerLayer] {
        let config = config_json(&source, &read(&source), form, None);
        assert_eq!(config["rope_parameters"], parameters);
        assert_eq!(config["rope_theta"], 1e6);
        assert_eq!(config["rope_scaling"], json!({ "rope_type": "linear", "factor": 2.0 }));
    }
}

#[test]
fn a_model_pruned_again_keeps_no_key_of_its_earlier_export() {
    for source in sources() {
        let once = read(&source).with_layers(vec![size(2, 1, 40), size(4, 2, 33)]);
        let config = config_json(&source, &once, ModelClass::PerLayer, None);
        // Padded to its own sizes, which differ between layers.
        let form = ModelClass::of_unpruned(&config, &read(&config));
        assert_eq!(form, ModelClass::PerLayer);
        assert_eq!(config_json(&config, &once, form, None), config);
        // The second pruning makes all sizes equal.
        let twice = once.with_layers(vec![size(2, 1, 33); 2]);
        let form = ModelClass::of(&twice);
        assert_eq!(form, ModelClass::Stock(twice.family));
        let again = config_json(&config, &twice, form, None);
        assert_eq!(again, config_json(&source, &twice, form, None));
        assert_eq!(read(&again), twice);
    }
}

#[test]
fn the_weight_type_is_set_under_the_existing_key() {
    let stated = |keys: Value| {
        let source = source("llama", keys);
        let config = config_json(&source, &read(&source), ModelClass::Unchanged, Some(Precision::F16));
        [config.get("torch_dtype").cloned(), config.get("dtype").cloned()]
    };
    let f16 = || Some(json!("float16"));
    assert_eq!(stated(json!({})), [f16(), None]);
    assert_eq!(stated(json!({ "dtype": "float32" })), [f16(), f16()]);
    let kept = config_json(
        &source("llama", json!({})),
        &read(&source("llama", json!({}))),
        ModelClass::Unchanged,
        None,
    );
    assert_eq!(kept["torch_dtype"], "bfloat16");
}

#[test]
fn widths_in_nemotron_nas_are_read_back() {
    let llama3 = json!({ "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64 });
    let positions = json!({ "rope_scaling": llama3 });
    for source in [
        source("llama", positions),
        source("mistral", json!({})),
        source("llama", json!({ "head_dim": null })),
    ] {
        let pruned = read(&source).with_layers(vec![size(4, 2, 256), size(4, 2, 768)]);
        let config = config_json(&source, &pruned, ModelClass::NemotronNas, None);
        let found = read(&config);
        assert_eq!(found.layers, pruned.layers, "{config:#}");
        assert_eq!((&found.rope, found.head_dim, found.tied), (&pruned.rope, pruned.head_dim, pruned.tied));
        assert_eq!(config["architectures"], json!(["DeciLMForCausalLM"]));
        let block = &config["block_configs"][1];
        assert_eq!(block["attention"]["n_heads_in_group"], 2);
        assert_eq!(block["ffn"]["ffn_mult"], json!(36.0));
        // The model is an ordinary Llama: its other exports keep nothing of nemotron-nas.
        let again = config_json(&config, &found, ModelClass::of(&found), None);
        assert_eq!(again.get("block_configs"), None, "{again:#}");
        assert_eq!(read(&again).layers, pruned.layers);
    }
}

#[test]
fn absent_parts_are_read_back_from_both_forms() {
    let source = source("llama", json!({}));
    let pruned = read(&source).with_layers(vec![size(4, 2, 0), size(0, 0, 256)]);
    for class in [ModelClass::of(&pruned), ModelClass::NemotronNas] {
        let config = config_json(&source, &pruned, class, None);
        assert_eq!(read(&config).layers, pruned.layers, "{config:#}");
        assert_eq!(config["intermediate_size"], 256);
    }
    assert_eq!(ModelClass::of(&pruned), ModelClass::PerLayer);
    let equal = pruned.with_layers(vec![size(4, 2, 0); 2]);
    assert_eq!(ModelClass::of(&equal), ModelClass::PerLayer, "no class of transformers lacks FFNs");
    assert_eq!(read(&config_json(&source, &equal, ModelClass::PerLayer, None)).layers, equal.layers);
}

#[test]
fn blocks_that_are_not_expressible_are_refused_by_name() {
    let whole = config_json(
        &source("llama", json!({})),
        &read(&source("llama", json!({}))).with_layers(vec![size(4, 2, 256); 2]),
        ModelClass::NemotronNas,
        None,
    );
    for (part, key, value) in [
        ("attention", "replace_with_linear", json!(true)),
        ("attention", "window_length", json!(1024)),
        ("attention", "n_heads_in_group", json!(3)),
        ("ffn", "ffn_mult", json!(0.001)),
        ("ffn", "ffn_mult", json!(1e300)),
    ] {
        let mut config = whole.clone();
        config["block_configs"][1][part][key] = value;
        let error = Architecture::from_config(&config).unwrap_err().to_string();
        assert!(error.contains("block_configs.1"), "{part} {key}: {error}");
    }
    let mut short = whole;
    short["block_configs"].as_array_mut().unwrap().pop();
    assert!(Architecture::from_config(&short).unwrap_err().to_string().contains("list of 2 blocks"));
}
