//! Tests of accepted and refused configurations, and of the error messages.

use serde_json::json;

use crate::model::{LayerSize, QkNorm, RopeScaling, RopeSettings};

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
    read(&config(model_type, keys)).unwrap().0
}

/// The warnings as sentences.
fn warnings(model_type: &str, keys: Value) -> Vec<String> {
    read(&config(model_type, keys)).unwrap().1.iter().map(Warning::to_string).collect()
}

fn error(model_type: &str, keys: Value) -> String {
    read(&config(model_type, keys)).unwrap_err().to_string()
}

#[test]
fn biases_and_norms_depend_on_the_family() {
    let asked = || json!({ "attention_bias": true, "mlp_bias": true });
    let of = |a: Architecture| (a.qkv_bias, a.o_bias, a.mlp_bias, a.form.qk_norm == QkNorm::Heads);
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
}

#[test]
fn head_dim_is_the_quotient_for_families_with_that_default() {
    assert_eq!(ok("llama", json!({ "head_dim": null })).head_dim, 8);
    assert_eq!(ok("mistral", json!({ "head_dim": 20 })).head_dim, 20);
    assert_eq!(ok("qwen3", json!({ "head_dim": null })).head_dim, 128);
    for model_type in ["slimgpt_llama", "slimgpt_qwen2"] {
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
    assert_eq!(windows("qwen3", listed.clone()), [Some(7), None]);
    listed["use_sliding_window"] = json!(false);
    assert!(error("qwen2", listed).contains("\"layer_types\""));
    let other = json!({ "layer_types": ["full_attention", "chunked_attention"] });
    assert!(error("qwen2", other).contains("a layer of type \"chunked_attention\" is not supported"));
}

#[test]
fn options_of_other_families_are_told() {
    assert!(
        warnings("llama", json!({ "sliding_window": 7 }))[0]
            .contains("\"sliding_window\" has no effect, because Llama")
    );
    assert!(warnings("qwen2", json!({ "attention_bias": true }))[0].contains("Qwen2 has no such option"));
    let without_effect =
        json!({ "sliding_window": null, "residual_multiplier": 1.0, "attn_logit_softcapping": null });
    assert_eq!(warnings("llama", without_effect), [""; 0]);
    assert_eq!(warnings("mistral", json!({ "attention_bias": false })), [""; 0]);
}

#[test]
fn a_list_of_layer_types_without_effect_gives_a_warning() {
    let listed = || json!({ "sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"] });
    assert_eq!(ok("phi3", listed()).window(1), Some(7));
    assert!(warnings("phi3", listed())[0].contains("\"layer_types\" has no effect, because Phi3 has"));
    let ministral = ok("mistral", listed());
    assert_eq!(
        (ministral.family, ministral.window(0), ministral.window(1)),
        (Family::Ministral, Some(7), None)
    );
    assert_eq!(warnings("mistral", listed()), [""; 0]);
    let agreeing = json!({ "layer_types": ["full_attention", "full_attention"] });
    assert_eq!(warnings("llama", agreeing), [""; 0]);
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
    assert_eq!(ok("llama", json!({})).rope, RopeSettings::new(1e4, RopeScaling::None));
    let linear = ok("llama", json!({ "rope_scaling": { "type": "linear", "factor": 2 } })).rope;
    assert_eq!(linear.scaling, RopeScaling::Linear { factor: 2.0 });
}

