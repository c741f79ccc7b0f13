//! The largest model, the smallest one, and numbers that no axis can show.

use std::path::PathBuf;

use super::*;
use crate::explorer::tests::pictures::binned;

/// The largest model half way through a run, with all data of the selected layer.
pub fn large() -> State {
    let mut state = opened(LARGE);
    prune(&mut state, 60);
    at_work(&mut state, 60);
    state.layer = 40;
    state.screens.layer.part = Part::Mlp;
    let method = Method::of_run(&state.settings, 0.2);
    state.layers[40].curves = vec![Curve {
        points: (0..LARGE.channels)
            .map(|removed| CurvePoint { removed, relative_error: (removed as f64 / 3e4).powi(3) })
            .collect(),
        ..curve(LARGE.channels, Part::Mlp, method)
    }];
    let mut recorded = RecordedSteps::new(Part::Mlp, 0);
    for step in 0..128 {
        recorded.add(step, Box::new(binned(LARGE.channels, step)));
    }
    state.layers[40].recorded = vec![recorded];
    for at in 0..10_000 {
        let text = format!("mlp: batch {at}, 1024 channels, error 1.3e-4");
        state.log.push(Entry { at: at as f64, level: Level::Step, layer: Some(at % 80), text });
    }
    state
}

/// A recorded, finished run of a model with one layer.
pub fn single() -> State {
    let mut state = opened(Size { layers: 1, heads: 1, channels: 1 });
    prune(&mut state, 1);
    state.origin = Origin::Replay { file: PathBuf::from("events.jsonl"), speed: 2.0 };
    state
}

/// A run with numbers that no axis can show.
pub fn broken() -> State {
    let mut state = half_done();
    for (index, value) in [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e300].into_iter().enumerate() {
        let result = &mut state.layers[index].attempts[0];
        result.record.output_error = Some(value);
        result.record.attention.relative_error = value;
        result.record.mlp.step_errors.fill(value);
        if let Some(seen) = &mut result.mlp {
            let mut scores = seen.scores.clone();
            scores[0] = value as f32;
            scores[1] = f32::NAN;
            seen.picture.correlation.fill(value as f32);
            seen.picture.diag_log_range = [value, value];
            seen.energy = Some(value);
            seen.stats.trace = value;
            seen.stats.condition = value;
            *seen = PartStatistics::new(seen.stats, seen.picture.clone(), scores, Some(value));
        }
        state.layers[index].curves = vec![Curve {
            points: vec![CurvePoint { removed: 0, relative_error: value }],
            ..curve(688, Part::Mlp, state.layers[index].attempts[0].attempt.method.clone())
        }];
    }
    state.schedule.ratios[2] = f64::NAN.into();
    state.previous_runs.push(PreviousRun { run: 9, output_errors: vec![Some(f64::NAN); 400] });
    state.layer = 2;
    state
}
