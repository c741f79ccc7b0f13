//! Sample states for tests: a run half way, the smallest model and the largest.

mod extremes;

pub(super) use extremes::{broken, large, single};

use crate::{
    calibration::TextSource,
    config::Settings,
    explorer::{
        AttemptResult, Curve, Entry, Job, JobKind, JobStatus, KeyMap, Layer, Level, Model, Origin,
        PartStatistics, PreviousRun, RecordedSteps, Schedule, Start, State, Work, tests::pictures::picture,
        work::WorkPart,
    },
    protocol::{
        Attempt, CalibrationRecord, CurvePoint, Event, HessianStats, LayerRecord, LayerShape, Method,
        ModelRecord, ModelShape, MomentPicture, Pace, PartRecord, PerplexityRecord, Stage, Stamped,
    },
    prune::{Part, StreamError, StreamErrors},
};

/// Sizes of a model.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub layers: usize,
    pub heads: usize,
    pub channels: usize,
}

pub(super) const SMALL: Size = Size { layers: 12, heads: 8, channels: 688 };
pub(super) const LARGE: Size = Size { layers: 80, heads: 128, channels: 28_672 };

/// The state before a model is open.
pub(super) fn unopened() -> State {
    let settings: Settings = "schedule = \"log\"\nby_parameters = false".parse().unwrap();
    State::new(Start {
        origin: Origin::Live { model: "demo".into() },
        settings,
        keymap: KeyMap::default(),
        themes: vec!["dark".into()],
        theme: 0,
        mouse: true,
        idle_curves: false,
        pace: Pace::Free,
        eval: Some(TextSource::DemoHeldOut),
        model_argument: None,
        sessions_root: None,
        offers: false,
        size: (80, 24),
    })
}

/// The state with an open, untouched model.
pub(super) fn opened(size: Size) -> State {
    let mut state = unopened();
    let per = 64 * 64 * 4;
    let shape = LayerShape {
        heads: size.heads,
        kv_heads: size.heads,
        channels: size.channels,
        per_kv_group: per,
        per_query_head: per,
        per_channel: 3 * 64,
    };
    let parameters = size.layers as u64 * (size.heads as u64 * per + size.channels as u64 * 192) + 900_000;
    state.model = Some(Model {
        record: ModelRecord {
            name: "stories".into(),
            family: "llama".into(),
            layers: size.layers,
            parameters_before: parameters,
            parameters_after: parameters,
            config_sha256: "00".into(),
            quantised: Vec::new(),
        },
        shape: ModelShape {
            hidden: 64,
            head_dim: 8,
            vocab: 512,
            max_positions: 512,
            parameters,
            bytes: parameters * 2,
            layers: vec![shape; size.layers],
        },
    });
    state.layers = (0..size.layers).map(|_| Layer::new(shape)).collect();
    state.schedule = Schedule::of_settings(size.layers, &state.settings).0;
    state
}

/// A deterministic pseudo-random number between 0 and 1.
fn noise(seed: usize) -> f64 {
    let bits = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((bits >> 40) as f64) / f64::from(1u32 << 24)
}

pub(super) fn seen(units: usize, layer: usize) -> PartStatistics {
    let scores: Vec<f32> =
        (0..units).map(|unit| (10f64.powf(noise(unit * 31 + layer) * 2.6 - 4.0)) as f32).collect();
    let cells = units.min(32);
    let correlation = (0..cells * cells)
        .map(|at| {
            let (i, j) = (at / cells, at % cells);
            let near = 0.8 / (1.0 + i.abs_diff(j) as f64 * 0.7);
            (near * (0.4 + 0.6 * noise((i + j) * 7 + i * j))) as f32
        })
        .collect();
    let histogram =
        (0..48u32).map(|bar| (120.0 * (-(f64::from(bar) - 20.0).powi(2) / 90.0).exp()) as u32).collect();
    let picture =
        MomentPicture { diag_log_range: [-5.2, 0.4], diag_histogram: histogram, cells, correlation };
    let stats = HessianStats {
        trace: 41.7,
        diag_min: 0.0,
        diag_mean: 0.0606,
        diag_max: 2.51,
        dead: 3,
        condition: 4.2e6,
        damping_used: 0.1,
    };
    PartStatistics::new(stats, picture, scores, Some(3.7 + layer as f64))
}

