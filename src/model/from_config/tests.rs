//! Tests of accepted and refused configurations, and of the error messages.

use serde_json::json;

use super::*;

/// A complete configuration, with these keys added, replaced, or (`null`) removed.
fn config(model_type: &str, keys: Value) -> Value {
    let mut config = json!({
        "model_type": model_type, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50, "rms_norm_eps": 1e-5,
        "max_position_embeddings": 512, "head_dim": 8,
    });
    let (Value::Object(all), Value::Object(keys)) = (&mut config, keys) else { panic!("not objects") };
    all.extend(keys);
    config
}

fn ok(model_type: &str, keys: Value) -> Architecture {
    read(&config(model_type, keys)).unwrap()
}

fn error(model_type: &str, keys: Value) -> String {
    read(&config(model_type, keys)).unwrap_err().to_string()
}

#[test]
fn biases_and_norms_depend_on_the_family() {
    let asked = || json!({ "attention_bias": true, "mlp_bias": true });
    let of = |a: Architecture| (a.qkv_bias, a.o_bias, a.mlp_bias, a.qk_norm);
    assert_eq!(of(ok("llama", json!({}))), (false, false, false, false));
    assert_eq!(of(ok("llama", asked())), (true, true, true, false));
    assert_eq!(of(ok("mistral", asked())), (false, false, false, false));
    assert_eq!(of(ok("qwen2", json!({}))), (true, false, false, false));
    assert_eq!(of(ok("qwen2", asked())), (true, false, false, false));
    assert_eq!(of(ok("qwen3", json!({}))), (false, false, false, true));
    assert_eq!(of(ok("qwen3", asked())), (true, true, false, true));
}

#[test]
fn llama_1_has_one_key_value_head_per_head() {
    assert_eq!(ok("llama", json!({ "num_key_value_heads": null })).layers[0].kv_heads, 4);
    assert!(error("mistral", json!({ "num_key_value_heads": null })).contains("\"num_key_value_heads\""));
}

#[test]
fn head_dim_is_the_quotient_for_families_with_that_default() {
    assert_eq!(ok("llama", json!({ "head_dim": null })).head_dim, 8);
    assert_eq!(ok("mistral", json!({ "head_dim": 20 })).head_dim, 20);
    for model_type in ["qwen3", "slimgpt_llama", "slimgpt_qwen2"] {
        assert!(error(model_type, json!({ "head_dim": null })).contains("no \"head_dim\""));
    }
    assert!(
        error("llama", json!({ "head_dim": null, "hidden_size": 30 })).contains("\"head_dim\" must be given")
    );
    assert!(error("llama", json!({ "head_dim": 7 })).contains("\"head_dim\" must be even"));
}

