//! Makes the recordings in `tests/fixtures/recordings` that the program alone does not make.

use std::{fmt::Write, fs, path::Path};

use crate::frontend::is_end;
use serde_json::Value;
use slimgpt::application::{
    engine::{self, ModelChoice, SessionPlace},
    protocol::{Command, Event, Method, Methods, OnCancel, Pace, Stamped, job},
};
use slimgpt::{config::Settings, pipeline, prune::Part};

/// Numbers with four significant digits, or two in long lists; and no second copy of the layers. This keeps a recording
/// small.
fn rounded(value: Value, digits: usize) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.*e}", digits - 1, number.as_f64().unwrap());
            Value::from(text.parse::<f64>().unwrap())
        }
        Value::Array(all) => all.into_iter().map(|value| rounded(value, digits)).collect(),
        Value::Object(all) => {
            let of = |(key, value): (String, Value)| {
                let value = match key.as_str() {
                    "scores" | "correlation" => rounded(value, 2),
                    "run_done" => without_layers(rounded(value, digits)),
                    _ => rounded(value, digits),
                };
                (key, value)
            };
            all.into_iter().map(of).collect()
        }
        other => other,
    }
}

fn without_layers(mut run_done: Value) -> Value {
    run_done["record"]["layers"] = Value::Array(Vec::new());
    run_done
}

/// Prunes a model, records the steps of both parts of a layer, and writes all events but progress and finished parts.
fn record(model: ModelChoice, settings: &Settings, layers: usize, layer: usize, file: &str) {
    let mut worker = engine::workspace(model, settings.clone(), SessionPlace::None);
    let mut lines = String::from("{\"slimgpt_recording\":2}\n");
    let mut until = |worker: &mut engine::Worker<()>, end: fn(&Event) -> bool| loop {
        let stamped = worker.events.blocking_recv().unwrap();
        let ended = end(&stamped.event);
        if !matches!(stamped.event, Event::Progress { .. } | Event::PartDone { .. }) {
            let at = (stamped.at * 100.0).round() / 100.0;
            let line = serde_json::to_value(Stamped { at, ..stamped }).unwrap();
            writeln!(lines, "{}", rounded(line, 4)).unwrap();
        }
        if ended {
            break;
        }
    };
    until(&mut worker, |event| matches!(event, Event::ModelOpened { .. }));
    let ratios = pipeline::scheduled(layers, settings).unwrap();
    let run = job::Run {
        from: 0,
        ratios: ratios.clone(),
        settings: Box::new(settings.clone()),
        methods: Methods::OfRun,
        on_cancel: OnCancel::KeepFinished,
    };
    worker.commands.blocking_send(Command::Start { run: 1, pace: Pace::Free, job: run.into() }).unwrap();
    until(&mut worker, is_end);
    for (run, part) in [(2, Part::Attention), (3, Part::Mlp)] {
        let method = Method::of_run(settings, ratios[layer]);
        worker.commands.blocking_send(Command::start(run, job::RecordSteps { layer, part, method })).unwrap();
        until(&mut worker, is_end);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recordings").join(file);
    fs::write(path, lines).unwrap();
}

#[test]
#[ignore = "rewrites tests/fixtures/recordings/steps.jsonl"]
fn make_the_recording_of_steps() {
    let settings: Settings =
        "calibration = \"demo:stories\"\nsamples = 8\nseq_len = 64\nratio = 0.4\nlayers = \"..4\""
            .parse()
            .unwrap();
    record(ModelChoice::Demo, &settings, 12, 3, "steps.jsonl");
}

#[test]
#[ignore = "rewrites tests/fixtures/recordings/smollm2.jsonl from the model in SLIMGPT_SMOLLM2"]
fn make_the_recording_of_a_real_model() {
    let model = std::env::var("SLIMGPT_SMOLLM2").unwrap();
    let settings: Settings =
        "calibration = \"demo:stories\"\nsamples = 4\nseq_len = 128\nratio = 0.25".parse().unwrap();
    record(ModelChoice::Named(model), &settings, 30, 17, "smollm2.jsonl");
}