pub(super) fn record(units: usize, gone: usize, seen: &PartStatistics) -> PartRecord {
    let mut removed: Vec<usize> =
        seen.order.iter().take(gone + gone / 8).map(|&unit| unit as usize).collect();
    // Later scores differ from the first ones, so some of the cheapest units are kept.
    let mut at = 0;
    removed.retain(|_| {
        at += 1;
        at % 9 != 0
    });
    removed.truncate(gone);
    let gone = removed.len();
    let mut group_sizes = Vec::new();
    let mut left = gone;
    while left > 0 {
        let size = if units <= 128 { 1 } else { (left / 2).clamp(8, 1024).min(left) };
        group_sizes.push(size);
        left -= size;
    }
    let step_errors: Vec<f64> = group_sizes
        .iter()
        .enumerate()
        .map(|(at, &size)| 1e-5 * size as f64 * (1.6f64).powi(at as i32 % 20))
        .collect();
    let mut stays = vec![true; units];
    for &unit in &removed {
        stays[unit] = false;
    }
    let kept = (0..units).filter(|&unit| stays[unit]).collect();
    let relative_error = step_errors.iter().sum::<f64>() / seen.energy.unwrap_or(1.0);
    PartRecord {
        units,
        unit: None,
        unit_width: 8,
        kept,
        removed,
        step_errors,
        group_sizes,
        relative_error,
        refined: None,
        mean_error: None,
        scheduled: None,
        hessian: Some(seen.stats),
    }
}

/// Adds an attempt with this ratio.
pub(super) fn attempt(state: &mut State, index: usize, ratio: f64) {
    let above = state.layers[..index].iter().map(|layer| layer.chosen.unwrap_or(0)).collect();
    let number = state.layers[index].attempts.len();
    let shape = state.layers[index].shape;
    let (attention_seen, mlp_seen) = (seen(shape.heads, index), seen(shape.channels, index + 100));
    let gone = |units: usize| (units as f64 * ratio).round() as usize;
    let record = LayerRecord {
        index,
        ratio: ratio.into(),
        attention: record(shape.heads, gone(shape.heads), &attention_seen),
        mlp: record(shape.channels, gone(shape.channels), &mlp_seen),
        output_error: Some(2e-3 * 1.35f64.powi(index as i32 % 24) * (1.0 + 0.2 * noise(index + number))),
    };
    let attempt = Attempt { number, above, method: Method::of_run(&state.settings, ratio) };
    state.layers[index].attempts.push(AttemptResult {
        attempt,
        stream_errors: Some(stream_errors(&record)),
        record,
        attention: Some(attention_seen),
        mlp: Some(mlp_seen),
        seconds: Some(20.0 + 5.0 * noise(index)),
    });
}

/// Streams with this output error. The norm of the dense stream rises at layer 8.
fn stream_errors(record: &LayerRecord) -> StreamErrors {
    let norm = if record.index < 8 { 40.0 } else { 900.0 } * (1.0 + record.index as f64 / 20.0);
    let error = record.output_error.unwrap_or(0.0) * norm;
    let behind = |error: f64| StreamError {
        error,
        norm,
        cosine: error / norm / 2.0,
        error_rest: error * 0.9,
        norm_rest: 35.0 + record.index as f64,
    };
    StreamErrors { attention: behind(error * 0.8), mlp: behind(error) }
}

