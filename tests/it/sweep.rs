//! Sweeps end to end: files, means, and interruption.

use std::{fs, process::Stdio, thread::sleep, time::Duration};

use crate::checkpoint::{self, Shape};
use crate::program::{self, Ran, Workspace, program, slimgpt};
use serde_json::Value;

/// A small model of two layers, a calibration text and an evaluation text.
fn bench() -> Workspace {
    let bench = Workspace::new();
    let shape = Shape { hidden: 64, ffn: 96, vocab: 256, positions: 256, ..Shape::small(2) };
    checkpoint::write(&shape, &bench.path("tiny")).unwrap();
    let eval: String = slimgpt::demo::HELD_OUT.chars().take(2000).collect();
    fs::write(bench.path("eval.txt"), eval).unwrap();
    bench
}

/// The settings at the start of all sweep files in these tests.
fn shared(bench: &Workspace) -> String {
    format!(
        "model = {:?}\ncalibration = {:?}\neval = {:?}\neval_seq_len = 32\nsamples = 8\nseq_len = 32\n",
        bench.text("tiny"),
        bench.text("text.txt"),
        bench.text("eval.txt")
    )
}

const GRID: &str = "[grid]\nratio = [0.25, 0.5]\nschedule = [\"log\", \"uniform\"]\nseed = [0, 1]\n";

/// Writes a file and returns its name.
fn file(bench: &Workspace, name: &str, text: &str) -> String {
    fs::write(bench.path(name), shared(bench) + text).unwrap();
    bench.text(name)
}

fn sweep(file: &str, out: &str, more: &[&str]) -> Ran {
    slimgpt(&[&["sweep", file, "--out", out], more].concat())
}

#[track_caller]
fn done(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

/// All records without times and memory.
#[track_caller]
fn records(out: &str) -> Value {
    let ran = slimgpt(&["sweep", "--collect", out, "--json"]);
    done(&ran);
    let mut records: Value = serde_json::from_str(&ran.stdout).unwrap();
    for key in ["cells", "rows"] {
        for record in records[key].as_array_mut().unwrap() {
            forget_times(record);
            forget_times(&mut record["outcome"]);
        }
    }
    records
}

fn forget_times(record: &mut Value) {
    if let Value::Object(record) = record {
        for key in ["seconds", "peak_memory_bytes", "threads", "outcome"] {
            if record.get(key).is_some_and(|value| key != "outcome" || value.is_null()) {
                record.remove(key);
            }
        }
    }
}

/// Rows of a CSV file by header. No field contains a comma.
fn csv(path: &std::path::Path) -> Vec<Vec<(String, String)>> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let heads = lines.next().unwrap();
    lines.map(|line| heads.iter().cloned().zip(line).collect()).collect()
}

fn field<'r>(row: &'r [(String, String)], key: &str) -> &'r str {
    &row.iter().find(|(head, _)| head == key).unwrap_or_else(|| panic!("no column {key}")).1
}

