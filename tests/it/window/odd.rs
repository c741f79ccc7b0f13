//! States that no correct model or engine produces.

use std::path::PathBuf;

use slimgpt::application::{
    explorer::{Msg, State, update},
    protocol::{
        Attempt, CurvePoint, Event, HessianStats, JobKind, LayerRecord, LayerShape, Method, ModelRecord,
        ModelShape, MomentPicture, PartRecord, PerplexityRecord, PlannedLayer, Restored, RestoredAttempt,
        RestoredLayer, Side, Stage, Statistics,
    },
};
use slimgpt::{config::Settings, prune::Part};

use super::{emit, live, press, replay};

/// Wide, combining, joined, right-to-left, invisible and control characters.
pub const STRANGE: &str = "深い言語モデル e\u{301}\u{328} 👩\u{200d}🔬🇨🇭 \u{1b}[31mred\u{7}\t\u{200b}\u{202e}אבג\u{ad}\u{feff}\r\n§ ﷽ 模";

pub const PARTS: [Part; 2] = [Part::Attention, Part::Mlp];

/// Sizes of a model.
#[derive(Clone, Copy)]
pub struct Size {
    pub layers: usize,
    pub heads: usize,
    pub channels: usize,
}

pub const SMALL: Size = Size { layers: 12, heads: 8, channels: 320 };

pub fn opened(name: &str, size: Size) -> Event {
    let layer = LayerShape {
        heads: size.heads,
        kv_heads: size.heads,
        channels: size.channels,
        per_kv_group: 8192,
        per_query_head: 4096,
        per_channel: 384,
    };
    let units = size.heads as u64 * 8192 + size.channels as u64 * 384;
    let parameters = size.layers as u64 * units + 1000;
    let model = ModelRecord {
        name: name.into(),
        family: name.into(),
        layers: size.layers,
        parameters_before: parameters,
        parameters_after: parameters,
        config_sha256: String::new(),
        quantised: Vec::new(),
    };
    let shape = ModelShape {
        hidden: 128,
        head_dim: 16,
        vocab: 1024,
        max_positions: 512,
        parameters,
        bytes: parameters * 2,
        layers: vec![layer; size.layers],
    };
    Event::ModelOpened { model, shape }
}

pub fn method(ratio: f64) -> Method {
    Method::of_run(&live().settings, ratio)
}

/// Statistics in which every number is `value`, with only the first scores present.
pub fn hessian(layer: usize, part: Part, units: usize, value: f64) -> Event {
    let stats = HessianStats {
        trace: value,
        diag_min: value,
        diag_mean: value,
        diag_max: value,
        dead: units,
        condition: value,
        damping_used: value,
    };
    let cells = units.min(32);
    let picture = MomentPicture {
        diag_log_range: [value, value],
        diag_histogram: vec![units as u32; units.min(48)],
        cells,
        correlation: vec![value as f32; cells * cells],
    };
    let scores =
        (0..units).map(|unit| if unit < 3 { value as f32 } else { (unit as f32 * 0.618).fract() }).collect();
    Event::HessianStatistics { layer, part, stats, picture, scores, energy: Some(value) }
}

/// The first `gone` units are removed one by one, each with error `value`.
pub fn record(units: usize, gone: usize, value: f64) -> PartRecord {
    PartRecord {
        kept: (gone..units).collect(),
        removed: (0..gone).collect(),
        step_errors: vec![value; gone],
        group_sizes: vec![1; gone],
        relative_error: value,
        ..PartRecord::untouched(units, 1)
    }
}

pub fn layer_done(index: usize, number: usize, size: Size, value: f64) -> Event {
    let record = LayerRecord {
        index,
        ratio: 0.25.into(),
        attention: record(size.heads, size.heads / 4, value),
        mlp: record(size.channels, size.channels / 4, value),
        output_error: Some(value),
    };
    Event::LayerDone { record, attempt: Attempt { number, above: vec![0; index], method: method(0.25) } }
}

/// All events of a layer, in the order in which an engine sends them.
pub fn layer_events(index: usize, number: usize, size: Size, value: f64) -> Vec<Event> {
    let mut events = vec![Event::LayerStarted { layer: index, attempt: number, method: method(0.25) }];
    for (part, units) in [(Part::Attention, size.heads), (Part::Mlp, size.channels)] {
        events.push(Event::Progress { stage: Stage::Calibrate { layer: index, part }, done: 3, total: 4 });
        events.push(hessian(index, part, units, value));
        let left =
            |unit| Event::UnitsRemoved { layer: index, part, step: unit, units: vec![unit], error: value };
        events.extend((0..units / 4).map(left));
        events.push(Event::PartDone { layer: index, part, record: record(units, units / 4, value) });
        events.push(curve(index, part, units, value));
    }
    events.push(layer_done(index, number, size, value));
    events
}