#[test]
fn rope_scaling_replaces_rope_parameters_with_a_warning() {
    let parameters = |theta: f64| json!({ "rope_type": "default", "rope_theta": theta });
    let linear = || json!({ "rope_type": "linear", "factor": 4.0 });
    let both = |theta| json!({ "rope_parameters": parameters(theta), "rope_scaling": linear() });
    let told = ["config.json: \"rope_parameters\" has no effect, because \"rope_scaling\" replaces it"];
    assert_eq!(ok("llama", both(1e4)).rope, RopeSettings::new(1e4, RopeScaling::Linear { factor: 4.0 }));
    assert_eq!(warnings("llama", both(1e4)), told);
    // The base is replaced too.
    let alike = json!({ "rope_scaling": linear(),
        "rope_parameters": { "rope_type": "linear", "factor": 4.0, "rope_theta": 5e5 } });
    assert_eq!(ok("llama", alike.clone()).rope.theta, 1e4);
    assert_eq!(warnings("llama", alike.clone()), told);
    let mut agreeing = alike;
    agreeing["rope_theta"] = json!(5e5);
    assert_eq!(ok("llama", agreeing.clone()).rope.theta, 5e5);
    assert_eq!(warnings("llama", agreeing), [""; 0]);
    let empty = json!({ "rope_scaling": {}, "rope_parameters": parameters(5e5) });
    assert_eq!(ok("llama", empty).rope.theta, 5e5);
}

#[test]
fn rotary_keys_without_effect_give_warnings() {
    let cases = [
        (
            json!({ "rope_theta": 7.0, "rope_parameters": { "rope_theta": 5.0 } }),
            "\"rope_theta\" has no effect",
        ),
        (json!({ "rope_scaling": { "factor": 4.0 } }), "\"rope_scaling.factor\" has no effect"),
        (json!({ "partial_rotary_factor": 0.5 }), "this family rotates whole heads"),
    ];
    for (keys, expected) in cases {
        assert_eq!(ok("llama", keys.clone()).rope.scaling, RopeScaling::None);
        assert!(warnings("llama", keys).iter().any(|told| told.contains(expected)), "{expected}");
    }
}

#[test]
fn missing_factors_of_long_contexts_are_derived() {
    let yarn = json!({ "rope_scaling": { "rope_type": "yarn", "factor": 4.0 } });
    let RopeScaling::Yarn { attention_factor, original_positions, beta_fast, truncate, .. } =
        ok("llama", yarn).rope.scaling
    else {
        panic!("not yarn")
    };
    assert!((attention_factor - (0.1 * 4f64.ln() + 1.0)).abs() < 1e-12);
    assert_eq!((original_positions, beta_fast, truncate), (512, 32.0, true));
    let longrope = json!({ "original_max_position_embeddings": 128,
        "rope_scaling": { "type": "su", "short_factor": [1, 1, 1, 1], "long_factor": [2, 2, 2, 2] } });
    let RopeScaling::LongRope { attention_factor, original_positions, .. } =
        ok("phi3", longrope).rope.scaling
    else {
        panic!("not longrope")
    };
    assert!((attention_factor - (1.0 + 4f64.ln() / 128f64.ln()).sqrt()).abs() < 1e-12);
    assert_eq!(original_positions, 128);
    let short =
        json!({ "rope_scaling": { "type": "longrope", "short_factor": [1], "long_factor": [2, 2, 2, 2] } });
    assert!(error("phi3", short).contains("\"rope_scaling.short_factor\" must be a list of 4 numbers"));
    assert!(
        error("phi3", json!({ "rope_scaling": { "type": "linear", "factor": 2 } }))
            .contains("default and longrope")
    );
}

#[test]
fn windowed_layers_of_gemma3_have_their_own_rotary_base() {
    let plain = ok("gemma3_text", json!({}));
    assert_eq!((plain.rope.theta, plain.windowed_rope.unwrap().theta), (1e6, 1e4));
    let older = ok(
        "gemma3_text",
        json!({ "rope_theta": 5e5, "rope_local_base_freq": 2e4,
        "rope_scaling": { "rope_type": "linear", "factor": 8.0 } }),
    );
    let newer = ok(
        "gemma3_text",
        json!({ "rope_parameters": {
        "full_attention": { "rope_type": "linear", "factor": 8.0, "rope_theta": 5e5 },
        "sliding_attention": { "rope_type": "default", "rope_theta": 2e4 } } }),
    );
    assert_eq!(older, newer);
    assert_eq!(older.windowed_rope.unwrap().scaling, RopeScaling::None);
}

