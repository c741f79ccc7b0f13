//! Makes the recordings in `tests/fixtures/recordings` that the program alone does not make.

use std::{fmt::Write, fs, path::Path};

use crate::frontend::is_end;
use serde_json::Value;
use slimgpt::application::{
    engine::{self, ModelChoice, SessionPlace},
    protocol::{Command, Event, Job, LayerPart, Method, Methods, OnCancel, Pace, Prompt, Stamped, job},
};
use slimgpt::{
    config::Settings,
    pipeline,
    prune::{LayerRatio, Part},
};

/// Numbers with four significant digits, or two in long lists; and no second copy of the layers. This keeps a recording
/// small.
fn rounded(value: Value, digits: usize) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.*e}", digits - 1, number.as_f64().unwrap());
            Value::from(text.parse::<f64>().unwrap())
        }
        Value::Array(all) => {
            let digits = if all.len() > 32 { 3.min(digits) } else { digits };
            all.into_iter().map(|value| rounded(value, digits)).collect()
        }
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

/// Prunes a model, carries out the jobs one after another, and writes all events but progress and finished parts.
fn record(
    model: ModelChoice,
    settings: &Settings,
    ratios: Vec<LayerRatio>,
    jobs: impl FnOnce(&[LayerRatio]) -> Vec<Job>,
    file: &str,
) {
    let mut worker = engine::workspace(model, settings.clone(), SessionPlace::None);
    let mut lines = String::from("{\"slimgpt_recording\":2}\n");
    let mut used = ratios.clone();
    let mut until = |worker: &mut engine::Worker<()>, end: fn(&Event) -> bool| loop {
        let stamped = worker.events.blocking_recv().unwrap();
        let ended = end(&stamped.event);
        if let Event::RatiosFound { record } = &stamped.event {
            used = record.ratios().to_vec();
        }
        if !matches!(stamped.event, Event::Progress { .. } | Event::PartDone { .. }) {
            let at = (stamped.at * 100.0).round() / 100.0;
            let line = serde_json::to_value(Stamped { at, ..stamped }).unwrap();
            writeln!(lines, "{}", rounded(line, 4)).unwrap();
        }
        if ended {
            return used.clone();
        }
    };
    until(&mut worker, |event| matches!(event, Event::ModelOpened { .. }));
    let run = job::Run {
        from: 0,
        ratios,
        settings: Box::new(settings.clone()),
        methods: Methods::OfRun,
        on_cancel: OnCancel::KeepFinished,
    };
    worker.commands.blocking_send(Command::Start { run: 1, pace: Pace::Free, job: run.into() }).unwrap();
    let ratios = until(&mut worker, is_end);
    for (run, job) in (2..).zip(jobs(&ratios)) {
        worker.commands.blocking_send(Command::Start { run, pace: Pace::Free, job }).unwrap();
        until(&mut worker, is_end);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recordings").join(file);
    fs::write(path, lines).unwrap();
}

/// Records the steps of both parts of a layer.
fn steps(settings: &Settings, ratios: &[LayerRatio], layer: usize) -> [Job; 2] {
    [Part::Attention, Part::Mlp].map(|part| {
        let method = Method::of_run(settings, ratios[layer]);
        job::RecordSteps { layer, part, method }.into()
    })
}

#[test]
#[ignore = "rewrites tests/fixtures/recordings/steps.jsonl"]
fn make_the_recording_of_steps() {
    let settings: Settings =
        "calibration = \"demo:stories\"\nsamples = 8\nseq_len = 64\nratio = 0.4\nlayers = \"..4\""
            .parse()
            .unwrap();
    let ratios = pipeline::scheduled(12, &settings).unwrap();
    record(ModelChoice::Demo, &settings, ratios, |ratios| steps(&settings, ratios, 3).into(), "steps.jsonl");
}

#[test]
#[ignore = "rewrites tests/fixtures/recordings/smollm2.jsonl from the model in SLIMGPT_SMOLLM2"]
fn make_the_recording_of_a_real_model() {
    let model = std::env::var("SLIMGPT_SMOLLM2").unwrap();
    let text = "calibration = \"demo:stories\"\nsamples = 4\nseq_len = 128\nratio = 0.25\nsearch_trials = 8\neval = \"demo:held-out\"\n\
                eval_windows = 10\neval_seq_len = 128";
    let settings: Settings = text.parse().unwrap();
    let jobs = |ratios: &[LayerRatio]| {
        let retry =
            |ratio: f64| job::Retry { layer: 17, method: Method::of_run(&settings, LayerRatio::both(ratio)) };
        let prompt = Prompt { text: "One day".into(), max_tokens: 24, temperature: 0.0, seed: 0 };
        let dense_part = Some(LayerPart { layer: 29, part: Part::Mlp });
        let mut jobs: Vec<Job> = steps(&settings, ratios, 17).into();
        jobs.extend([retry(0.15), retry(0.35)].map(Job::from));
        jobs.push(job::CompareAttempts { layer: 17, attempts: vec![0, 1, 2], windows: 2 }.into());
        jobs.push(job::Generate { prompt }.into());
        jobs.push(job::CompareStreams { dense_part }.into());
        jobs
    };
    record(ModelChoice::Named(model), &settings, Vec::new(), jobs, "smollm2.jsonl");
}