/// Prunes the first `done` layers and activates their attempts.
pub(super) fn prune(state: &mut State, done: usize) {
    for index in 0..done {
        let ratio = state.schedule.ratios[index].mlp;
        attempt(state, index, ratio);
        state.layers[index].chosen = Some(0);
    }
}

pub(super) fn curve(units: usize, part: Part, method: Method) -> Curve {
    let steps = units.min(600);
    let point = |step: usize| {
        let removed = step * (units - 1) / steps;
        let share = removed as f64 / units as f64;
        CurvePoint { removed, relative_error: share * share * 0.9 * (share * 2.0).exp() * 0.2 }
    };
    Curve { part, units, points: (0..=steps).map(point).collect(), method }
}

/// Adds a layer whose channels are being removed.
pub(super) fn at_work(state: &mut State, index: usize) {
    let shape = state.layers[index].shape;
    let method = Method::of_run(&state.settings, state.schedule.ratios[index]);
    let (attention_seen, mlp_seen) = (seen(shape.heads, index), seen(shape.channels, index + 100));
    let goal = state.goal(index);
    let heads = record(shape.heads, goal.attention, &attention_seen);
    let channels = record(shape.channels, goal.mlp, &mlp_seen);
    let batches = channels.group_sizes.len() / 2;
    let left: usize = channels.group_sizes[..batches].iter().sum();
    state.layers[index].work = Some(Work {
        begun: None,
        attempt: state.layers[index].attempts.len(),
        method,
        part: Part::Mlp,
        solving: true,
        attention: WorkPart {
            units: shape.heads,
            goal: goal.attention,
            removed: heads.removed.clone(),
            step_errors: heads.step_errors.clone(),
            group_sizes: heads.group_sizes.clone(),
            seen: Some(attention_seen),
            record: Some(heads),
        },
        mlp: WorkPart {
            units: shape.channels,
            goal: goal.mlp,
            removed: channels.removed[..left].to_vec(),
            step_errors: channels.step_errors[..batches].to_vec(),
            group_sizes: channels.group_sizes[..batches].to_vec(),
            seen: Some(mlp_seen),
            record: None,
        },
    });
    state.jobs.queue.push_back(Job {
        asked: crate::explorer::Asked::User,
        run: 3,
        kind: JobKind::Run,
        from: 0,
        status: JobStatus::Working,
        at: 74.0,
        stage: Some((Stage::Calibrate { layer: index, part: Part::Mlp }, 40, 64)),
        layers_done: index,
        before: None,
        retry: None,
        evaluates: false,
    });
    follow(state, 3, index);
}

/// Progress of a run that has pruned the first `done` layers.
pub(super) fn follow(state: &mut State, run: u64, done: usize) {
    let model = state.model.as_ref();
    let Some((model, shape)) = model.map(|model| (model.record.clone(), model.shape.clone())) else { return };
    let settings = Box::new(state.settings.clone());
    let mut events = vec![
        Event::ModelOpened { model: model.clone(), shape },
        Event::RunStarted { from: 0, model, settings, plan: vec![] },
    ];
    for layer in 0..=done {
        for part in [Part::Attention, Part::Mlp] {
            for stage in [Stage::Calibrate { layer, part }, Stage::Propagate { layer, part }] {
                events.push(Event::Progress { stage, done: 1, total: if layer == done { 2 } else { 1 } });
            }
        }
    }
    let each = 74.0 / events.len() as f64;
    for (at, event) in events.into_iter().enumerate() {
        state.tracker.observe(&Stamped { run, at: each * (at + 1) as f64, event });
    }
}

