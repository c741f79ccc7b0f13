//! A run that is killed at any time resumes to the same bytes.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::program::{self, Ran, Workspace, assert_same, output, slimgpt};

/// Number of times spread over a run.
const MOMENTS: u32 = 30;

/// A run that measures perplexity and tracks errors, which gives its session all kinds of files.
struct Runs {
    bench: Workspace,
    eval: String,
    /// The output of an uninterrupted run.
    whole: BTreeMap<String, Vec<u8>>,
    took: Duration,
}

impl Runs {
    fn new() -> Self {
        let bench = Workspace::new();
        let eval: String = slimgpt::demo::HELD_OUT.chars().take(4000).collect();
        fs::write(bench.path("eval.txt"), eval).unwrap();
        let eval = bench.text("eval.txt");
        let mut runs = Self { bench, eval, whole: BTreeMap::new(), took: Duration::ZERO };
        let began = Instant::now();
        let ran: Ran = runs.start("whole").wait_with_output().unwrap().into();
        runs.took = began.elapsed();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        runs.whole = output(&runs.bench.path("whole"));
        runs
    }

    fn session(&self, name: &str) -> PathBuf {
        self.bench.path(&format!("session-{name}"))
    }

    /// Starts a run in its own session.
    fn start(&self, name: &str) -> Child {
        let session = self.bench.text(&format!("session-{name}"));
        let mut more = vec!["--session", &session, "--eval", &self.eval, "--track-errors", "--ratio", "0.3"];
        more.extend(["--format", "hf,gguf"]);
        if self.bench.path(name).exists() {
            more.push("--force");
        }
        self.bench.pruning(name, &more).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn start_resuming(&self, name: &str) -> Child {
        let mut command = program::program();
        command.arg("resume").arg(self.session(name)).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Resumes to the end, or starts again if there was no run yet, and compares the outputs.
    #[track_caller]
    fn finish(&self, name: &str) -> Went {
        let ran: Ran = self.start_resuming(name).wait_with_output().unwrap().into();
        let went = match ran.code {
            Some(0) if ran.stderr.contains("The run was already finished") => Went::Done,
            Some(0) => Went::On,
            Some(2)
                if ["found none", "no session has this name", "no run was started"]
                    .iter()
                    .any(|w| ran.stderr.contains(w)) =>
            {
                let _ = fs::remove_dir_all(self.session(name));
                let ran: Ran = self.start(name).wait_with_output().unwrap().into();
                assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
                Went::Anew
            }
            _ => panic!("{name}: {:?}: {}", ran.code, ran.stderr),
        };
        assert_same(&self.bench.path(name), &self.whole, name);
        let shown = slimgpt(&["sessions", "show", self.session(name).to_str().unwrap()]);
        assert!(shown.stdout.contains("finished"), "{name}: {} {}", shown.stdout, shown.stderr);
        let left: Vec<_> = self.bench.entries().into_iter().filter(|entry| entry.starts_with('.')).collect();
        assert!(left.is_empty(), "{name} leaves {left:?}");
        went
    }

    /// Number of finished parts according to the journal.
    fn parts_done(&self, name: &str) -> usize {
        let journal = fs::read_to_string(self.session(name).join("events.jsonl")).unwrap_or_default();
        journal.matches("\"part_done\"").count()
    }
}

/// The state of a killed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    /// The run had finished.
    Done,
    On,
    /// The run had stored nothing yet.
    Anew,
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_killed_at_any_time_resumes_to_the_same_bytes() {
    let runs = Runs::new();
    let mut went = Vec::new();
    for moment in 0..MOMENTS {
        let name = format!("moment-{moment}");
        let child = runs.start(&name);
        sleep(runs.took * (2 * moment + 1) / (2 * MOMENTS));
        kill(child);
        let done = runs.parts_done(&name);
        // Every third run is killed again while resuming.
        if moment % 3 == 0 {
            let child = runs.start_resuming(&name);
            sleep(runs.took / 4);
            kill(child);
        }
        went.push((done, runs.finish(&name)));
    }
    let on = went.iter().filter(|(_, went)| *went == Went::On).count();
    assert!(on >= MOMENTS as usize / 5, "too few runs were unfinished: {went:?}");
}

/// Kills a run once its session exists, before its texts are read, and resumes it.
fn kill_before_the_texts_are_read(more: &[&str]) {
    let bench = Workspace::new();
    // Too long to be read before the process is killed.
    fs::write(bench.path("long.txt"), slimgpt::demo::HELD_OUT.repeat(40)).unwrap();
    let text = bench.text("long.txt");
    let start = |name: &str| {
        let session = bench.text(&format!("session-{name}"));
        let arguments =
            [&["--calibration", &text, "--session", &session, "--ratio", "0.3"][..], more].concat();
        bench.pruning(name, &arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let whole: Ran = start("whole").wait_with_output().unwrap().into();
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let child = start("killed");
    let session = bench.path("session-killed");
    while !session.join("session.json").exists() {
        sleep(Duration::from_millis(1));
    }
    kill(child);
    let log = fs::read_to_string(session.join("events.jsonl")).unwrap_or_default();
    assert!(!log.contains("calibration_ready"), "{log}");
    let listed = slimgpt(&["sessions", "show", session.to_str().unwrap()]);
    assert!(listed.stdout.contains("Continue with: slimgpt resume"), "{} {}", listed.stdout, listed.stderr);
    let resumed = slimgpt(&["resume", session.to_str().unwrap()]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    assert_same(&bench.path("killed"), &output(&bench.path("whole")), "killed");
}

#[test]
fn a_text_that_changes_between_the_kill_and_the_resume_is_noticed() {
    let bench = Workspace::new();
    let whole = slimgpt::demo::HELD_OUT.repeat(40);
    fs::write(bench.path("long.txt"), &whole).unwrap();
    let session = bench.path("session");
    let arguments =
        ["--calibration", &bench.text("long.txt"), "--session", &bench.text("session"), "--ratio", "0.3"];
    let child = bench.pruning("out", &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !session.join("session.json").exists() {
        sleep(Duration::from_millis(1));
    }
    kill(child);
    fs::write(bench.path("long.txt"), &whole[..whole.len() / 2]).unwrap();
    let ran = slimgpt(&["resume", &bench.text("session")]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("long.txt has changed"), "{}", ran.stderr);
    // Equal length, later time.
    fs::write(bench.path("long.txt"), &whole).unwrap();
    let ran = slimgpt(&["resume", &bench.text("session")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("has another time than when the run was started"), "{}", ran.stderr);
}

#[test]
fn a_run_killed_before_its_texts_are_read_is_resumed_to_the_same_bytes() {
    kill_before_the_texts_are_read(&[]);
}

#[test]
fn a_search_killed_before_its_texts_are_read_is_resumed_to_the_same_bytes() {
    let search =
        ["--schedule", "auto", "--layers", "10..12", "--search-samples", "2", "--search-trials", "4"];
    kill_before_the_texts_are_read(&search);
}

#[test]
fn a_run_whose_text_is_refused_leaves_no_session() {
    let bench = Workspace::new();
    fs::write(bench.path("short.txt"), "Once.").unwrap();
    let (text, session) = (bench.text("short.txt"), bench.text("session"));
    let ran = bench.prune(&["--calibration", &text, "--session", &session]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(!bench.path("session").exists());
}

#[test]
fn a_run_killed_after_any_part_resumes_to_the_same_bytes() {
    let runs = Runs::new();
    for parts in [1, 2, 3, 11, 12, 22, 23, 24] {
        let name = format!("part-{parts}");
        let mut child = runs.start(&name);
        while runs.parts_done(&name) < parts && child.try_wait().unwrap().is_none() {}
        kill(child);
        runs.finish(&name);
    }
}

#[test]
fn a_run_killed_during_the_export_resumes_to_the_same_bytes() {
    let runs = Runs::new();
    for (number, micros) in
        [0, 0, 500, 1000, 2000, 4000, 8000, 8000, 16_000, 16_000, 32_000, 32_000].into_iter().enumerate()
    {
        let name = format!("write-{number}");
        // Every second run replaces an earlier output.
        if number % 2 == 1 {
            program::copy(&runs.bench.path("whole"), &runs.bench.path(&name));
            fs::write(runs.bench.path(&name).join("stale"), "x").unwrap();
        }
        let mut child = runs.start(&name);
        let partial = format!(".{name}.partial-");
        let begun = || runs.bench.entries().iter().any(|entry| entry.starts_with(&partial));
        while !begun() && child.try_wait().unwrap().is_none() {}
        sleep(Duration::from_micros(micros));
        kill(child);
        runs.finish(&name);
    }
}

#[test]
fn a_retry_killed_at_any_time_changes_no_existing_results() {
    let runs = Runs::new();
    let session = runs.session("whole");
    let retry = || {
        let mut command = program::program();
        command.arg("retry").arg(&session).args(["--layer", "5", "--ratio", "0.6"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let began = Instant::now();
    let ran: Ran = retry().wait_with_output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let took = began.elapsed();
    for moment in 0..8 {
        let child = retry();
        sleep(took * moment / 8);
        kill(child);
        let out = format!("retry-{moment}");
        let export = ["export", session.to_str().unwrap(), "--out", &runs.bench.text(&out)];
        let ran = slimgpt(&export);
        assert_eq!(ran.code, Some(0), "{moment}: {}", ran.stderr);
        assert_same(&runs.bench.path(&out), &runs.whole, &out);
    }
    let ran: Ran = retry().wait_with_output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Limits on file sizes in KiB, exceeded by the state, the windows, a part, the journal, a stream, or the
/// model.
#[cfg(target_os = "linux")]
#[test]
fn a_run_on_a_full_disk_resumes_to_the_same_bytes() {
    let runs = Runs::new();
    for limit in [0, 1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024] {
        let name = format!("full-{limit}");
        let command = format!(
            "trap '' XFSZ; ulimit -f {limit}; exec {} prune {} --calibration {} --samples 8 --seq-len 64 --ratio 0.3 --schedule log --by-parameters=false \
             --eval {} --track-errors --format hf,gguf --session {} --out {} 2>{}",
            env!("CARGO_BIN_EXE_slimgpt"),
            runs.bench.text("model"),
            runs.bench.text("text.txt"),
            runs.eval,
            runs.session(&name).display(),
            runs.bench.text(&name),
            // The limit must not affect the messages of the process.
            "/dev/stdout",
        );
        let ran: Ran = std::process::Command::new("bash").args(["-c", &command]).output().unwrap().into();
        let error = ran.stdout.lines().last().unwrap_or_default();
        assert!(ran.code == Some(1), "{limit}: {:?} {}", ran.code, ran.stdout);
        assert!(
            error.starts_with("slimgpt: error: ") && error.contains("cannot be written"),
            "{limit}: {}",
            ran.stdout
        );
        assert!(!ran.stdout.contains("panicked"), "{limit}: {}", ran.stdout);
        assert!(!runs.bench.path(&name).exists(), "{limit}");
        runs.finish(&name);
    }
}
