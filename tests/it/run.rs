//! A run from the command line, end to end, with the built-in model.

use std::{fs, path::Path};

use crate::program::{self, Workspace, program, slimgpt};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn run_json(dir: &Path) -> Value {
    json(&fs::read_to_string(dir.join("run.json")).unwrap())
}

/// A small run, with an evaluation text of a few thousand tokens.
fn small_eval(bench: &Workspace) -> String {
    let text: String = slimgpt::demo::HELD_OUT.chars().take(8000).collect();
    fs::write(bench.path("eval.txt"), text).unwrap();
    bench.text("eval.txt")
}

#[test]
fn the_written_model_has_the_perplexity_of_the_record() {
    let bench = Workspace::new();
    let eval = small_eval(&bench);
    let ran = bench.prune(&["--ratio", "0.3", "--eval", &eval, "--track-errors"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("output error") && ran.stdout.contains("Perplexity"), "{}", ran.stdout);

    let record = run_json(&bench.path("out"));
    let (before, after) = (&record["perplexity"]["before"], &record["perplexity"]["after"]);
    assert!(after.as_f64().unwrap() > before.as_f64().unwrap());
    let again = slimgpt(&["eval", &bench.text("out"), "--text", &eval, "--json"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(json(&again.stdout)["perplexity"], *after);
    let dense = slimgpt(&["eval", &bench.text("model"), "--text", &eval, "--json"]);
    assert_eq!(json(&dense.stdout)["perplexity"], *before);
}

#[test]
fn the_record_describes_the_run() {
    let bench = Workspace::new();
    let ran = bench.prune(&["--ratio", "0.3", "--json", "--layers", "1..4", "--track-errors"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record = json(&ran.stdout);
    assert_eq!(record, run_json(&bench.path("out")), "--json prints run.json");
    assert!(record["perplexity"].is_null());
    let layers = record["layers"].as_array().unwrap();
    let config = json(&fs::read_to_string(bench.path("out/config.json")).unwrap());
    for (index, layer) in layers.iter().enumerate() {
        for part in ["attention", "mlp"] {
            let part = &layer[part];
            let count = |key: &str| part[key].as_array().unwrap().len();
            let units = part["units"].as_u64().unwrap() as usize;
            assert_eq!(count("kept") + count("removed"), units);
            let sizes: u64 =
                part["group_sizes"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
            assert_eq!(sizes as usize, count("removed"));
            assert_eq!(count("step_errors"), count("group_sizes"));
            assert_eq!(part["hessian"].is_null(), !(1..4).contains(&index));
            if !(1..4).contains(&index) {
                assert_eq!(count("removed"), 0);
            }
        }
        let kept = layer["mlp"]["kept"].as_array().unwrap().len();
        assert_eq!(config["per_layer_config"][index.to_string()]["intermediate_size"], kept);
        assert!(layer["output_error"].is_number());
    }
    assert_eq!(layers[0]["output_error"], 0.0);
    assert!(layers[3]["output_error"].as_f64().unwrap() > 0.0);
    let parameters = &record["model"];
    assert!(parameters["parameters_after"].as_u64() < parameters["parameters_before"].as_u64());
}

#[test]
fn two_runs_give_the_same_bytes() {
    let bench = Workspace::new();
    for out in ["one", "two"] {
        assert_eq!(bench.prune_to(out, &["--ratio", "0.4"]).code, Some(0));
    }
    for file in ["model.safetensors", "config.json", "calibration.safetensors", "tokenizer.json"] {
        let read = |out: &str| fs::read(bench.path(out).join(file)).unwrap();
        assert!(read("one") == read("two"), "{file} differs");
    }
    let without_times = |out: &str| {
        let mut record = run_json(&bench.path(out));
        record["seconds"].take();
        record["peak_memory_bytes"].take();
        record
    };
    assert_eq!(without_times("one"), without_times("two"));
}

#[test]
fn the_memory_budget_changes_no_byte() {
    let bench = Workspace::new();
    for target in ["layer", "dense-stream"] {
        // One run keeps all windows and the FFN's inputs in memory; the other one computes one window at a
        // time and recomputes the inputs.
        let written = ["8G", "1K"].map(|budget| {
            let out = format!("{target}-{budget}");
            let said = ["--ratio", "0.4", "--target", target, "--track-errors", "--memory-budget", budget];
            assert_eq!(bench.prune_to(&out, &said).code, Some(0));
            let layers = run_json(&bench.path(&out))["layers"].take();
            (fs::read(bench.path(&out).join("model.safetensors")).unwrap(), layers)
        });
        assert!(written[0] == written[1], "{target}");
    }
}

#[test]
fn every_method_setting_runs_and_is_read_back() {
    let bench = Workspace::new();
    let eval = small_eval(&bench);
    let variants: &[&[&str]] = &[
        &["--preset", "paper"],
        &["--head-score", "diagonal", "--group-size", "16"],
        &["--group-size", "exact", "--attention-unit", "query-head"],
        &["--target", "dense-stream"],
        &["--no-compensation"],
        &["--channel-multiple", "32"],
        &["--parts", "mlp", "--schedule", "linear-decrease"],
        &["--damping", "0"],
    ];
    for (index, variant) in variants.iter().enumerate() {
        let out = format!("out-{index}");
        let mut arguments = vec!["--ratio", "0.4", "--eval", &eval];
        arguments.extend(*variant);
        let ran = bench.prune_to(&out, &arguments);
        assert_eq!(ran.code, Some(0), "{variant:?}: {}", ran.stderr);
        let record = run_json(&bench.path(&out));
        let again = slimgpt(&["eval", &bench.text(&out), "--text", &eval, "--json"]);
        assert_eq!(json(&again.stdout)["perplexity"], record["perplexity"]["after"], "{variant:?}");
        for layer in record["layers"].as_array().unwrap() {
            if variant[0] == "--channel-multiple" {
                assert_eq!(layer["mlp"]["kept"].as_array().unwrap().len() % 32, 0);
            }
            if variant[0] == "--parts" {
                assert!(layer["attention"]["removed"].as_array().unwrap().is_empty());
            }
        }
    }
}

#[test]
fn compensation_lowers_the_error() {
    let bench = Workspace::new();
    let eval = small_eval(&bench);
    let perplexity = |out: &str, more: &[&str]| {
        let mut arguments = vec!["--ratio", "0.4", "--samples", "64", "--eval", &eval];
        arguments.extend(more);
        let ran = bench.prune_to(out, &arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        run_json(&bench.path(out))["perplexity"]["after"].as_f64().unwrap()
    };
    assert!(perplexity("with", &[]) < perplexity("without", &["--no-compensation"]));
}

#[test]
fn a_pruned_model_can_be_pruned_again_and_generates_text() {
    let bench = Workspace::new();
    assert_eq!(bench.prune(&["--ratio", "0.2"]).code, Some(0));
    let ran = slimgpt(&[
        "prune",
        &bench.text("out"),
        "--calibration",
        &bench.text("text.txt"),
        "--samples",
        "8",
        "--seq-len",
        "64",
        "--ratio",
        "0.2",
        "--out",
        &bench.text("twice"),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let write = |seed: &str| {
        let ran = slimgpt(&[
            "generate",
            &bench.text("twice"),
            "--prompt",
            "One day",
            "--max-tokens",
            "12",
            "--seed",
            seed,
        ]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.starts_with("One day"), "{}", ran.stdout);
        ran.stdout
    };
    assert_eq!(write("1"), write("1"));
}

#[test]
fn events_are_recorded_as_lines_of_json() {
    let bench = Workspace::new();
    assert_eq!(bench.prune(&["--events", &bench.text("events.jsonl")]).code, Some(0));
    let text = fs::read_to_string(bench.path("events.jsonl")).unwrap();
    let mut lines = text.lines().map(json);
    assert_eq!(lines.next().unwrap()["slimgpt_recording"], 2);
    let events: Vec<Value> = lines.collect();
    let count = |name: &str| events.iter().filter(|event| event["event"].get(name).is_some()).count();
    let layers = run_json(&bench.path("out"))["layers"].as_array().unwrap().len();
    assert_eq!((count("run_started"), count("run_done")), (1, 1));
    assert_eq!(count("layer_done"), layers);
    assert_eq!(count("part_done"), 2 * layers);
    assert!(count("units_removed") > layers);
    assert!(events.iter().all(|event| event["run"] == 1 && event["at"].is_number()));
}

#[test]
fn force_replaces_the_output() {
    let bench = Workspace::new();
    fs::create_dir(bench.path("out")).unwrap();
    fs::write(bench.path("out/stale"), "x").unwrap();
    fs::write(bench.path("out/run.json"), "{}").unwrap();
    assert_eq!(bench.prune(&["--force"]).code, Some(0));
    assert!(!bench.path("out/stale").exists() && bench.path("out/run.json").exists());
    assert_eq!(bench.entries(), ["model", "out", "text.txt"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_cancels_within_a_step_and_leaves_no_files() {
    let bench = Workspace::new();
    let child = program()
        .arg("prune")
        .arg(bench.path("model"))
        .arg("--calibration")
        .arg(bench.path("text.txt"))
        .args(["--samples", "4000", "--seq-len", "128"])
        .arg("--out")
        .arg(bench.path("out"))
        .arg("--events")
        .arg(bench.path("events.jsonl"))
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begun =
        || fs::read_to_string(bench.path("events.jsonl")).is_ok_and(|told| told.contains("layer_started"));
    while !begun() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    let asked = std::time::Instant::now();
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let ran: program::Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert!(asked.elapsed().as_secs() < 10, "took {:?}", asked.elapsed());
    assert_eq!(bench.entries(), ["events.jsonl", "model", "text.txt"]);
}

#[test]
fn inspect_reports_the_sizes_after_a_run() {
    let bench = Workspace::new();
    let arguments = [
        "--schedule",
        "log",
        "--by-parameters=false",
        "--ratio",
        "0.3",
        "--samples",
        "8",
        "--seq-len",
        "64",
        "--json",
    ];
    let ran = program().arg("inspect").arg(bench.path("model")).args(arguments).output().unwrap();
    let told = json(&String::from_utf8(ran.stdout).unwrap());
    assert_eq!(bench.prune(&["--ratio", "0.3"]).code, Some(0));
    let record = run_json(&bench.path("out"));
    assert_eq!(told["parameters"], record["model"]["parameters_before"]);
    assert_eq!(told["parameters_after"], record["model"]["parameters_after"]);
    assert!(told["run"]["forward_seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn inspect_says_what_tracked_output_errors_cost() {
    let bench = Workspace::new();
    let inspect = |more: &[&str]| {
        let arguments = ["--ratio", "0.3", "--samples", "8", "--seq-len", "64"];
        let ran =
            program().arg("inspect").arg(bench.path("model")).args(arguments).args(more).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let config = json(&std::fs::read_to_string(bench.path("model").join("config.json")).unwrap());
    let hidden = config["hidden_size"].as_u64().unwrap();
    for (tracked, words) in
        [("true", "tracked, which takes"), ("false", "not tracked; --track-errors would add")]
    {
        let flag = format!("--track-errors={tracked}");
        let told = json(&inspect(&[&flag, "--json"]));
        let bytes = told["run"]["tracking_bytes"].as_u64().unwrap();
        assert_eq!(bytes, 8 * 64 * hidden * 4, "the hidden states of all tokens in f32");
        assert!(told["run"]["tracking_seconds"].as_f64().unwrap() > 0.0);
        let text = inspect(&[&flag]);
        let line = text.lines().find(|line| line.starts_with("Output errors are ")).unwrap();
        assert!(line.starts_with(&format!("Output errors are {words}: ")), "{line}");
        assert!(line.ends_with(&format!(" of forward passes and {} of memory.", size(bytes))), "{line}");
    }
}

/// A size as the program writes it.
fn size(bytes: u64) -> String {
    slimgpt::config::ByteSize(bytes).to_string()
}
