//! The engine: every command on the built-in model, as sent by a frontend.

use std::fs;

use crate::frontend::{
    Frontend, finished, forget_times, headless, is_end, room_for, settings, small_text, without_times,
};
use slimgpt::application::{
    engine::{self, Evaluate, ModelChoice},
    protocol::{Command, Control, Event, LayerRecord, Method, Prompt, RunRecord, Side, job},
};
use slimgpt::{
    calibration::TextSource,
    config::Evaluation,
    prune::{GroupSize, Part},
};

#[test]
fn a_run_and_its_export_give_the_bytes_of_a_command_line_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.evaluation.track_errors = true.into();
    settings.evaluation.text = Some(small_text(dir.path()));
    headless(&settings, &dir.path().join("plain"));
    let mut frontend = Frontend::open(&settings);
    let record = frontend.run(0, &settings).record();
    frontend.export(&dir.path().join("exported"));

    let names = |dir: &std::path::Path| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let (plain, exported) = (dir.path().join("plain"), dir.path().join("exported"));
    assert_eq!(names(&plain), names(&exported));
    for name in names(&plain).into_iter().filter(|name| name != "run.json") {
        let read = |dir: &std::path::Path| fs::read(dir.join(&name)).unwrap();
        assert!(read(&plain) == read(&exported), "{name:?} differs");
    }
    assert!(without_times(&plain) == without_times(&exported), "run.json differs");
    let mut told = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    forget_times(&mut told);
    // The record of the files is known only after they are written.
    let mut record = without_times(&exported);
    assert!(record.as_object_mut().unwrap().remove("written").is_some());
    assert!(record == told, "run.json differs from the record that the run sent");
}

#[test]
fn the_model_in_memory_has_the_perplexity_of_the_written_one() {
    let dir = tempfile::tempdir().unwrap();
    let text = small_text(dir.path());
    let mut frontend = Frontend::open(&settings());
    frontend.run(0, &settings()).record();
    let told = frontend.job(|run| {
        Command::start(
            run,
            job::MeasurePerplexity {
                evaluation: Evaluation {
                    text: Some(text.clone()),
                    seq_len: 32,
                    bos: true,
                    ..Evaluation::default()
                },
            },
        )
    });
    let measured: Vec<_> = told.all(|event| match event {
        Event::PerplexityMeasured { record } => Some(record.clone()),
        _ => None,
    });
    assert_eq!((measured.len(), measured[0].after), (2, None));
    let out = dir.path().join("out");
    frontend.export(&out);
    let perplexity = |model: ModelChoice| {
        let job = Evaluate {
            model,
            evaluation: Evaluation {
                text: Some(text.clone()),
                seq_len: 32,
                bos: true,
                ..Evaluation::default()
            },
            machine: settings().machine,
        };
        let worker = engine::start(1, move |control| engine::evaluate(&job, control));
        finished(worker).unwrap().perplexity
    };
    assert_eq!(perplexity(ModelChoice::Demo), measured[0].before);
    assert_eq!(Some(perplexity(ModelChoice::Named(out.display().to_string()))), measured[1].after);
    assert!(measured[1].after.unwrap() > measured[0].before);
}

#[test]
fn evaluating_on_the_calibration_text_gives_a_warning() {
    let mut frontend = Frontend::open(&settings());
    let text = TextSource::DemoStories;
    frontend.send(Command::start(
        1,
        job::MeasurePerplexity {
            evaluation: Evaluation { text: Some(text), seq_len: 64, bos: false, ..Evaluation::default() },
        },
    ));
    frontend.until(|event| matches!(event, Event::Warning { message } if message.contains("is also the calibration text")));
    frontend.send(Command::control(1, Control::Cancel));
    assert_eq!(frontend.until(is_end).last(), &Event::JobCancelled);
}

#[test]
fn resuming_at_a_layer_passes_earlier_layers_with_the_same_numbers() {
    // The budget is too small to keep the streams, so the second run starts from the embedding.
    let mut settings = settings();
    settings.evaluation.track_errors = true.into();
    settings.machine.memory_budget = "1K".parse().unwrap();
    let mut frontend = Frontend::open(&settings);
    let whole = frontend.run(0, &settings).record();
    let told = frontend.run(5, &settings);
    assert!(told.0.iter().any(|event| matches!(event, Event::LayerStarted { layer: 5, attempt: 1, .. })));
    assert!(told.record().layers == whole.layers, "the records differ");
}