#[test]
fn sizes_per_layer_override_those_of_the_model() {
    let table = json!({ "1": { "num_attention_heads": 3, "num_key_value_heads": 1 } });
    let layers = ok("slimgpt_llama", json!({ "per_layer_config": table })).layers;
    assert_eq!(layers[0], LayerSize { heads: 4, kv_heads: 2, channels: 48 });
    assert_eq!(layers[1], LayerSize { heads: 3, kv_heads: 1, channels: 48 });
    let cases = [
        (json!({ "2": {} }), "the number of a layer, 0 to 1"),
        (json!({ "one": {} }), "the number of a layer, 0 to 1"),
        (json!([]), "an object with one entry per layer"),
        (json!({ "0": 3 }), "\"per_layer_config.0\" must be an object"),
        (json!({ "0": { "intermediate_size": 0 } }), "\"per_layer_config.0.intermediate_size\""),
        (json!({ "0": { "hidden_size": 8 } }), "\"per_layer_config.0.hidden_size\" is not supported"),
        (json!({ "0": { "num_attention_heads": 3 } }), "a divisor of the 3 attention heads of layer 0"),
    ];
    for (table, expected) in cases {
        let error = error("slimgpt_llama", json!({ "per_layer_config": table }));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_pruned_form_names_its_family() {
    assert_eq!(ok("slimgpt_llama", json!({})).family, Family::Llama);
    assert_eq!(ok("slimgpt_mistral", json!({})).family, Family::Mistral);
    assert_eq!(ok("slimgpt_qwen3", json!({ "slimgpt_family": "qwen3" })).family, Family::Qwen3);
    assert_eq!(ok("slimgpt_llama", json!({ "slimgpt_family": "qwen2" })).family, Family::Qwen2);
    assert!(error("slimgpt_llama", json!({ "slimgpt_family": "phi" })).contains("slimgpt_family \"phi\""));
    assert!(error("slimgpt_phi", json!({})).contains("model_type \"phi\""));
}

#[test]
fn sliding_windows_depend_on_the_family() {
    let windows = |model_type, keys| {
        let architecture = ok(model_type, keys);
        [architecture.window(0), architecture.window(1)]
    };
    assert_eq!(windows("llama", json!({ "sliding_window": 7 })), [None, None]);
    assert_eq!(windows("mistral", json!({ "sliding_window": 7 })), [Some(7), Some(7)]);
    assert_eq!(windows("mistral", json!({ "sliding_window": null })), [None, None]);
    assert_eq!(windows("qwen2", json!({ "sliding_window": 7, "max_window_layers": 0 })), [None, None]);
    let from_1 = || json!({ "use_sliding_window": true, "sliding_window": 7, "max_window_layers": 1 });
    assert_eq!(windows("qwen3", from_1()), [None, Some(7)]);
    let mut listed = from_1();
    listed["layer_types"] = json!(["full_attention", "sliding_attention"]);
    assert_eq!(windows("qwen2", listed.clone()), [None, Some(7)]);
    listed["layer_types"] = json!(["sliding_attention", "full_attention"]);
    assert!(error("qwen2", listed).contains("\"layer_types\""));
}

#[test]
fn both_spellings_of_rotary_positions_are_read() {
    let llama3 = json!({ "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192 });
    let mut with_theta = llama3.clone();
    with_theta["rope_theta"] = json!(500_000.0);
    let older = ok("llama", json!({ "rope_theta": 500_000.0, "rope_scaling": llama3 })).rope;
    let newer = ok("llama", json!({ "rope_parameters": with_theta })).rope;
    assert_eq!(older, newer);
    assert_eq!(older.theta, 5e5);
    assert_eq!(ok("llama", json!({})).rope, RopeSettings { theta: 1e4, scaling: RopeScaling::None });
    let linear = ok("llama", json!({ "rope_scaling": { "type": "linear", "factor": 2 } })).rope;
    assert_eq!(linear.scaling, RopeScaling::Linear { factor: 2.0 });
}

#[test]
fn unsupported_rotary_positions_are_refused_by_name() {
    let cases = [
        (json!({ "rope_scaling": { "type": "yarn", "factor": 4.0 } }), "rope_scaling of type \"yarn\""),
        (json!({ "rope_scaling": { "factor": 4.0 } }), "rope_scaling of type \"none given\""),
        (json!({ "rope_parameters": { "full_attention": {} } }), "rope_parameters of type \"none given\""),
        (json!({ "rope_scaling": { "type": "linear" } }), "no \"factor\""),
        (json!({ "rope_scaling": { "type": "linear", "factor": 0 } }), "\"factor\" must be a number above 0"),
        (json!({ "partial_rotary_factor": 0.5 }), "partial_rotary_factor"),
        (json!({ "rope_theta": -1.0 }), "\"rope_theta\""),
        (json!({ "rope_scaling": 3 }), "\"rope_scaling\" must be an object or null"),
    ];
    for (keys, expected) in cases {
        let error = error("llama", keys);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn other_models_are_refused_by_name() {
    for model_type in ["gemma2", "qwen3_moe", "mixtral"] {
        let error = error(model_type, json!({}));
        assert!(error.contains(model_type) && error.contains("qwen2, qwen3"), "{error}");
    }
    let quantised = json!({ "quantization_config": { "quant_method": "gptq" } });
    assert!(error("llama", quantised).contains("gptq"));
    assert!(error("llama", json!({ "hidden_act": "gelu" })).contains("hidden_act \"gelu\""));
}

#[test]
fn every_missing_or_wrong_key_is_named() {
    for key in [
        "model_type",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "vocab_size",
        "rms_norm_eps",
        "max_position_embeddings",
    ] {
        assert_eq!(
            error("llama", json!({ key: null })),
            format!("config.json has no {key:?}; add it or use the file published with the model")
        );
        for value in [json!(0), json!(-3), json!("many"), json!([1]), json!({}), json!(true)] {
            let error = error("llama", json!({ key: value }));
            assert!(error.contains(&format!("{key:?}")) || error.contains(key), "{key}: {error}");
        }
    }
    for huge in [json!(u64::MAX), json!(1e300), json!(1u64 << 40)] {
        assert!(error("llama", json!({ "num_hidden_layers": huge })).contains("from 1 to"));
    }
    assert!(read(&json!([1, 2])).unwrap_err().to_string().contains("a JSON object"));
}

#[test]
fn one_or_several_end_tokens_are_read() {
    let tokens = |bos, eos| {
        let architecture = ok("llama", json!({ "bos_token_id": bos, "eos_token_id": eos }));
        (architecture.bos, architecture.eos)
    };
    assert_eq!(tokens(json!(1), json!(2)), (Some(1), vec![2]));
    assert_eq!(tokens(json!(null), json!([2, 3])), (None, vec![2, 3]));
    assert!(error("llama", json!({ "eos_token_id": "</s>" })).contains("\"eos_token_id\""));
}