/// A run half way: done, stale, failed, current and waiting layers, two texts, a log.
pub fn half_done() -> State {
    let mut state = opened(SMALL);
    prune(&mut state, 6);
    attempt(&mut state, 3, 0.3);
    state.layers[3].attempts[1].attempt.method.solver.damping = 0.1;
    state.layers[4].attempts[0].attempt.above = vec![0, 0, 0, 1];
    state.layers[6].failed = Some(
        "mlp: the second moment has a NaN at input 17; lower the number of samples or look at the texts"
            .into(),
    );
    at_work(&mut state, 7);
    state.schedule.locked[9] = true;
    state.schedule.ratios[9] = 0.12.into();
    state.layer = 3;
    let method = Method::of_run(&state.settings, 0.2);
    state.layers[3].curves =
        vec![curve(SMALL.heads, Part::Attention, method.clone()), curve(SMALL.channels, Part::Mlp, method)];
    state.previous_runs = (1..3)
        .map(|run| PreviousRun {
            run,
            output_errors: (0..12).map(|layer| Some(1e-3 * run as f64 * 1.5f64.powi(layer))).collect(),
        })
        .collect();
    state.calibration = Some(CalibrationRecord {
        files: vec!["demo:stories".into()],
        samples: 64,
        seq_len: 128,
        seed: 0,
        tokens: 64 * 128,
        ..CalibrationRecord::default()
    });
    state.layers[3].recorded = vec![recorded(SMALL.heads, Part::Attention), recorded(60, Part::Mlp)];
    compare(&mut state);
    log(&mut state);
    state
}

/// Three recorded steps.
fn recorded(units: usize, part: Part) -> RecordedSteps {
    let mut recorded = RecordedSteps::new(part, 0);
    for step in 0..3 {
        recorded.add(step, Box::new(picture(units, step)));
    }
    recorded
}

fn compare(state: &mut State) {
    let record = |text: &str, before, after, bos| PerplexityRecord {
        text: text.into(),
        seq_len: 128,
        tokens: 48_128,
        bos,
        before,
        after,
        before_error: None,
        after_error: None,
        divergence: None,
        divergence_error: None,
    };
    state.compare.add(record("wikitext-2/模型.txt", 24.713, None, true));
    state.compare.add(record("demo:held-out", 8.594, Some(9.312), false));
    state.compare.prompt.text = "One day, a little girl named Lily".into();
    state.compare.newest.dense.text =
        " found a needle in her room. She knew it was difficult to play with it because it was sharp. Lily wanted to share the needle with her mom, so she could sew a button on her shirt.\n\nLily went to her mom and said, \"Mom, I found this needle.\"".into();
    state.compare.newest.dense.tokens = 64;
    state.compare.newest.dense.seconds = Some(1.9);
    state.compare.newest.pruned.text =
        " went to the park with her mom. 她看到一只大狗在公园里跑来跑去,非常高兴。 She wanted to play with the ball and the ball and the".into();
    state.compare.newest.pruned.tokens = 41;
}

fn log(state: &mut State) {
    let mut push =
        |at, level, layer, text: &str| state.log.push(Entry { at, level, layer, text: text.into() });
    push(0.0, Level::Info, None, "stories is open: llama, 12 layers");
    push(0.4, Level::Info, None, "pruning begins with the log schedule, mean 0.2");
    push(
        1.2,
        Level::Warning,
        None,
        "the evaluation text was used for calibration; its perplexity flatters the pruned model",
    );
    for layer in 0..7 {
        let at = 4.0 + layer as f64 * 9.0;
        for step in 0..5 {
            push(
                at + step as f64,
                Level::Step,
                Some(layer),
                &format!("mlp: batch {step}, 64 channels, error 1.3e-4"),
            );
        }
        push(at + 6.0, Level::Info, Some(layer), "done: attention 7 of 8 heads, mlp 602 of 688 channels");
    }
    push(
        60.0,
        Level::Warning,
        Some(5),
        "mlp: damping raised from 0.01 to 0.1, because the Cholesky factorisation of 688 × 688 failed at pivot 401, and a very long reason follows so that it cannot fit into one row however wide the window may be 模型模型",
    );
    push(66.0, Level::Error, Some(6), "mlp: the second moment has a NaN at input 17");
}