#[test]
fn a_sweep_writes_every_table_with_the_means_of_its_runs() {
    let bench = bench();
    let (file, out) = (file(&bench, "grid.toml", &format!("title = \"A grid\"\n{GRID}")), bench.text("out"));
    let ran = sweep(&file, &out, &[]);
    done(&ran);
    assert!(ran.stderr.contains("[8/8] "), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("ratio  schedule  runs  parameters"), "{}", ran.stdout);
    let dir = bench.path("out");
    for name in [
        "sweep.json",
        "results.csv",
        "summary.csv",
        "results.md",
        "results.html",
        "plots/perplexity-by-parameters.svg",
        "plots/perplexity-by-schedule-dark.svg",
        "settings/0.25-log-seed0.toml",
        "logs/0.5-uniform-seed1.log",
        "cells/0.5-log-seed1/session.json",
    ] {
        assert!(dir.join(name).is_file(), "{name} is missing");
    }
    assert!(!dir.join("models").exists());

    let (cells, rows) = (csv(&dir.join("results.csv")), csv(&dir.join("summary.csv")));
    assert_eq!((cells.len(), rows.len()), (8, 4));
    let number = |row: &[(String, String)], key: &str| field(row, key).parse::<f64>().unwrap();
    let mut first = [0.0; 2];
    for row in &rows {
        let own = |cell: &&Vec<(String, String)>| {
            ["ratio", "schedule"].iter().all(|key| field(cell, key) == field(row, key))
        };
        let pair: Vec<f64> = cells.iter().filter(own).map(|cell| number(cell, "perplexity_after")).collect();
        let [a, b] = pair[..] else { panic!("{pair:?}") };
        assert!((number(row, "perplexity") - (a + b) / 2.0).abs() < 1e-12);
        let deviation = (a - b).abs() / 2f64.sqrt();
        assert!((number(row, "perplexity_deviation") - deviation).abs() < 1e-9 * deviation.max(1.0));
        match field(row, "schedule") {
            "log" => {
                first = [a, b];
                assert_eq!(field(row, "change"), "");
            }
            _ => {
                let changes = [a / first[0] - 1.0, b / first[1] - 1.0];
                assert!((number(row, "change") - (changes[0] + changes[1]) / 2.0).abs() < 1e-12);
            }
        }
    }

    let page = fs::read_to_string(dir.join("results.html")).unwrap();
    assert!(
        page.contains("<h1>A grid</h1>") && page.contains("<svg role=\"img\"") && !page.contains("http://")
    );
    let document = fs::read_to_string(dir.join("results.md")).unwrap();
    assert!(document.contains("| 0.5 | uniform | 2 |") && document.contains("samples = 8"), "{document}");

    // Each cell is an ordinary session with an ordinary settings file.
    let listed = slimgpt(&["sessions", "list", "--root", dir.join("cells").to_str().unwrap()]);
    assert_eq!(listed.stdout.matches("finished").count(), 8, "{}", listed.stdout);
    let settings = dir.join("settings/0.5-log-seed1.toml");
    done(&slimgpt(&["config", "print", "--config", settings.to_str().unwrap()]));

    // The second time, all cells are finished.
    let again = sweep(&file, &out, &[]);
    done(&again);
    assert!(again.stderr.contains("All cells are finished."), "{}", again.stderr);
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn a_cell_equals_a_run_with_its_settings() {
    let bench = bench();
    let (file, out) =
        (file(&bench, "grid.toml", "export = true\nratio = 0.3\n[grid]\nseed = [5]\n"), bench.text("out"));
    done(&sweep(&file, &out, &[]));
    let alone = bench.text("alone");
    let settings = bench.text("out/settings/seed5.toml");
    done(&slimgpt(&["prune", "--config", &settings, "--out", &alone]));
    // Card and record contain the number of threads, which differs for a cell of a sweep.
    for name in ["model.safetensors", "config.json", "calibration.safetensors", "layers.csv"] {
        let read = |dir: &str| fs::read(bench.path(dir).join(name)).unwrap();
        assert!(read("out/models/seed5") == read("alone"), "{name} differs");
    }
    let evaluated =
        slimgpt(&["eval", &alone, "--text", &bench.text("eval.txt"), "--seq-len", "32", "--json"]);
    let evaluated: Value = serde_json::from_str(&evaluated.stdout).unwrap();
    let told = &records(&out)["cells"][0]["outcome"]["perplexity"]["after"];
    assert!((told.as_f64().unwrap() - evaluated["perplexity"].as_f64().unwrap()).abs() < 1e-9);
}

#[test]
fn commands_run_by_another_scheduler_give_the_same_tables() {
    let bench = bench();
    let file = file(&bench, "grid.toml", GRID);
    let (here, there) = (bench.text("here"), bench.text("it's there"));
    done(&sweep(&file, &here, &[]));
    let printed = sweep(&file, &there, &["--print-commands"]);
    done(&printed);
    assert_eq!(printed.stdout.lines().count(), 8);
    assert!(!bench.path("it's there/cells").exists(), "nothing is run");

    // Half of the cells, in another order.
    let half: String = printed.stdout.lines().rev().take(4).map(|line| format!("{line}\n")).collect();
    shell(&half);
    let ran = slimgpt(&["sweep", "--collect", &there]);
    done(&ran);
    assert!(ran.stderr.contains("4 of 8 cells are not finished"), "{}", ran.stderr);
    let rest = sweep(&file, &there, &["--print-commands"]);
    assert_eq!(rest.stdout.lines().count(), 4, "{}", rest.stdout);
    shell(&rest.stdout);
    assert_eq!(records(&there), records(&here));
}

#[track_caller]
fn shell(script: &str) {
    let mut command = std::process::Command::new("sh");
    let set = program();
    for (key, value) in set.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    let ran: Ran = command.args(["-ec", script]).output().unwrap().into();
    done(&ran);
}

#[test]
fn a_killed_sweep_resumes_to_the_same_tables() {
    let bench = bench();
    let file = file(&bench, "grid.toml", GRID);
    let (whole, killed) = (bench.text("whole"), bench.text("killed"));
    done(&sweep(&file, &whole, &["--jobs", "1"]));
    for moment in [100, 700, 1500] {
        let mut command = program();
        command.args(["sweep", &file, "--out", &killed, "--jobs", "2", "--threads", "1"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(moment));
        // Killing the sweep does not kill its runs: they continue, and the next sweep waits for them.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    done(&sweep(&file, &killed, &[]));
    assert_eq!(records(&killed), records(&whole));
}

#[test]
fn a_sweep_killed_while_it_writes_its_first_files_can_be_resumed() {
    let bench = bench();
    let file = file(&bench, "grid.toml", "[grid]\nratio = [0.25]\n");
    let out = bench.text("out");
    fs::create_dir(&out).unwrap();
    fs::write(bench.path("out/.sweep.json.tmp-Ab12Cd"), "{").unwrap();
    done(&sweep(&file, &out, &[]));
    // Only the sweep itself is needed to continue.
    fs::remove_dir_all(bench.path("out/settings")).unwrap();
    done(&sweep(&file, &out, &[]));
    fs::remove_file(bench.path("out/sweep.json")).unwrap();
    let ran = sweep(&file, &out, &[]);
    assert!(ran.stderr.contains("expected a new or empty directory"), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_leaves_no_process_and_can_be_resumed() {
    use rustix::process::{Pid, Signal, kill_process};
    let bench = bench();
    // The runs are long enough to be interrupted.
    let file = file(&bench, "grid.toml", "[grid]\nratio = [0.25, 0.5]\nseed = [0, 1]\n");
    let text = fs::read_to_string(&file).unwrap().replace("samples = 8", "samples = 400");
    fs::write(&file, text).unwrap();
    let out = bench.text("out");
    let mut command = program();
    command.args(["sweep", &file, "--out", &out, "--jobs", "2", "--threads", "1"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = || bench.path("out/cells").read_dir().is_ok_and(|mut cells| cells.next().is_some());
    while !begun() {
        sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert!(ran.stderr.contains("the same command continues from them"), "{}", ran.stderr);
    let listed = slimgpt(&["sessions", "list", "--root", &bench.text("out/cells")]);
    assert!(!listed.stdout.contains("in use"), "{}", listed.stdout);
    assert!(bench.path("out/results.csv").is_file(), "the tables of the finished cells are written");
    done(&sweep(&file, &out, &[]));
    let whole = bench.text("whole");
    done(&sweep(&file, &whole, &[]));
    assert_eq!(records(&out), records(&whole));
}

#[test]
fn a_failed_cell_is_reported_and_the_others_continue() {
    let bench = bench();
    let file = file(
        &bench,
        "grid.toml",
        "[grid]\nseed = [0, 1]\n[[case]]\nname = \"fine\"\n[[case]]\nname = \"greedy\"\nsamples = 1000000\n",
    );
    let ran = sweep(&file, &bench.text("out"), &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("greedy-seed1 failed: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("logs/greedy-seed0.log"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("run the same command to try them again\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("2 of 4 cells failed"), "{}", ran.stderr);
    assert!(ran.stdout.contains("fine") && ran.stdout.contains("0 of 2"), "{}", ran.stdout);
    let document = fs::read_to_string(bench.path("out/results.md")).unwrap();
    assert!(document.contains("> Cell greedy-seed0: "), "{document}");
    let cells = csv(&bench.path("out/results.csv"));
    let states: Vec<&str> = cells.iter().map(|cell| field(cell, "state")).collect();
    assert_eq!(states, ["finished", "finished", "missing", "missing"]);
}

#[test]
fn a_cell_started_with_other_settings_is_refused_by_name() {
    let bench = bench();
    let out = bench.text("out");
    let first = file(&bench, "one.toml", "samples = 8\n[grid]\nratio = [0.25]\n");
    let text = fs::read_to_string(&first).unwrap().replacen("samples = 8\n", "", 1);
    fs::write(&first, &text).unwrap();
    done(&sweep(&first, &out, &[]));
    fs::write(&first, text.replace("samples = 8", "samples = 9\nthreads = 1")).unwrap();
    let ran = sweep(&first, &out, &[]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("cell 0.25: was started with other settings (samples was 8, now is 9)"),
        "{}",
        ran.stderr
    );
    // More values make more cells, and finished cells are kept.
    fs::write(&first, text.replace("[0.25]", "[0.25, 0.5]")).unwrap();
    let ran = sweep(&first, &out, &[]);
    done(&ran);
    assert!(ran.stderr.contains("2 cells, 1 already finished"), "{}", ran.stderr);
}

#[test]
fn bad_input_is_reported_before_any_run() {
    let bench = bench();
    let refuses = |text: &str, what: &str| {
        let ran = sweep(&file(&bench, "bad.toml", text), &bench.text("out"), &[]);
        assert_eq!(ran.code, Some(2), "{text}: {}", ran.stderr);
        assert!(ran.stderr.contains(what), "{text}: {}", ran.stderr);
        assert!(!bench.path("out/cells").exists(), "{text}");
    };
    refuses("[grid]\nratios = [1]\n", "bad.toml, line 8: unknown key \"ratios\"");
    refuses("[grid]\nratio = [0.2, 7.5]\n", "cell 7.5: ratio: expected a ratio from 0 to below 1");
    refuses(
        "[grid]\nlayers = [\"..\", \"0..9\"]\n",
        "cell layers0..9: layers 0..9: expected a range within 0..2",
    );
    refuses("[grid]\nsamples = [8]\n", "is also in [grid]");
    fs::create_dir(bench.path("taken")).unwrap();
    fs::write(bench.path("taken/thesis.tex"), "x").unwrap();
    let ran = sweep(&file(&bench, "grid.toml", GRID), &bench.text("taken"), &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("choose another --out"), "{}", ran.stderr);
    let ran = slimgpt(&["sweep", "--collect", &bench.text("taken")]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no sweep.json"), "{}", ran.stderr);
}

#[test]
fn a_run_without_an_output_can_be_exported_later_to_the_same_bytes() {
    let bench = bench();
    let arguments = |more: &[&str]| {
        let mut command = program();
        command.arg("prune").arg(bench.path("tiny")).arg("--calibration").arg(bench.path("text.txt"));
        command.args(["--samples", "8", "--seq-len", "32"]).args(more);
        Ran::from(command.output().unwrap())
    };
    let (written, session, later) = (bench.text("written"), bench.text("session"), bench.text("later"));
    done(&arguments(&["--out", &written]));
    let ran = arguments(&["--no-export", "--session", &session]);
    done(&ran);
    assert!(ran.stderr.contains(&format!("slimgpt export {session} --out DIR")), "{}", ran.stderr);
    done(&slimgpt(&["export", &session, "--out", &later]));
    program::assert_same(&bench.path("later"), &program::output(&bench.path("written")), "later");
    assert_eq!(arguments(&[]).code, Some(2), "without either, no run is started");
}
