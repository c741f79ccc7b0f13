//! Sessions of earlier versions can still be read (tests/fixtures/session).

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::program::{Ran, copy, program, slimgpt};
use crate::tiny_model;
use candle_core::DType;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use slimgpt::application::{
    engine::{ModelChoice, SessionPlace, workspace},
    protocol::{Command, Control, Event, JobKind, Pace, job},
    recording::Replay,
};
use slimgpt::{
    config::Settings,
    prune::{LayerRatio, Part},
};

const FIXTURE: &str = "tests/fixtures/session";
const RATIOS: [f64; 2] = [0.25, 0.5];

#[track_caller]
fn done(ran: Ran) -> Ran {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A copy of the fixture for changes.
fn kept() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(FIXTURE), dir.path());
    dir
}

/// Exports a session and returns the SHA-256 of the weights.
#[track_caller]
fn exported(dir: &Path, name: &str) -> String {
    let (session, out, model) = (dir.join("finished"), dir.join(name), dir.join("model"));
    let mut command = program();
    command.arg("export").arg(session).arg("--model").arg(model).arg("--out").arg(&out);
    done(command.output().unwrap().into());
    weights_sha256(&out)
}

fn weights_sha256(out: &Path) -> String {
    let digest = Sha256::digest(fs::read(out.join("model.safetensors")).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn expected() -> Value {
    json(&fs::read_to_string(Path::new(FIXTURE).join("expected.json")).unwrap())
}

/// Checks that all expected values exist; later versions may have more.
#[track_caller]
fn assert_holds(found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().for_each(|(key, expected)| assert_holds(&found[key], expected));
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(found, expected)| assert_holds(found, expected));
        }
        (found, expected) => assert_eq!(found, expected),
    }
}

#[test]
fn a_finished_session_is_shown() {
    let dir = kept();
    let session = dir.path().join("finished");
    let shown = done(slimgpt(&["sessions", "show", session.to_str().unwrap(), "--json"])).stdout;
    let (shown, expected) = (json(&shown), expected());
    assert_eq!(shown["status"]["state"], "finished");
    assert_eq!(shown["attempts"][1].as_array().unwrap().len(), 2);
    assert_holds(&shown["content"]["perplexity"], &expected["perplexity"]);
    assert_holds(&shown["content"]["layers"], &expected["layers"]);
    done(slimgpt(&["sessions", "show", session.to_str().unwrap()]));
}

#[test]
fn a_finished_session_yields_the_same_weights_as_before() {
    let dir = kept();
    let (dir, expected) = (dir.path(), expected());
    assert_eq!(exported(dir, "first"), expected["first"]);
    let (session, model) = (dir.join("finished"), dir.join("model"));
    let (session, model) = (session.to_str().unwrap(), model.to_str().unwrap());
    done(slimgpt(&["choose", session, "--model", model, "--layer", "1", "--attempt", "1"]));
    assert_eq!(exported(dir, "second"), expected["second"]);
    done(slimgpt(&["retry", session, "--model", model, "--layer", "1", "--ratio", "0.5"]));
}

#[test]
fn the_logs_of_the_sessions_can_be_replayed() {
    for (name, ends) in [("finished", true), ("broken-off", false)] {
        let log = Path::new(FIXTURE).join(name).join("events.jsonl");
        let mut player = Replay::open(&log).unwrap().play(f64::INFINITY);
        let events: Vec<Event> =
            std::iter::from_fn(|| player.events.blocking_recv()).map(|stamped| stamped.event).collect();
        player.join().unwrap();
        assert!(matches!(events[0], Event::ModelOpened { .. }));
        assert!(events.contains(&Event::JobStarted { kind: JobKind::Run }), "{name}");
        assert!(events.iter().any(|event| matches!(event, Event::UnitsRemoved { .. })), "{name}");
        assert_eq!(events.iter().any(|event| matches!(event, Event::RunDone { .. })), ends, "{name}");
    }
}

#[test]
fn an_interrupted_session_is_resumed() {
    let dir = kept();
    let (session, model) = (dir.path().join("broken-off"), dir.path().join("model"));
    let (session, model) = (session.to_str().unwrap(), model.to_str().unwrap());
    let shown = json(&done(slimgpt(&["sessions", "show", session, "--json"])).stdout);
    assert_eq!(shown["status"], json!({ "state": "unfinished", "left": 1 }));
    let begun = &shown["attempts"][1][0];
    assert!(begun["attention"].is_object() && begun["mlp"].is_null() && begun["complete"] == false);

    let out = dir.path().join("out");
    let ran = done(slimgpt(&["resume", session, "--model", model, "--out", out.to_str().unwrap(), "--json"]));
    assert!(!ran.stderr.contains("Layer 0: done"), "{}", ran.stderr);
    let layers = &json(&ran.stdout)["layers"];
    let errors = |layer: &Value| layer["attention"]["relative_error"].as_f64().unwrap();
    for layer in [0, 1] {
        // Finished layers are kept.
        let stored = &shown["attempts"][layer][0]["attention"]["summary"]["relative_error"];
        assert_eq!(errors(&layers[layer]), stored.as_f64().unwrap());
    }
    let shown = done(slimgpt(&["sessions", "show", session])).stdout;
    assert!(shown.contains("finished"), "{shown}");
}

