//! Comparisons of the streams: after a run, and with one part dense.

use super::Script;
use crate::{
    explorer::{
        Pointed,
        screens::errors::{ADDED, added, measure::Measure},
    },
    protocol::{Command, Event, Job, LayerPart, job},
    prune::{Part, StreamError, StreamErrors},
};

/// Streams with these errors behind both parts.
fn streams(attention: f64, mlp: f64) -> StreamErrors {
    let behind =
        |error: f64| StreamError { error, norm: 2.0, cosine: error / 4.0, error_rest: error, norm_rest: 1.0 };
    StreamErrors { attention: behind(attention), mlp: behind(mlp) }
}

fn measured(layer: usize, dense_part: Option<LayerPart>, errors: StreamErrors) -> Event {
    Event::OutputErrorMeasured { layer, attempt: Some(0), dense_part, errors }
}

#[test]
fn output_errors_are_measured_afterwards_without_solving_again() {
    let mut script = Script::pruned(2);
    script.keys("4 e");
    let run = match script.command() {
        Command::Start {
            run, job: Job::CompareStreams(job::CompareStreams { dense_part: None }), ..
        } => *run,
        other => panic!("{other:?}"),
    };
    script.handle(run, measured(0, None, streams(0.1, 0.2)));
    script.handle(run, measured(1, None, streams(0.5, 1.0)));
    script.handle(run, Event::JobDone);
    let outputs = script.state.output_errors();
    assert_eq!(outputs, [Some(0.1), Some(0.5)]);
    assert!(script.state.layers.iter().all(|layer| layer.attempts.len() == 1));
    let (_, bars) = added::added(&script.state);
    let amounts: Vec<f64> = bars.iter().map(|one| one.amount).collect();
    assert_eq!(amounts, [0.1, 0.1, 0.3, 0.5]);
    // Sorting by a value goes to the largest one.
    let selected = |script: &Script| (script.state.layer, script.state.screens.errors.part);
    script.keys("b b home");
    assert_ne!(selected(&script), (1, Part::Mlp));
    script.keys("b");
    assert_eq!(selected(&script), (1, Part::Mlp));
}

#[test]
fn a_part_is_tried_dense_from_its_layer_on() {
    let mut script = Script::pruned(3);
    script.keys("4 home right w");
    let dense = LayerPart { layer: 1, part: Part::Mlp };
    let run = match script.command() {
        Command::Start { run, job: Job::CompareStreams(job::CompareStreams { dense_part }), .. } => {
            assert_eq!(*dense_part, Some(dense));
            *run
        }
        other => panic!("{other:?}"),
    };
    let before = script.state.output_errors();
    for layer in 1..3 {
        script.handle(run, measured(layer, Some(dense), streams(0.01, 0.02)));
    }
    script.handle(run, Event::JobDone);
    assert_eq!(script.state.output_errors(), before, "the active attempts are as they were");
    let what_if = script.state.what_if.as_ref().unwrap();
    assert_eq!(what_if.values(Measure::Relative), [None, Some(0.01), Some(0.01)]);
    assert!(what_if.is_current(&script.state));
    script.state.layers[1].attempts[0].record.mlp.removed.clear();
    script.keys("w");
    assert!(script.notice().contains("dense already"), "{}", script.notice());
}

#[test]
fn a_click_on_a_bar_selects_its_part() {
    let mut script = Script::pruned(2);
    script.keys("4 e");
    let run = script.run();
    script.handle(run, measured(0, None, streams(0.1, 0.2)));
    script.handle(run, measured(1, None, streams(0.5, 1.0)));
    script.handle(run, Event::JobDone);
    // By amount: the MLP of layer 1 adds 0.5, its attention 0.3, both parts of layer 0 add 0.1.
    let selected = |script: &Script| (script.state.layer, script.state.screens.errors.part);
    for (row, expected) in [(0, (1, Part::Mlp)), (1, (1, Part::Attention)), (2, (0, Part::Attention))] {
        script.click(Pointed::Row { panel: &ADDED, row });
        assert_eq!(selected(&script), expected, "row {row}");
        assert_eq!(*script.state.focused(), ADDED);
    }
    script.click(Pointed::Row { panel: &ADDED, row: 4 });
    assert_eq!(selected(&script), (0, Part::Attention), "there is no such bar");
}