pub fn curve(layer: usize, part: Part, units: usize, value: f64) -> Event {
    let point = |removed: usize| CurvePoint { removed, relative_error: value * removed as f64 };
    Event::ErrorCurve { layer, part, units, points: (0..units).map(point).collect() }
}

pub fn run_started(size: Size, settings: &Settings) -> Event {
    let Event::ModelOpened { model, .. } = opened("demo", size) else {
        unreachable!("the function above creates this variant")
    };
    let layer = PlannedLayer {
        ratio: 0.25.into(),
        heads: size.heads,
        kv_heads: size.heads,
        channels: size.channels,
        attention_unit: None,
        attention_units: Some(size.heads / 4),
        mlp_units: None,
    };
    Event::RunStarted { model, settings: Box::new(settings.clone()), plan: vec![layer; size.layers], from: 0 }
}

/// A running model: `done` layers are pruned, and the next layer has sent all events but its last.
pub fn half_done(name: &str, size: Size, done: usize, value: f64) -> State {
    let mut state = live();
    emit(&mut state, 0, opened(name, size));
    press(&mut state, &["s"]);
    for index in 0..done {
        layer_events(index, 0, size, value).into_iter().for_each(|event| emit(&mut state, 1, event));
    }
    if done < size.layers {
        let mut events = layer_events(done, 0, size, value);
        events.pop();
        events.into_iter().for_each(|event| emit(&mut state, 1, event));
    }
    state
}

/// Texts, prompts, log lines and causes that are difficult to draw.
fn strange() -> State {
    let mut state = half_done(STRANGE, SMALL, 5, 1e-3);
    emit(&mut state, 1, Event::Warning { message: STRANGE.repeat(9) });
    emit(&mut state, 1, Event::PartFailed { layer: 5, part: Part::Mlp, cause: STRANGE.repeat(3) });
    emit(&mut state, 1, Event::ExportWritten { path: PathBuf::from(STRANGE), bytes: u64::MAX });
    for (text, tokens) in [(STRANGE, u64::MAX), ("\u{301}\u{301}", 0), ("", 1)] {
        let record = PerplexityRecord {
            text: text.into(),
            seq_len: 7,
            tokens,
            bos: true,
            before: 9.0,
            after: None,
            before_error: None,
            after_error: None,
            divergence: None,
            divergence_error: None,
        };
        emit(&mut state, 1, Event::PerplexityMeasured { record });
    }
    state.compare.prompt.text = STRANGE.into();
    for side in [Side::Dense, Side::Pruned] {
        emit(&mut state, 1, Event::GeneratedText { side, text: STRANGE.repeat(20) });
    }
    let stage = Stage::Download { file: STRANGE.repeat(2) };
    emit(&mut state, 1, Event::Progress { stage, done: u64::MAX, total: 0 });
    press(&mut state, &["o"]);
    update(&mut state, Msg::Paste(STRANGE.repeat(2)));
    press(&mut state, &["esc"]);
    state
}

/// Events in an impossible order, about nonexistent layers and units.
fn disordered() -> State {
    let mut state = live();
    emit(&mut state, 0, opened("demo", SMALL));
    press(&mut state, &["s"]);
    for layer in [3, 40] {
        for part in PARTS {
            emit(
                &mut state,
                1,
                Event::UnitsRemoved { layer, part, step: 9, units: vec![7, 7, 9999], error: -1.0 },
            );
            emit(&mut state, 1, Event::PartDone { layer, part, record: record(4, 9, 0.1) });
            emit(&mut state, 1, hessian(layer, part, 11, 0.5));
            emit(&mut state, 1, curve(layer, part, 0, 1.0));
        }
        emit(&mut state, 1, layer_done(layer, 5, Size { layers: 1, heads: 3, channels: 900 }, 0.1));
        emit(&mut state, 1, Event::LayerStarted { layer, attempt: 2, method: method(7.0) });
        for step in 0..4 {
            let units = (0..200).chain([usize::MAX]).collect();
            emit(
                &mut state,
                1,
                Event::UnitsRemoved { layer, part: Part::Attention, step, units, error: f64::NAN },
            );
        }
        emit(&mut state, 1, hessian(layer, Part::Mlp, 5, 0.5));
    }
    emit(&mut state, 1, Event::Paused);
    emit(&mut state, 77, Event::JobDone);
    state
}