#[test]
fn a_retry_is_inactive_until_activated_and_then_affects_later_layers() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let first = frontend.run(0, &settings).record();
    let method = Method { ratio: 0.6.into(), parts: vec![Part::Mlp], ..Method::of_run(&settings, 0.6) };
    let told = frontend.retry(4, method);
    let (record, attempt) = told.layers().pop().unwrap();
    assert_eq!((attempt.number, attempt.above), (1, vec![0; 4]));
    assert_eq!(record.attention, first.layers[4].attention, "it should not have been solved");
    assert_eq!(record.mlp.kept.len(), 128);

    let last = first.layers.len() - 1;
    let again = frontend.run(last, &settings).record();
    assert!(again.layers == first.layers, "the first attempt is no longer active");
    frontend.choose(4, Some(1));
    let told = frontend.run(5, &settings);
    let (_, below) = told.layers().into_iter().next().unwrap();
    assert_eq!((below.number, below.above), (1, vec![0, 0, 0, 0, 1]));
    let other = told.record();
    assert_eq!(other.layers[4], record);
    assert_ne!(other.layers[5], first.layers[5]);
    frontend.choose(4, Some(0));
    let back = frontend.run(5, &settings).record();
    assert!(back.layers == first.layers, "the first attempt is not active again");
}

#[test]
fn a_retry_with_the_active_method_always_gives_an_equal_record() {
    let mut base = settings();
    base.evaluation.track_errors = true.into();
    let mut dense_stream = base.clone();
    dense_stream.objective.target = slimgpt::prune::Target::DenseStream;
    let mut small = base.clone();
    small.machine.memory_budget = "1K".parse().unwrap();
    let mut by_query_head = base.clone();
    by_query_head.objective.attention_unit = slimgpt::prune::AttentionUnitChoice::QueryHead;
    for settings in [base, dense_stream, small, by_query_head] {
        let mut frontend = Frontend::open(&settings);
        let whole = frontend.run(0, &settings).record();
        let method = Method::of_run(&settings, whole.layers[6].ratio);
        // The second run uses the streams and the moments of the first.
        for _ in 0..2 {
            let told = frontend.retry(6, method.clone());
            assert_eq!(told.layers()[0].0, whole.layers[6]);
        }
    }
}

#[test]
fn cached_streams_of_a_finished_run_are_not_recomputed() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings).record();
    for layer in [9, 2, 6] {
        frontend.retry(layer, Method::of_run(&settings, 0.5));
        frontend.curve(layer + 1, Part::Attention, Method::of_run(&settings, 0.5));
    }
    assert_eq!(frontend.approaching, 0);
    // Another attempt is active, so the inputs of later layers have changed.
    frontend.choose(2, Some(1));
    frontend.curve(4, Part::Attention, Method::of_run(&settings, 0.5));
    assert!(frontend.approaching > 0);
    frontend.choose(2, Some(0));
    frontend.approaching = 0;
    frontend.curve(4, Part::Mlp, Method::of_run(&settings, 0.5));
    assert_eq!(frontend.approaching, 0, "the streams of the first attempt are still stored");
}

#[test]
fn a_small_budget_keeps_the_most_recent_streams() {
    let mut settings = settings();
    settings.machine.memory_budget = room_for(2.5, &settings);
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings).record();
    let last = frontend.ratios(&settings).len() - 1;
    frontend.curve(last, Part::Attention, Method::of_run(&settings, 0.5));
    assert_eq!(frontend.approaching, 0);
    frontend.curve(1, Part::Attention, Method::of_run(&settings, 0.5));
    assert!(frontend.approaching > 0);
}

#[test]
fn an_activation_is_confirmed_and_a_layer_without_an_attempt_is_dense() {
    let dir = tempfile::tempdir().unwrap();
    let mut frontend = Frontend::open(&settings());
    frontend.run(0, &settings()).record();
    assert_eq!(frontend.choose(3, None).1, [1], "the event carries the number of the preceding job");
    frontend.export(&dir.path().join("out"));
    let text = fs::read_to_string(dir.path().join("out/run.json")).unwrap();
    let record: RunRecord = serde_json::from_str(&text).unwrap();
    let dense: Vec<usize> =
        record.layers.iter().filter(|layer| layer.mlp.hessian.is_none()).map(|layer| layer.index).collect();
    assert_eq!(dense, [3]);
}

