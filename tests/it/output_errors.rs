//! Output errors that are measured after a run, without solving again.

use crate::frontend::{Frontend, settings};
use slimgpt::application::{
    engine::SessionPlace,
    protocol::{Command, Event, LayerPart, Method, job},
};
use slimgpt::prune::{Part, StreamErrors};

/// Measured errors, indexed by layer from the first measured one.
fn measured(told: &[Event], dense: Option<LayerPart>) -> Vec<StreamErrors> {
    let errors = told.iter().filter_map(|event| match event {
        Event::OutputErrorMeasured { dense_part, errors, .. } if *dense_part == dense => Some(*errors),
        _ => None,
    });
    errors.collect()
}

#[test]
fn output_errors_measured_afterwards_are_those_of_a_tracked_run() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session");
    let (mut tracked, mut untracked) = (settings(), settings());
    tracked.evaluation.track_errors = true.into();
    untracked.evaluation.track_errors = false.into();
    let told = Frontend::open(&tracked).run(0, &tracked);
    let (during, wanted) = (measured(&told.0, None), told.record());

    let mut frontend = Frontend::open_in(&untracked, SessionPlace::New(path.clone()));
    let run = frontend.run(0, &untracked).record();
    assert!(run.layers.iter().all(|layer| layer.output_error.is_none()));
    let told = frontend.job(|run| Command::start(run, job::CompareStreams { dense_part: None }));
    assert_eq!(told.last(), &Event::JobDone);
    assert!(!told.0.iter().any(|event| matches!(event, Event::LayerStarted { .. })), "nothing is solved");
    let after = measured(&told.0, None);
    assert!(after == during, "behind every part, as during a run");
    for (layer, errors) in wanted.layers.iter().zip(&after) {
        assert!((errors.mlp.relative() - layer.output_error.unwrap()).abs() < 1e-12);
        assert!(errors.mlp.cosine >= 0.0 && errors.mlp.norm_rest < errors.mlp.norm);
    }

    let last = after.len() - 1;
    let dense = LayerPart { layer: last, part: Part::Mlp };
    let told = frontend.job(|run| Command::start(run, job::CompareStreams { dense_part: Some(dense) }));
    let kept = measured(&told.0, Some(dense));
    assert_eq!(kept.len(), 1, "from its layer on");
    assert_eq!(kept[0].attention, after[last].attention);
    assert!(kept[0].mlp.error < after[last].mlp.error);
    frontend.close().unwrap();

    let mut again = Frontend::open_in(&untracked, SessionPlace::Open(path));
    let told = again.until(|event| matches!(event, Event::SessionRestored { .. }));
    let Event::SessionRestored { session } = told.last() else { unreachable!() };
    for (layer, (restored, wanted)) in session.layers.iter().zip(&wanted.layers).enumerate() {
        let attempt = &restored.attempts[0];
        assert_eq!(attempt.record.output_error, wanted.output_error, "layer {layer}");
        assert_eq!(attempt.stream_errors, Some(after[layer]), "layer {layer}");
    }
    again.close().unwrap();
}

#[test]
fn attempts_are_compared_behind_every_later_layer_without_changing_anything() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings);
    let layer = 9;
    let method = Method { ratio: 0.5.into(), ..Method::of_run(&settings, 0.5) };
    frontend.job(|run| Command::start(run, job::Retry { layer, method }));
    let told = frontend.job(|run| Command::start(run, job::CompareStreams { dense_part: None }));
    let active = measured(&told.0, None);
    let compare = |frontend: &mut Frontend, windows: usize| {
        let attempts = vec![0, 1];
        let told = frontend.job(|run| Command::start(run, job::CompareAttempts { layer, attempts, windows }));
        assert_eq!(told.last(), &Event::JobDone);
        let found = told.0.iter().filter_map(|event| match event {
            Event::AttemptCompared { attempt, windows, behind, errors, .. } => {
                Some((*attempt, *windows, *behind, *errors))
            }
            _ => None,
        });
        found.collect::<Vec<_>>()
    };
    let all = compare(&mut frontend, usize::MAX);
    assert_eq!(all.len(), 2 * (active.len() - layer), "from the layer to the last, with each attempt");
    for (attempt, _, behind, errors) in &all {
        if *attempt == 0 {
            assert_eq!(*errors, active[*behind], "the active attempt at layer {behind}");
        } else {
            assert!(errors.mlp.error > active[*behind].mlp.error || *behind > layer, "more was removed");
        }
    }
    let few = compare(&mut frontend, 2);
    assert!(few.iter().all(|(_, windows, ..)| *windows == 2));
    assert_ne!(few[0].3, all[0].3);
    let told = frontend.job(|run| Command::start(run, job::CompareStreams { dense_part: None }));
    assert_eq!(measured(&told.0, None), active, "nothing was activated");
    let none = vec![7];
    let told =
        frontend.job(|run| Command::start(run, job::CompareAttempts { layer, attempts: none, windows: 2 }));
    assert!(matches!(told.last(), Event::JobFailed { message, .. } if message.contains('7')));
}
