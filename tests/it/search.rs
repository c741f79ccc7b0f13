//! The search for ratios: `--schedule auto`.

use std::{fs, ops::ControlFlow};

use crate::program::{Workspace, slimgpt};
use candle_core::{DType, Device};
use serde_json::Value;
use slimgpt::application::{
    pipeline::{Search, SearchWindows, Sensitivity, for_search},
    protocol::{RunRecord, TriedRatios},
};
use slimgpt::{
    calibration::Windows,
    config::Settings,
    model::{Checkpoint, Source},
    prune::{AttentionUnitChoice, LayerRatio, Part},
};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const QUICK: [&str; 12] = [
    "--layers",
    "9..12",
    "--schedule",
    "auto",
    "--ratio",
    "0.5",
    "--search-samples",
    "2",
    "--search-trials",
    "8",
    "--json",
    "--no-session",
];

#[test]
fn searched_ratios_are_no_worse_than_any_named_schedule() {
    let bench = Workspace::new();
    let ran = bench.prune(&QUICK);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record: RunRecord = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(record.settings.ratios.schedule.to_string(), "auto");
    let search = record.search.as_ref().unwrap();
    let best = &search.tried[search.best];
    assert!(search.tried.iter().all(|tried| tried.removed >= search.budget));
    for name in ["log", "linear", "uniform"] {
        let tried = search.tried.iter().find(|tried| tried.name == name).unwrap();
        assert!(best.divergence.unwrap() <= tried.divergence.unwrap(), "{name}");
    }
    let model = &record.model;
    assert_eq!(model.parameters_before - model.parameters_after, best.removed);
    for layer in &record.layers[9..] {
        assert_eq!(layer.ratio, best.ratios[layer.index]);
    }
    let apart = |ratio: &LayerRatio| ratio.one().is_none();
    assert!(
        search.tried.iter().any(|tried| tried.ratios.iter().any(apart)),
        "some candidate has separate ratios for heads and channels"
    );
    assert!(ran.stderr.contains("nats per token"), "{}", ran.stderr);

    let again = bench.prune_to("again", &QUICK);
    assert_eq!(json(&again.stdout)["search"], json(&ran.stdout)["search"]);
}

#[test]
fn a_guard_bounds_the_search_by_the_higher_divergence() {
    let bench = Workspace::new();
    let guard = bench.path("guard.txt");
    fs::write(&guard, "The list: 7, 12, 9, 31.\nIts sum is 59, says the list.\n".repeat(40)).unwrap();
    let guarded =
        [&QUICK[..], &["--guard", guard.to_str().unwrap(), "--eval-windows", "1", "--search-guard"]].concat();
    let ran = bench.prune(&guarded);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(", on the guard "), "{}", ran.stderr);
    let record: RunRecord = serde_json::from_str(&ran.stdout).unwrap();
    let search = record.search.as_ref().unwrap();
    let higher = |tried: &TriedRatios| tried.divergence.unwrap().max(tried.guard.unwrap());
    let best = higher(&search.tried[search.best]);
    assert!(search.tried.iter().all(|tried| best <= higher(tried)));
    assert!(search.tried.iter().any(|tried| tried.guard > tried.divergence), "the texts differ");

    fs::write(&guard, "Too short.").unwrap();
    let ran = bench.prune_to("short", &guarded);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}