/// Makes the fixture: `cargo test --release --test it session_fixture -- --ignored`.
#[test]
#[ignore = "makes the fixture"]
fn make() {
    // The sessions contain the path of this directory.
    let dir = PathBuf::from("/tmp/slimgpt-fixture");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir(&dir).unwrap();
    let fixture = env::current_dir().unwrap().join(FIXTURE);
    env::set_current_dir(&dir).unwrap();
    write_model(Path::new("model"));
    fs::write("text.txt", text()).unwrap();

    let arguments = "prune model --calibration text.txt --samples 4 --seq-len 16 --schedule uniform --ratio 0.5 \
        --track-errors --eval text.txt --eval-seq-len 16 --session-cache 0 --session finished --out out";
    done(slimgpt(&arguments.split_whitespace().collect::<Vec<_>>()));
    done(slimgpt(&["retry", "finished", "--layer", "1", "--ratio", "0.75", "--part", "mlp"]));
    let shown = json(&done(slimgpt(&["sessions", "show", "finished", "--json"])).stdout);
    let first = weights_sha256(Path::new("out"));
    done(slimgpt(&["choose", "finished", "--layer", "1", "--attempt", "1"]));
    let second = exported(Path::new(""), "second");
    done(slimgpt(&["choose", "finished", "--layer", "1", "--attempt", "0"]));
    break_off(Path::new("broken-off"));

    for name in ["finished", "broken-off"] {
        // The process and the machine that held the lock are irrelevant.
        fs::remove_file(Path::new(name).join("lock")).unwrap();
        let _ = fs::remove_dir_all(Path::new(name).join("streams"));
        let _ = fs::remove_dir_all(fixture.join(name));
        copy(Path::new(name), &fixture.join(name));
    }
    copy(Path::new("model"), &fixture.join("model"));
    let content = &shown["content"];
    let expected = json!({
        "perplexity": content["perplexity"], "layers": content["layers"], "first": first, "second": second,
    });
    fs::write(fixture.join("expected.json"), format!("{expected:#}\n")).unwrap();
    env::set_current_dir(&fixture).unwrap();
    fs::remove_dir_all(&dir).unwrap();
}

/// Makes a run that ends in the middle of the second part of the second layer.
fn break_off(session: &Path) {
    let settings = "calibration = \"text.txt\"\nsamples = 4\nseq_len = 16\ngroup_size = 4\nsession_cache = 0";
    let settings: Settings = settings.parse().unwrap();
    let model = ModelChoice::Named("model".into());
    let mut worker = workspace(model, settings.clone(), SessionPlace::New(session.into()));
    let (ratios, settings) = (RATIOS.map(LayerRatio::both).to_vec(), Box::new(settings));
    worker
        .commands
        .blocking_send(Command::Start {
            run: 1,
            pace: Pace::Stepwise,
            job: job::Run {
                from: 0,
                ratios,
                settings,
                methods: Default::default(),
                on_cancel: Default::default(),
            }
            .into(),
        })
        .unwrap();
    let mut there = false;
    while let Some(stamped) = worker.events.blocking_recv() {
        there |= matches!(stamped.event, Event::UnitsRemoved { layer: 1, part: Part::Mlp, .. });
        assert!(!matches!(stamped.event, Event::JobFailed { .. } | Event::RunDone { .. }), "{stamped:?}");
        if matches!(stamped.event, Event::JobCancelled) {
            break;
        }
        if matches!(stamped.event, Event::Paused) {
            let command = if there {
                Command::control(1, Control::Cancel)
            } else {
                Command::control(1, Control::Resume)
            };
            worker.commands.blocking_send(command).unwrap();
        }
    }
    worker.join().unwrap();
}

/// Writes a model of two layers with a vocabulary of twenty words.
fn write_model(dir: &Path) {
    let mut config = tiny_model::config("llama");
    tiny_model::set(&mut config, json!({ "vocab_size": 20 }));
    fs::create_dir(dir).unwrap();
    tiny_model::write_config(dir, &config);
    let tensors = tiny_model::stored(&tiny_model::random_tensors(&config, 7), DType::F16);
    tiny_model::write_weights(dir, "model.safetensors", &tensors);
    let words: serde_json::Map<String, Value> = (0..20).map(|number| (word(number), json!(number))).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": words, "unk_token": word(0) },
    });
    fs::write(dir.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

fn word(number: usize) -> String {
    format!("w{number}")
}

/// A thousand words in an order that follows a simple rule.
fn text() -> String {
    (0..1000_usize).map(|at| word((at * at + at / 7) % 20) + " ").collect()
}
