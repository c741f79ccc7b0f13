//! Output errors that are measured after a run, without solving again.

use crate::frontend::{Frontend, settings};
use slimgpt::application::{
    engine::SessionPlace,
    protocol::{Command, Event, LayerPart, job},
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