#[test]
fn a_session_stores_the_search_and_a_resumed_run_keeps_its_ratios() {
    let bench = Workspace::new();
    let session = bench.text("session");
    let arguments: Vec<&str> =
        QUICK.into_iter().filter(|word| *word != "--no-session").chain(["--session", &session]).collect();
    let ran = bench.prune(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record = json(&ran.stdout);
    // A layer without an active attempt is solved again with the ratio from the search.
    let chosen = slimgpt(&["choose", &session, "--layer", "11", "--attempt", "none"]);
    assert_eq!(chosen.code, Some(0), "{}", chosen.stderr);
    let state: Value =
        serde_json::from_slice(&std::fs::read(bench.path("session/session.json")).unwrap()).unwrap();
    assert!(state.to_string().contains("\"dense_loss\""), "the search is kept");
    let retried = slimgpt(&["retry", &session, "--layer", "11", "--ratio", "0.25", "--choose"]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    let resumed = slimgpt(&["resume", &session, "--json", "--out", &bench.text("other")]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let resumed = json(&resumed.stdout);
    assert_eq!(resumed["layers"][10]["ratio"], record["layers"][10]["ratio"]);
    assert_eq!(resumed["layers"][11]["ratio"], 0.25);
}

#[test]
fn a_schedule_by_parameters_removes_the_requested_fraction_and_little_more() {
    let bench = Workspace::new();
    for schedule in ["log", "uniform"] {
        let arguments =
            ["--schedule", schedule, "--ratio", "0.3", "--by-parameters", "--json", "--no-session"];
        let ran = bench.prune_to(schedule, &arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let record: RunRecord = serde_json::from_str(&ran.stdout).unwrap();
        let settings = Settings::default();
        let checkpoint = Checkpoint::open(Source::directory(bench.path("model"))).unwrap();
        let all = slimgpt::application::pipeline::parameters_of_parts(checkpoint.architecture(), &settings)
            .unwrap();
        let gone = record.model.parameters_before - record.model.parameters_after;
        let share = gone as f64 / all as f64;
        // With a single ratio, the number of heads changes in all layers at once.
        assert!((0.3..0.36).contains(&share), "{schedule}: {share}");
    }
    let bench = Workspace::new();
    let ran = bench.prune(&["--schedule", "linear", "--ratio", "0.9", "--by-parameters"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("the schedule linear cannot remove"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the largest share is 0."), "{}", ran.stderr);
}

#[test]
fn a_search_reaches_the_largest_share_and_refuses_a_larger_one() {
    let bench = Workspace::new();
    let search = |out: &str, ratio: &str| {
        let more = ["--layers", "10..12", "--schedule", "auto", "--ratio", ratio, "--search-samples", "2"];
        bench.prune_to(out, &[&more[..], &["--search-trials", "4", "--json", "--no-session"]].concat())
    };
    let refused = search("refused", "0.99");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let (_, largest) = refused.stderr.split_once("the largest share is ").unwrap();
    let (largest, _) = largest.split_once(';').unwrap();
    let ran = search("most", largest);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record: RunRecord = serde_json::from_str(&ran.stdout).unwrap();
    let removed = record.model.parameters_before - record.model.parameters_after;
    assert!(removed >= record.search.unwrap().budget, "{removed} parameters");
}

#[test]
fn settings_that_exclude_auto_are_refused_at_once() {
    let bench = Workspace::new();
    for (arguments, word) in [
        (&["--schedule", "auto", "--first-ratio", "0.1", "--last-ratio", "0.2"][..], "first-ratio"),
        (&["--schedule", "auto", "--uniform"][..], "uniform"),
    ] {
        let ran = bench.prune(arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
}

#[test]
fn a_measured_cost_is_the_divergence_with_that_part_alone_pruned() {
    let bench = Workspace::new();
    let checkpoint = Checkpoint::open(Source::directory(bench.path("model"))).unwrap();
    for unit in [AttentionUnitChoice::KvGroup, AttentionUnitChoice::QueryHead] {
        let mut settings = Settings::default();
        settings.objective.attention_unit = unit;
        let settings = for_search(&settings);
        let tokens = (0..4 * 32).map(|at| (at * 37 % 500) as u32).collect();
        let windows = Windows::new(tokens, 4, 32).unwrap();
        let windows = SearchWindows::of(&windows, None, 8).unwrap();
        let SearchWindows { fit, gradient, judge, weights: _, guarded: _ } = &windows;
        assert!(fit != judge && judge != gradient, "plans are compared on windows of their own");
        let place = (&Device::Cpu, DType::F32);
        let search = Search::new((&checkpoint, &settings), &windows, place, 1, 4);
        let mut observer = |_: slimgpt::application::pipeline::SearchNotice<'_>| ControlFlow::Continue(());
        let curves = search.measured_costs(&mut observer).unwrap();
        assert_eq!(curves.len(), 24);
        let alone = |curve: &Sensitivity, at: usize| {
            let (units, rise) = curve.points[at];
            let mut ratios = vec![LayerRatio::ZERO; 12];
            ratios[curve.layer] = LayerRatio::ZERO.with(curve.part, units as f64 / curve.units as f64);
            let tried = search.try_ratios(ratios, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(tried.removed, units as u64 * curve.per_unit);
            assert!(
                (tried.judged.unwrap().divergence - rise).abs() < 1e-5,
                "{curve:?} at {units}: {}",
                tried.judged.unwrap().divergence
            );
        };
        // If every key-value head has a single query head, query heads cannot be removed alone.
        let some =
            curves.iter().filter(|curve| [0, 7, 11].contains(&curve.layer) && !curve.points.is_empty());
        for curve in some {
            alone(curve, 1);
            if curve.part == Part::Mlp {
                alone(curve, curve.points.len() - 1);
            }
        }
    }
}

/// Spearman's rank correlation.
fn rank_correlation(of: &[(f64, f64)]) -> f64 {
    let ranks = |values: Vec<f64>| -> Vec<f64> {
        let rank = |value: &f64| values.iter().filter(|other| *other < value).count() as f64;
        values.iter().map(rank).collect()
    };
    let (a, b) =
        (ranks(of.iter().map(|pair| pair.0).collect()), ranks(of.iter().map(|pair| pair.1).collect()));
    let mean = (of.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

#[test]
fn predicted_costs_order_the_parts_as_measured_ones_do() {
    let bench = Workspace::new();
    let checkpoint = Checkpoint::open(Source::directory(bench.path("model"))).unwrap();
    let settings: Settings = "calibration = \"demo:stories\"".parse().unwrap();
    let settings = for_search(&settings);
    let text = slimgpt::calibration::Text::inline("stories", slimgpt::demo::calibration_text());
    let tokens = slimgpt::calibration::encode(&checkpoint.tokenizer().unwrap(), &[text], &mut |_, _| {
        ControlFlow::Continue(())
    });
    let windows = Windows::draw(&tokens.unwrap(), 12, 128, 0).unwrap();
    let windows = SearchWindows::of(&windows, None, 4).unwrap();
    let search = Search::new((&checkpoint, &settings), &windows, (&Device::Cpu, DType::F32), 1, 1);
    let predicted = search.predicted_costs(&mut |_| ControlFlow::Continue(())).unwrap();
    let measured = search.measured_costs(&mut |_| ControlFlow::Continue(())).unwrap();
    let pairs: Vec<(f64, f64)> = predicted
        .iter()
        .zip(&measured)
        .filter_map(|(predicted, measured)| {
            assert_eq!((predicted.layer, predicted.part), (measured.layer, measured.part));
            let half = |curve: &Sensitivity| {
                let share = |units: usize| (units as f64 / curve.units as f64 - 0.5).abs();
                let nearest = curve.points.iter().min_by(|a, b| share(a.0).total_cmp(&share(b.0)));
                nearest.map(|point| point.1)
            };
            half(predicted).zip(half(measured))
        })
        .collect();
    assert!(pairs.len() > 12, "{}", pairs.len());
    let correlation = rank_correlation(&pairs);
    assert!(correlation > 0.85, "{correlation}: {pairs:?}");
}
