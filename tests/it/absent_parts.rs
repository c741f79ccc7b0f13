//! Models whose layers lack the attention or the FFN.

use std::fs;

use candle_core::{DType, Device};
use serde_json::{Value, json};
use slimgpt::{
    application::{
        explorer::{Msg, Screen, update},
        recording::Replay,
    },
    model::{Architecture, Checkpoint, LayerSize, Source},
};

use crate::{
    program::{Ran, Workspace, slimgpt},
    tiny_model::{checkpoint, config, random_tensors, random_tokens, set},
    window::{drawn, press, replay},
};

const FAMILIES: [&str; 11] = [
    "llama",
    "mistral",
    "ministral",
    "qwen2",
    "qwen3",
    "smollm3",
    "granite",
    "olmo2",
    "phi3",
    "gemma2",
    "gemma3_text",
];

fn read(path: &std::path::Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn opened(directory: &std::path::Path) -> Checkpoint {
    Checkpoint::open(Source::directory(directory)).unwrap()
}

fn logits(checkpoint: &Checkpoint, tokens: &[u32]) -> Vec<f32> {
    let decoder = checkpoint.decoder(tokens.len(), &Device::Cpu, DType::F32).unwrap();
    decoder.logits(&[tokens]).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The built-in model, in which layer 3 lacks its attention, layer 5 its FFN, and layer 7 both.
fn bench() -> Workspace {
    let bench = Workspace::new();
    let skip = json!({
        "3": { "skip": ["attention"] },
        "5": { "skip": ["mlp"] },
        "7": { "skip": ["attention", "mlp"] },
    });
    bench.configure("per_layer_config", skip);
    bench
}

#[test]
fn an_absent_part_contributes_nothing_in_every_family() {
    for family in FAMILIES {
        let mut whole = config(family);
        set(&mut whole, json!({ "num_hidden_layers": 3 }));
        let mut tensors = random_tensors(&whole, 3);
        for (name, (_, numbers)) in &mut tensors {
            let output =
                name.contains("layers.0.mlp.down_proj") || name.contains("layers.1.self_attn.o_proj");
            if output || name.contains("layers.2") && (name.contains("down_proj") || name.contains("o_proj"))
            {
                numbers.fill(0.0);
            }
        }
        let zeroed = checkpoint(&whole, &tensors, DType::F32);
        let mut without = whole.clone();
        let skip = json!({
            "0": { "skip": ["mlp"] },
            "1": { "skip": ["attention"] },
            "2": { "skip": ["mlp", "attention"] },
        });
        set(&mut without, json!({ "per_layer_config": skip }));
        let absent: Vec<String> = Architecture::from_config(&without)
            .unwrap()
            .tensors()
            .into_iter()
            .map(|slot| slot.name)
            .collect();
        assert!(!absent.iter().any(|name| name.contains("layers.2")), "{family}: {absent:?}");
        tensors.retain(|name, _| absent.contains(name));
        let absent = checkpoint(&without, &tensors, DType::F32);
        let absent = opened(absent.path());
        assert_eq!(absent.warnings(), &[], "{family}");

        let tokens = random_tokens(9, 4);
        let expected = logits(&opened(zeroed.path()), &tokens);
        assert_eq!(logits(&absent, &tokens), expected, "{family}");
        let decoder = absent.decoder(tokens.len(), &Device::Cpu, DType::F32).unwrap();
        let mut caches = decoder.caches(tokens.len());
        let (first, rest) = tokens.split_at(4);
        decoder.next(first, &mut caches).unwrap();
        let next: Vec<f32> = decoder.next(rest, &mut caches).unwrap().to_vec1().unwrap();
        let last = &expected[expected.len() - next.len()..];
        assert!(next.iter().zip(last).all(|(a, b)| (a - b).abs() < 1e-4), "{family}, with a cache");
    }
}

#[test]
fn parts_to_skip_are_attention_and_mlp() {
    let with = |skip: Value| {
        let mut config = config("llama");
        set(&mut config, json!({ "per_layer_config": { "1": { "skip": skip, "intermediate_size": 16 } } }));
        Architecture::from_config(&config).map(|read| read.layers[1]).map_err(|error| error.to_string())
    };
    assert_eq!(with(json!([])), Ok(LayerSize { heads: 4, kv_heads: 2, channels: 16 }));
    assert_eq!(with(json!(["attention"])), Ok(LayerSize { heads: 0, kv_heads: 0, channels: 16 }));
    assert_eq!(with(json!(["mlp"])), Ok(LayerSize { heads: 4, kv_heads: 2, channels: 0 }));
    for (wrong, word) in [(json!(["mixer"]), "mixer"), (json!("mlp"), "a list of parts"), (json!([1]), "1")] {
        let error = with(wrong).unwrap_err();
        assert!(error.contains("per_layer_config.1.skip") && error.contains(word), "{error}");
    }
}

#[test]
fn the_other_parts_are_pruned_and_the_export_opens_again_with_equal_numbers() {
    let bench = bench();
    let settings = ["--ratio", "0.3", "--eval", &bench.text("text.txt")];
    let ran = done(bench.prune(&settings));
    assert!(!ran.stdout.contains("NaN") && !ran.stderr.contains("NaN"), "{}{}", ran.stdout, ran.stderr);
    let record = read(&bench.path("out/run.json"));
    let units = |layer: usize, part: &str| record["layers"][layer][part]["units"].as_u64().unwrap();
    assert_eq!([units(3, "attention"), units(5, "mlp"), units(7, "attention"), units(7, "mlp")], [0; 4]);
    let removed =
        |layer: usize, part: &str| record["layers"][layer][part]["removed"].as_array().unwrap().len();
    assert!(removed(3, "mlp") > 0 && removed(5, "attention") > 0);
    let verified = &record["written"][0]["verified"];
    assert!(verified["largest_difference"].as_f64().unwrap() <= verified["tolerance"].as_f64().unwrap());

    let table = &read(&bench.path("out/config.json"))["per_layer_config"];
    assert_eq!(table["7"], json!({ "skip": ["attention", "mlp"] }));
    assert_eq!(table["3"]["skip"], json!(["attention"]));
    assert_eq!(table["3"].get("num_attention_heads"), None);
    let inspected: Value =
        serde_json::from_str(&done(slimgpt(&["inspect", &bench.text("out"), "--json"])).stdout).unwrap();
    assert_eq!(
        (&inspected["layers"][3]["heads"], &inspected["layers"][5]["channels"]),
        (&json!(0), &json!(0))
    );
    done(slimgpt(&["inspect", &bench.text("out")]));

    let padded = ["export", "last", "--format", "padded", "--out", &bench.text("padded")];
    done(slimgpt(&padded));
    done(slimgpt(&["report", "last", "--out", &bench.text("report")]));
    let page = fs::read_to_string(bench.path("report/index.html")).unwrap();
    assert!(!page.contains("NaN") && !page.contains("inf "));
}

#[test]
fn every_schedule_and_both_units_leave_absent_parts_alone() {
    let bench = bench();
    for (number, settings) in [
        &["--schedule", "auto", "--ratio", "0.2", "--search-samples", "2", "--search-trials", "2"][..],
        &["--schedule", "uniform", "--by-parameters", "--ratio", "0.3", "--target", "dense-stream"],
        &["--attention-unit", "query-head", "--ratio", "0.5", "--bias-compensation"],
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("out-{number}");
        done(
            bench.prune_to(
                &out,
                &[&["--no-session", "--layers", "3..8", "--samples", "2"], settings].concat(),
            ),
        );
        let table = &read(&bench.path(&out).join("config.json"))["per_layer_config"];
        assert_eq!(table["7"], json!({ "skip": ["attention", "mlp"] }), "{settings:?}");
    }
    let ran = bench.prune_to("uniform", &["--uniform", "--ratio", "0.3"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("layer 3 of the model differs in size"), "{}", ran.stderr);
}

#[test]
fn a_gguf_file_has_layers_without_attention_and_refuses_layers_without_ffn() {
    let bench = Workspace::new();
    bench.configure("per_layer_config", json!({ "3": { "skip": ["attention"] } }));
    done(bench.prune(&["--ratio", "0.3", "--format", "hf", "--format", "gguf", "--gguf-type", "f32"]));
    let file = fs::read_dir(bench.path("out")).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "gguf")).unwrap();
    let gguf = Checkpoint::open(Source::gguf(&file).unwrap()).unwrap();
    assert_eq!(gguf.architecture().layers, opened(&bench.path("out")).architecture().layers);
    let tokens = random_tokens(9, 4);
    assert_eq!(logits(&gguf, &tokens), logits(&opened(&bench.path("out")), &tokens));

    for (skip, words) in [
        (json!({ "3": { "skip": ["mlp"] } }), "layer 3 has no FFN"),
        (json!({ "0": { "skip": ["attention"] } }), "layer 0 has no attention"),
    ] {
        bench.configure("per_layer_config", skip);
        let ran = bench.prune_to("refused", &["--ratio", "0.3", "--format", "gguf"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let ran = bench.prune_to("refused", &["--ratio", "0.3"]);
    assert!(ran.stderr.contains("layer 0 has no attention"), "{}", ran.stderr);
}

#[test]
fn nemotron_nas_marks_absent_parts_as_no_op() {
    let bench = bench();
    done(bench.prune(&["--portable", "--ratio", "0.2", "--no-session"]));
    let config = read(&bench.path("out/config.json"));
    let no_op = |layer: usize, part: &str| config["block_configs"][layer][part]["no_op"].as_bool().unwrap();
    assert_eq!(
        [no_op(3, "attention"), no_op(3, "ffn"), no_op(5, "ffn"), no_op(7, "ffn")],
        [true, false, true, true]
    );
    let read = opened(&bench.path("out")).architecture().layers.clone();
    assert_eq!(read[3].heads, 0);
    assert_eq!((read[7], read[5].channels), (LayerSize { heads: 0, kv_heads: 0, channels: 0 }, 0));
    bench.configure("per_layer_config", json!({ "0": { "skip": ["attention"] } }));
    let ran = bench.prune_to("refused", &["--portable", "--ratio", "0.2"]);
    assert!(ran.stderr.contains("layer 0 has no attention"), "{}", ran.stderr);
}

#[test]
fn every_screen_shows_layers_without_parts() {
    let bench = bench();
    let events = bench.text("events.jsonl");
    done(bench.prune(&["--ratio", "0.3", "--events", &events, "--no-session"]));
    let mut player = Replay::open(events.as_ref()).unwrap().play(f64::INFINITY);
    let mut state = replay();
    while let Some(event) = player.events.blocking_recv() {
        update(&mut state, Msg::Engine(event));
    }
    for size in [(80, 24), (120, 40), (200, 60)] {
        for screen in Screen::ALL {
            state.screen = screen;
            state.size = size;
            press(&mut state, &["home"]);
            for _ in 0..12 {
                let shown = drawn(&state).text();
                assert!(!shown.contains("NaN") && !shown.contains("inf "), "{shown}");
                press(&mut state, &["tab", "down"]);
                drawn(&state);
                press(&mut state, &["shift-tab"]);
            }
        }
    }
}
