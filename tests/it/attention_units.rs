//! The unit of attention, chosen for each layer: KV groups in some layers, query heads in others.

use std::{
    fs,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use slimgpt::application::protocol::{LossPoint, RunRecord, SensitivityCurve};
use slimgpt::{
    config::Settings,
    model::{Architecture, Checkpoint, Source},
    pipeline,
    prune::{AttentionUnit, LayerRatio, Part},
};

use crate::program::{Ran, Workspace, program, slimgpt};

/// KV groups in layers 0 and 2, query heads in layer 1, and the unit of the setting in layer 3.
const MIXED: [&str; 4] = ["0.5:kv-group/0.25", "0.5:query-head/0.25", "0.25:kv-group/0.4", "0.5/0.3"];

/// The first four layers of the built-in model, with two query heads per KV head.
fn grouped() -> Workspace {
    let bench = Workspace::new();
    bench.configure("num_hidden_layers", json!(MIXED.len()));
    bench.configure("num_key_value_heads", json!(4));
    bench.change_weights(|name, shape, bytes| {
        let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next());
        if layer.is_some_and(|layer| layer.parse::<usize>().unwrap() >= MIXED.len()) {
            return false;
        }
        if name.contains("k_proj") || name.contains("v_proj") {
            shape[0] /= 2;
            bytes.truncate(bytes.len() / 2);
        }
        true
    });
    bench
}

/// Writes a schedule with these ratios; its path.
fn schedule(bench: &Workspace, name: &str, ratios: &[&str]) -> String {
    fs::write(bench.path(name), ratios.join("\n")).unwrap();
    bench.text(name)
}

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn weights(out: &Path) -> Vec<u8> {
    fs::read(out.join("model.safetensors")).unwrap()
}

fn run_json(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("run.json")).unwrap()).unwrap()
}

/// Sizes of the attention: query heads and KV heads of every layer.
fn heads(architecture: &Architecture) -> Vec<(usize, usize)> {
    architecture.layers.iter().map(|size| (size.heads, size.kv_heads)).collect()
}

#[test]
fn layers_with_different_units_are_pruned_exported_and_read_back() {
    let bench = grouped();
    let ratios = schedule(&bench, "mixed", &MIXED);
    let ran = done(bench.prune(&["--schedule", &ratios, "--format", "hf,gguf", "--gguf-type", "f32"]));
    for cell in ["attention units", "2/4 KV groups", "4/8 query heads", "3/4 KV groups"] {
        assert!(ran.stdout.contains(cell), "{cell}: {}", ran.stdout);
    }
    let record = run_json(&bench.path("out"));
    let units = record["layers"].as_array().unwrap().iter().map(|layer| &layer["attention"]["unit"]);
    assert_eq!(units.collect::<Vec<_>>(), ["kv-group", "query-head", "kv-group", "query-head"]);
    for written in record["written"].as_array().unwrap() {
        assert!(written["verified"]["tokens"].as_u64().unwrap() > 0, "{written}");
    }

    let gguf = fs::read_dir(bench.path("out")).unwrap().map(|entry| entry.unwrap().path());
    let gguf = gguf.into_iter().find(|path| path.extension().is_some_and(|end| end == "gguf")).unwrap();
    for source in [Source::directory(bench.path("out")), Source::gguf(&gguf).unwrap()] {
        let read = Checkpoint::open(source).unwrap();
        assert_eq!(heads(read.architecture()), [(4, 2), (4, 4), (6, 3), (4, 4)]);
        assert_eq!(record["model"]["parameters_after"], read.architecture().parameters());
    }
    let forecast = slimgpt(&["inspect", &bench.text("model"), "--schedule", &ratios, "--json"]);
    let forecast: Value = serde_json::from_str(&done(forecast).stdout).unwrap();
    assert_eq!(forecast["parameters_after"], record["model"]["parameters_after"]);
}

#[test]
fn a_layer_retried_in_the_other_unit_gives_the_bytes_of_a_run_with_that_unit() {
    let bench = grouped();
    let ratios = schedule(&bench, "mixed", &MIXED);
    let session = bench.text("session");
    done(bench.prune(&["--schedule", &ratios, "--session", &session]));
    let retry = ["retry", &session, "--layer", "1", "--choose", "--ratio", "0.25:kv-group/0.25"];
    let tried = done(slimgpt(&retry));
    assert!(
        tried.stdout.contains("4/8 query heads") && tried.stdout.contains("3/4 KV groups"),
        "{}",
        tried.stdout
    );
    // A ratio without a unit keeps the unit of the active attempt.
    done(slimgpt(&["retry", &session, "--layer", "1", "--choose", "--ratio", "0.5/0.25"]));
    done(slimgpt(&["resume", &session, "--out", &bench.text("resumed")]));
    let other = [MIXED[0], "0.5:kv-group/0.25", MIXED[2], MIXED[3]];
    let ratios = schedule(&bench, "other", &other);
    done(bench.prune_to("anew", &["--schedule", &ratios]));
    assert!(weights(&bench.path("resumed")) == weights(&bench.path("anew")));
    for (ratio, part) in [("0.5:kv-group", "mlp"), ("0.1/0.2", "attention")] {
        let ran = slimgpt(&["retry", &session, "--layer", "1", "--ratio", ratio, "--part", part]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("not solved again"), "{}", ran.stderr);
    }
}

