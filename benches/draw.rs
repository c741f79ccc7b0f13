//! Drawing a large model at 200×60: 80 layers, 128 heads, 28,672 channels, half of it pruned.
//!
//! `cargo bench --bench draw [-- --quick]` also prints the slowest frame of every screen, and fails if the mean is above 5 ms.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::{Terminal, backend::TestBackend};
use slimgpt::application::{
    explorer::view::{self, Theme},
    explorer::{KeyMap, Msg, Origin, Screen, Start, State, update},
    protocol::{
        Attempt, CurvePoint, Event, HessianStats, LayerRecord, LayerShape, Method, ModelRecord, ModelShape,
        MomentPicture, Pace, PartRecord, Stamped,
    },
};
use slimgpt::{config::Settings, prune::Part};

const LAYERS: usize = 80;
const HEADS: usize = 128;
const CHANNELS: usize = 28_672;
const SIZE: (u16, u16) = (200, 60);
const LIMIT: Duration = Duration::from_millis(5);

criterion_group!(benches, screens);
criterion_main!(benches);

fn screens(criterion: &mut Criterion) {
    let mut state = half_done();
    let theme = Theme::default();
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a test backend has no I/O");
    let mut group = criterion.benchmark_group(format!(
        "{LAYERS} layers, {HEADS} heads, {CHANNELS} channels at {}×{}",
        SIZE.0, SIZE.1
    ));
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for screen in Screen::ALL {
        for part in [Part::Attention, Part::Mlp] {
            (state.screen, state.screens.layer.part) = (screen, part);
            let mut drawn = Drawn::default();
            group.bench_function(format!("{} {part}", screen.title()), |bencher| {
                bencher.iter_custom(|frames| drawn.add(frames, &mut terminal, &mut state, &theme));
            });
            drawn.judge();
        }
    }
    group.finish();
}

/// Frame times of a screen.
#[derive(Default)]
struct Drawn {
    frames: u64,
    total: Duration,
    slowest: Duration,
}

impl Drawn {
    /// Draws while the selected layer changes, so no frame repeats the previous one.
    fn add(
        &mut self,
        frames: u64,
        terminal: &mut Terminal<TestBackend>,
        state: &mut State,
        theme: &Theme,
    ) -> Duration {
        let before = self.total;
        for _ in 0..frames {
            state.layer = self.frames as usize % (LAYERS / 2);
            let began = Instant::now();
            terminal
                .draw(|frame| {
                    view::draw(frame, state, theme);
                })
                .expect("a test backend has no I/O");
            let took = began.elapsed();
            self.frames += 1;
            self.total += took;
            self.slowest = self.slowest.max(took);
        }
        self.total - before
    }

    /// Prints the slowest frame. Without frames, another screen was requested.
    fn judge(&self) {
        if self.frames > 0 {
            println!("slowest of {} frames: {:.2?}", self.frames, self.slowest);
            let mean = self.total.div_f64(self.frames as f64);
            assert!(mean <= LIMIT, "a frame takes {mean:.2?}, more than {LIMIT:?}");
        }
    }
}