#[test]
fn a_run_reports_its_first_layer_and_its_seed() {
    let mut settings = settings();
    settings.calibration.seed = 5;
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings).record();
    let told = frontend.run(10, &settings);
    assert!(matches!(told.0[1], Event::RunStarted { from: 10, .. }));
    assert!(matches!(told.0[2], Event::CalibrationReady { seed: 5, .. }));
}

#[test]
fn a_curve_passes_through_the_error_of_the_run() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let whole = frontend.run(0, &settings).record();
    let layer = &whole.layers[7];
    for (part, record) in [(Part::Attention, &layer.attention), (Part::Mlp, &layer.mlp)] {
        let (units, points) = frontend.curve(7, part, Method::of_run(&settings, layer.ratio));
        assert_eq!(units, record.units);
        assert_eq!((points[0].removed, points[0].relative_error), (0, 0.0));
        assert_eq!(points[points.len() - 1].removed, units - 1);
        assert!(
            points
                .windows(2)
                .all(|p| p[0].removed < p[1].removed && p[0].relative_error <= p[1].relative_error)
        );
        assert!(points.len() >= 8.min(units));
        let own = points.iter().find(|point| point.removed == record.removed.len()).unwrap();
        assert!((own.relative_error - record.relative_error).abs() < 1e-12, "{own:?}");
    }
}

#[test]
fn a_curve_can_be_computed_before_any_run() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let (_, points) = frontend.curve(1, Part::Mlp, Method::of_run(&settings, 0.0));
    assert!(points.len() >= 25, "{} points", points.len());
}

#[test]
fn both_models_generate_in_turn() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings).record();
    let prompt = Prompt { text: "One day".into(), max_tokens: 12, temperature: 0.0, seed: 1 };
    let write = |frontend: &mut Frontend| {
        let told = frontend.job(|run| Command::start(run, job::Generate { prompt: prompt.clone() }));
        let pieces = told.all(|event| match event {
            Event::GeneratedText { side, text } => Some((*side, text.clone())),
            _ => None,
        });
        let wrote = told.all(|event| match event {
            Event::GenerationFinished { side, tokens, .. } => Some((*side, *tokens)),
            _ => None,
        });
        let measured = told.all(|event| match event {
            Event::TokensMeasured { side, tokens } => Some((*side, tokens.clone())),
            _ => None,
        });
        assert_eq!(measured.len(), 2);
        for (side, tokens) in &measured {
            let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
            let written: String =
                pieces.iter().filter(|(of, _)| of == side).map(|(_, piece)| piece.as_str()).collect();
            assert_eq!(text, written);
            for token in tokens {
                let own = if *side == Side::Dense { &token.dense } else { &token.pruned };
                assert_eq!(own.likeliest[0].0, token.text, "a greedy text takes the likeliest token");
                assert!((own.loss + own.likeliest[0].1.ln()).abs() < 1e-6);
                assert_eq!((token.dense.likeliest.len(), token.pruned.likeliest.len()), (5, 5));
            }
        }
        (pieces, wrote)
    };
    let (pieces, wrote) = write(&mut frontend);
    assert_eq!(pieces[..2].iter().map(|piece| piece.0).collect::<Vec<_>>(), [Side::Dense, Side::Pruned]);
    assert_eq!(wrote.len(), 2);
    assert!(wrote.iter().all(|(_, tokens)| (1..=12).contains(tokens)));
    assert_eq!(write(&mut frontend), (pieces, wrote), "equal seeds generate equal texts");
}

#[test]
fn an_untouched_model_is_exported_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let mut frontend = Frontend::open(&settings());
    frontend.export(&dir.path().join("out"));
    let record: RunRecord =
        serde_json::from_str(&fs::read_to_string(dir.path().join("out/run.json")).unwrap()).unwrap();
    assert_eq!(record.model.parameters_after, record.model.parameters_before);
    let untouched = |layer: &LayerRecord| layer.mlp.removed.is_empty() && layer.mlp.hessian.is_none();
    assert!(record.layers.iter().all(untouched));
}

#[test]
fn a_retry_can_change_the_group_size() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings).record();
    let method = {
        let mut method = Method::of_run(&settings, 0.5);
        method.solver.group_size = GroupSize::Fixed(50);
        method
    };
    let told = frontend.retry(0, method);
    assert_eq!(told.layers()[0].0.mlp.group_sizes, [50, 50, 50, 10]);
}