#[test]
fn a_killed_run_with_different_units_resumes_to_the_same_bytes() {
    let bench = grouped();
    let ratios = schedule(&bench, "mixed", &MIXED);
    done(bench.prune_to("whole", &["--schedule", &ratios]));
    let session = bench.path("session");
    let arguments = ["--schedule", &ratios, "--session", session.to_str().unwrap()];
    let mut run =
        bench.pruning("out", &arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let has_parts = || fs::read_dir(session.join("attempts")).is_ok_and(|parts| parts.count() >= 3);
    while !has_parts() && began.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let resumed: Ran = program().arg("resume").arg(&session).output().unwrap().into();
    done(resumed);
    assert!(weights(&bench.path("whole")) == weights(&bench.path("out")));
}

#[test]
fn auto_is_query_heads_of_grouped_queries_and_whole_heads_otherwise() {
    for (bench, unit) in [(grouped(), "query-head"), (Workspace::new(), "kv-group")] {
        let ratio = ["--ratio", "0.5", "--schedule", "uniform"];
        for (out, unit) in [("auto", "auto"), ("named", unit)] {
            done(bench.prune_to(out, &[&ratio[..], &["--attention-unit", unit]].concat()));
        }
        assert!(weights(&bench.path("auto")) == weights(&bench.path("named")), "{unit}");
        assert_eq!(run_json(&bench.path("auto"))["layers"], run_json(&bench.path("named"))["layers"]);
    }
}

#[test]
fn the_forecast_of_removed_parameters_counts_the_unit_of_every_layer() {
    let bench = grouped();
    let architecture =
        Checkpoint::open(Source::directory(bench.path("model"))).unwrap().architecture().clone();
    let settings = Settings::default();
    let removed = |unit| {
        let ratios = vec![LayerRatio::new(0.5, 0.0).in_units(unit); MIXED.len()];
        let plan = pipeline::plan_by_ratios(&architecture, &ratios, &settings).unwrap();
        architecture.parameters() - pipeline::planned(&architecture, &plan).parameters()
    };
    // Half of 8 query heads of 16 columns, in q and o; with KV groups, also half of 4 KV heads, in k and v.
    let of_heads = (MIXED.len() * 2 * 4 * 16 * architecture.hidden) as u64;
    assert_eq!(removed(None), of_heads);
    assert_eq!(removed(Some(AttentionUnit::QueryHead)), of_heads);
    assert_eq!(removed(Some(AttentionUnit::KvGroup)), of_heads * 3 / 2);
}

#[test]
fn a_wrong_unit_and_equal_sizes_of_different_units_are_refused() {
    let bench = grouped();
    let wrong = schedule(&bench, "wrong", &["0.5:heads/0.25"; 4]);
    let mixed = schedule(&bench, "mixed", &MIXED);
    for (arguments, words) in [
        (&["--schedule", &wrong][..], "0.1:kv-group/0.3 or 0.1:query-head/0.3"),
        (&["--schedule", &mixed, "--uniform"], "the ratio of layer 1 counts another unit of attention"),
    ] {
        let ran = bench.prune(arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn a_search_removes_the_unit_that_costs_less_for_what_it_frees() {
    let bench = grouped();
    let options = ["--ratio", "0.4", "--schedule", "auto", "--by-parameters", "--no-session", "--json"];
    let ran = done(bench.prune(&options));
    let record: RunRecord = serde_json::from_str(&ran.stdout).unwrap();
    let search = record.search.unwrap();
    let ratios = &search.tried[search.best].ratios;
    let mut removed = 0;
    assert_eq!(ratios.len(), MIXED.len());
    for (layer, ratio) in ratios.iter().enumerate() {
        let of_unit = |unit| {
            let found = search.curves.iter().find(|curve| (curve.layer, curve.unit) == (layer, Some(unit)));
            found.unwrap_or_else(|| panic!("layer {layer} has no curve for {unit}"))
        };
        // The predicted cost counts more at high ratios.
        let cost = |curve: &SensitivityCurve, point: &LossPoint| {
            point.rise * (1.0 + 4.0 * point.removed as f64 / curve.units as f64)
        };
        let share = ratio.of(Part::Attention);
        let chosen = ratio.unit.unwrap_or(AttentionUnit::QueryHead);
        let own = of_unit(chosen);
        let units = (share * own.units as f64).round() as usize;
        let Some(point) = own.points.iter().find(|point| point.removed == units) else { continue };
        removed += units;
        for curve in [AttentionUnit::KvGroup, AttentionUnit::QueryHead].map(of_unit) {
            for other in &curve.points {
                if other.removed as u64 * curve.per_unit >= units as u64 * own.per_unit {
                    assert!(
                        cost(curve, other) >= 0.999 * cost(own, point),
                        "layer {layer}: {units} of {chosen}, but {} of {:?} cost less",
                        other.removed,
                        curve.unit
                    );
                }
            }
        }
    }
    assert!(removed > 0, "{ratios:?}");
}