/// Half of the layers are pruned, and the next one is in progress.
fn half_done() -> State {
    let settings = Settings::default();
    let mut state = State::new(Start {
        origin: Origin::Live { model: "large".into() },
        settings,
        keymap: KeyMap::default(),
        themes: vec!["dark".into()],
        theme: 0,
        mouse: true,
        idle_curves: false,
        pace: Pace::Free,
        eval: None,
        model_argument: None,
        sessions_root: None,
        offers: false,
        size: SIZE,
    });
    let emit = |state: &mut State, run: u64, event: Event| {
        update(state, Msg::Engine(Stamped { run, at: 1.0, event }));
    };
    emit(&mut state, 0, opened());
    state.settings.calibration.texts = vec!["demo:stories".parse().expect("a built-in text")];
    update(&mut state, Msg::Key(slimgpt::application::explorer::Key::named("s").expect("a key")));
    for layer in 0..=LAYERS / 2 {
        let method = Method::of_run(&state.settings, 0.3);
        emit(&mut state, 1, Event::LayerStarted { layer, attempt: 0, method: method.clone() });
        for (part, units) in [(Part::Attention, HEADS), (Part::Mlp, CHANNELS)] {
            emit(&mut state, 1, hessian(layer, part, units));
            for (step, units) in batches(units).into_iter().enumerate() {
                emit(
                    &mut state,
                    1,
                    Event::UnitsRemoved { layer, part, step, units, error: 0.001 * (step + 1) as f64 },
                );
            }
            emit(&mut state, 1, curve(layer, part, units));
            if layer < LAYERS / 2 {
                emit(&mut state, 1, Event::PartDone { layer, part, record: record(units) });
            }
        }
        if layer < LAYERS / 2 {
            let record = LayerRecord {
                index: layer,
                ratio: 0.3.into(),
                attention: record(HEADS),
                mlp: record(CHANNELS),
                output_error: Some(1e-3 * (layer + 1) as f64),
            };
            let attempt = Attempt { number: 0, above: vec![0; layer], method };
            emit(&mut state, 1, Event::LayerDone { record, attempt });
        }
    }
    state
}

fn opened() -> Event {
    let shape = LayerShape {
        heads: HEADS,
        kv_heads: HEADS,
        channels: CHANNELS,
        per_kv_group: 4 * 128 * 8192,
        per_query_head: 2 * 128 * 8192,
        per_channel: 3 * 8192,
    };
    let model = ModelRecord {
        name: "large".into(),
        family: "llama".into(),
        layers: LAYERS,
        parameters_before: 70_000_000_000,
        parameters_after: 70_000_000_000,
        config_sha256: String::new(),
        quantised: Vec::new(),
    };
    let shape = ModelShape {
        hidden: 8192,
        head_dim: 128,
        vocab: 32_000,
        max_positions: 4096,
        parameters: 70_000_000_000,
        bytes: 140_000_000_000,
        layers: vec![shape; LAYERS],
    };
    Event::ModelOpened { model, shape }
}

/// Scores spread over three decades, unordered.
fn scores(units: usize) -> Vec<f32> {
    (0..units).map(|unit| 10f32.powf((unit as f32 * 0.618_034).fract() * 3.0 - 2.0)).collect()
}

fn hessian(layer: usize, part: Part, units: usize) -> Event {
    let stats = HessianStats {
        trace: 100.0,
        diag_min: 1e-4,
        diag_mean: 0.1,
        diag_max: 9.0,
        dead: 3,
        condition: 4e4,
        damping_used: 0.01,
    };
    let picture = MomentPicture {
        diag_log_range: [-4.0, 1.0],
        diag_histogram: (0..48).map(|bar| 40 * bar).collect(),
        cells: 32,
        correlation: (0..32 * 32).map(|cell| (cell as f32 * 0.618_034).fract()).collect(),
    };
    Event::HessianStatistics { layer, part, stats, picture, scores: scores(units), energy: Some(10.0) }
}

/// Thirty per cent of the units in forty batches.
fn batches(units: usize) -> Vec<Vec<usize>> {
    let gone = units * 3 / 10;
    let all: Vec<usize> = (0..gone).map(|unit| unit * 3 % units).collect();
    all.chunks(gone.div_ceil(40)).map(<[usize]>::to_vec).collect()
}

fn record(units: usize) -> PartRecord {
    let groups = batches(units);
    let removed: Vec<usize> = groups.concat();
    let mut gone = vec![false; units];
    for &unit in &removed {
        gone[unit] = true;
    }
    PartRecord {
        kept: (0..units).filter(|&unit| !gone[unit]).collect(),
        removed,
        step_errors: (0..groups.len()).map(|step| 0.001 * (step + 1) as f64).collect(),
        group_sizes: groups.iter().map(Vec::len).collect(),
        relative_error: 0.02,
        ..PartRecord::untouched(units, 1)
    }
}

fn curve(layer: usize, part: Part, units: usize) -> Event {
    let points = (0..100)
        .map(|step| CurvePoint { removed: units * step / 100, relative_error: (step as f64 / 100.0).powi(3) })
        .collect();
    Event::ErrorCurve { layer, part, units, points }
}