#[test]
fn every_family_has_its_layers_without_positions_and_with_windows() {
    let kinds = |model_type, keys| -> Vec<(bool, bool)> {
        let architecture = ok(model_type, keys);
        architecture.positions.iter().map(|layer| (layer.windowed, layer.rotated)).collect()
    };
    let of = |keys: Value| {
        let mut all = json!({ "num_hidden_layers": 4 });
        all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        all
    };
    assert_eq!(
        kinds("smollm3", of(json!({}))),
        [(false, true), (false, true), (false, true), (false, false)]
    );
    let windowed =
        of(json!({ "no_rope_layers": [1, 0, 1, 0], "use_sliding_window": true, "sliding_window": 5 }));
    assert_eq!(kinds("smollm3", windowed), [(false, true), (true, false), (false, true), (true, false)]);
    let alternating = [(true, true), (false, true), (true, true), (false, true)];
    assert_eq!(kinds("gemma2", of(json!({}))), alternating);
    assert_eq!(kinds("gemma3_text", of(json!({ "sliding_window_pattern": 2 }))), alternating);
    assert_eq!(kinds("gemma3_text", of(json!({}))), [(true, true); 4]);
}

#[test]
fn the_lists_of_the_slimgpt_authors_are_sizes_per_layer() {
    let lists =
        json!({ "num_key_value_heads": null, "layer_head_num": [3, 1], "layer_inter_size": [40, 30] });
    let size = |heads, channels| LayerSize { heads, kv_heads: heads, channels };
    assert_eq!(ok("llama", lists).layers, [size(3, 40), size(1, 30)]);
    assert!(error("llama", json!({ "layer_head_num": [3] })).contains("a list of 2 numbers, one per layer"));
    assert!(
        error("llama", json!({ "layer_head_num": [3, 2] }))
            .contains("\"layer_head_num.0\" must be a multiple of the 2")
    );
}