/// A reopened session that does not fit: more layers than the model, missing attempts, numbers out of range.
pub fn restored(size: Size, settings: &Settings, value: f64) -> Event {
    let attempt = |layer: usize, number: usize| {
        let Event::LayerDone { record, attempt } = layer_done(layer, number, size, value) else {
            unreachable!("the function above creates this variant")
        };
        let Event::HessianStatistics { stats, picture, scores, energy, .. } =
            hessian(layer, Part::Mlp, size.channels, value)
        else {
            unreachable!("the function above creates this variant")
        };
        let mlp = Some(Statistics { stats, picture, scores, energy });
        RestoredAttempt { attempt, record, stream_errors: None, attention: None, mlp }
    };
    let layer = |layer: usize| RestoredLayer {
        active: [None, Some(4), Some(7)][layer % 3],
        attempts: [1, 4].map(|number| attempt(layer, number)).into(),
    };
    let session = Restored {
        search: None,
        path: STRANGE.into(),
        settings: Box::new(settings.clone()),
        ratios: vec![value.into(); size.layers],
        layers: (0..size.layers + 3).map(layer).collect(),
        calibration: None,
        perplexities: Vec::new(),
        seconds: 0.0,
        unfinished: Some(usize::MAX),
        frontend: serde_json::json!({ "version": 1, "schedule": STRANGE }),
    };
    Event::SessionRestored { session: Box::new(session) }
}

/// A model with a reopened session.
fn reopened(value: f64) -> State {
    let mut state = live();
    emit(&mut state, 0, opened("demo", SMALL));
    let event = restored(SMALL, &live().settings, value);
    emit(&mut state, 0, event);
    emit(&mut state, 0, Event::SessionOpened { path: STRANGE.into() });
    state
}

/// A run that failed in the middle of a layer.
fn failed() -> State {
    let mut state = half_done("demo", SMALL, 4, 1e-3);
    let cause = "the second moment has a NaN at input 17; check the texts".to_string();
    emit(&mut state, 1, Event::PartFailed { layer: 4, part: Part::Mlp, cause: cause.clone() });
    emit(&mut state, 1, Event::JobFailed { message: format!("layer 4, mlp: {cause}"), advice: None });
    state
}

/// All states, each with a description.
pub fn all() -> Vec<(String, State)> {
    let one = Size { layers: 1, heads: 1, channels: 1 };
    let many = Size { layers: 200, heads: 128, channels: 2000 };
    let mut opening = live();
    let stage = Stage::Download { file: STRANGE.into() };
    emit(&mut opening, 0, Event::Progress { stage, done: 5, total: 3 });
    let mut gone = half_done("demo", SMALL, 3, 1e-3);
    update(&mut gone, Msg::EngineGone(Some(STRANGE.into())));
    let mut played = replay();
    emit(&mut played, 1, opened("demo", SMALL));
    emit(&mut played, 1, Event::JobStarted { kind: JobKind::Run });
    emit(&mut played, 1, run_started(SMALL, &live().settings));
    layer_events(0, 0, SMALL, 0.1).into_iter().for_each(|event| emit(&mut played, 1, event));
    update(&mut played, Msg::EngineGone(None));
    let mut states = vec![
        ("nothing open, an empty log".to_string(), live()),
        ("opening".into(), opening),
        ("strange texts".into(), strange()),
        ("one layer".into(), half_done("one", one, 1, 0.5)),
        ("one layer in progress".into(), half_done("one", one, 0, 0.5)),
        ("200 layers".into(), half_done("many", many, 120, 1e-3)),
        ("no layers".into(), half_done("none", Size { layers: 0, ..SMALL }, 0, 0.1)),
        ("no units".into(), half_done("bare", Size { layers: 3, heads: 0, channels: 0 }, 1, 0.1)),
        ("a failed run".into(), failed()),
        ("disordered events".into(), disordered()),
        ("a reopened session".into(), reopened(0.3)),
        ("a session that does not fit".into(), reopened(f64::NAN)),
        ("an ended engine".into(), gone),
        ("an ended recording".into(), played),
    ];
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300, 5e-324] {
        let mut state = half_done("odd numbers", SMALL, 6, value);
        let record = PerplexityRecord {
            text: "x".into(),
            seq_len: 0,
            tokens: 0,
            bos: false,
            before: value,
            after: Some(value),
            before_error: None,
            after_error: None,
            divergence: None,
            divergence_error: None,
        };
        emit(&mut state, 1, Event::PerplexityMeasured { record });
        states.push((format!("every number {value:e}"), state));
    }
    states
}