/// Values of missing keys in the configuration classes of transformers 5.24: vocabulary, hidden size, channels, layers,
/// heads, key-value heads, head_dim, positions, epsilon, base, window, tied, first and last token.
#[test]
fn missing_keys_have_the_defaults_of_transformers() {
    type Row = (&'static str, [usize; 8], f64, f64, Option<usize>, bool, Option<u32>, Option<u32>);
    let table: [Row; 11] = [
        ("llama", [32000, 4096, 11008, 32, 32, 32, 128, 2048], 1e-6, 1e4, None, false, Some(1), Some(2)),
        (
            "mistral",
            [32000, 4096, 14336, 32, 32, 8, 128, 131_072],
            1e-6,
            1e4,
            Some(4096),
            false,
            Some(1),
            Some(2),
        ),
        (
            "ministral",
            [32000, 4096, 14336, 32, 32, 8, 128, 131_072],
            1e-6,
            1e4,
            Some(4096),
            false,
            Some(1),
            Some(2),
        ),
        ("qwen2", [151_936, 4096, 22016, 32, 32, 32, 128, 32768], 1e-6, 1e4, None, false, None, None),
        ("qwen3", [151_936, 4096, 22016, 32, 32, 32, 128, 32768], 1e-6, 1e4, None, false, None, None),
        (
            "smollm3",
            [128_256, 2048, 11008, 36, 16, 4, 128, 32768],
            1e-6,
            2e6,
            None,
            true,
            Some(128_000),
            Some(128_001),
        ),
        ("granite", [32000, 4096, 11008, 32, 32, 32, 128, 2048], 1e-6, 1e4, None, false, Some(1), Some(2)),
        ("olmo2", [50304, 4096, 11008, 32, 32, 32, 128, 2048], 1e-5, 1e4, None, false, None, Some(50279)),
        ("phi3", [32064, 3072, 8192, 32, 32, 32, 96, 4096], 1e-5, 1e4, None, false, Some(1), Some(32000)),
        ("gemma2", [256_000, 2304, 9216, 26, 8, 4, 256, 8192], 1e-6, 1e4, Some(4096), true, Some(2), Some(1)),
        (
            "gemma3_text",
            [262_208, 2304, 9216, 26, 8, 4, 256, 131_072],
            1e-6,
            1e6,
            Some(4096),
            true,
            Some(2),
            Some(1),
        ),
    ];
    assert_eq!(table.len(), Family::all().len());
    for (name, counts, eps, theta, window, tied, bos, eos) in table {
        let (read, warnings) = read(&json!({ "model_type": name })).unwrap();
        let LayerSize { heads, kv_heads, channels } = read.layers[0];
        let found = [
            read.vocab,
            read.hidden,
            channels,
            read.layers.len(),
            heads,
            kv_heads,
            read.head_dim,
            read.max_positions,
        ];
        assert_eq!(found, counts, "{name}");
        assert_eq!(
            (read.norm_eps, read.rope.theta, read.window(0), read.tied),
            (eps, theta, window, tied),
            "{name}"
        );
        assert_eq!((read.bos, read.eos.first().copied()), (bos, eos), "{name}");
        assert_eq!(warnings, []);
    }
    let used = json!({ "model_type": "qwen2", "use_sliding_window": true });
    let windows = |read: Architecture| [27, 28].map(|layer| read.window(layer));
    assert_eq!(windows(read(&used).unwrap().0), [None, Some(4096)]);
    assert_eq!(
        read(&json!({ "model_type": "mistral", "num_key_value_heads": null })).unwrap().0.layers[0].kv_heads,
        32
    );
    let gemma2 = read(&json!({ "model_type": "gemma2" })).unwrap().0.form;
    assert_eq!((gemma2.attention_cap, gemma2.logits_cap), (Some(50.0), Some(30.0)));
    assert_eq!(gemma2.multipliers.attention, Some(1.0 / 16.0));
    assert_eq!(gemma2.activation, Activation::GeluTanh);
}

#[test]
fn unsupported_rotary_positions_are_refused_by_name() {
    let cases = [
        (json!({ "rope_scaling": { "type": "mrope", "factor": 4.0 } }), "rope_scaling of type \"mrope\""),
        (
            json!({ "rope_parameters": { "full_attention": {} } }),
            "rope_parameters with an object \"full_attention\"",
        ),
        (
            json!({ "rope_scaling": { "type": "linear", "factor": 2, "partial_rotary_factor": 0.5 } }),
            "a partial_rotary_factor with rotary positions of type \"linear\"",
        ),
        (json!({ "rope_scaling": { "type": "linear" } }), "no \"factor\""),
        (json!({ "rope_scaling": { "type": "linear", "factor": 0 } }), "\"factor\" must be a number above 0"),
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
    for model_type in ["gemma3", "qwen3_moe", "mixtral"] {
        let error = error(model_type, json!({}));
        assert!(error.contains(model_type) && error.contains("qwen2, qwen3, smollm3"), "{error}");
    }
    let quantised = json!({ "quantization_config": { "quant_method": "gptq" } });
    assert!(error("llama", quantised).contains("gptq"));
    assert!(error("llama", json!({ "hidden_act": "gelu" })).contains("hidden_act \"gelu\""));
    assert!(error("gemma2", json!({ "hidden_activation": "relu" })).contains("gelu_pytorch_tanh"));
    assert!(
        error("gemma2", json!({ "use_bidirectional_attention": true })).contains("predict the next token")
    );
}

#[test]
fn every_wrong_key_is_named() {
    assert_eq!(
        error("llama", json!({ "model_type": null })),
        "config.json has no \"model_type\"; add it or use the file published with the model"
    );
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
