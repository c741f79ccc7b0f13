//! Simulated jobs: their progress never falls, and their remaining times are close to the truth.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Progress;
use crate::{
    config::Settings,
    protocol::{
        Attempt, Event, JobKind, LayerRecord, LayerShape, Method, ModelRecord, ModelShape, MomentPicture,
        PartRecord, PerplexityRecord, PlannedLayer, SearchRecord, Stage, Stamped,
    },
    prune::{HessianStats, Part},
};

const LAYERS: usize = 30;
/// The share of the output head in the operations of an evaluation.
const HEAD: f64 = 0.22;

/// Seconds of each kind of step, which a machine may have in any proportion.
struct Machine {
    texts: f64,
    measure: [f64; 2],
    solve: [f64; 2],
    propagate: f64,
    /// Seconds of the whole dense evaluation.
    evaluate: f64,
    pruning: f64,
    model: f64,
}

/// A job in the making: its events with their times.
struct Simulation {
    events: Vec<Stamped>,
    run: u64,
    at: f64,
    rng: ChaCha8Rng,
}

fn shape() -> ModelShape {
    let layer = LayerShape {
        heads: 9,
        kv_heads: 3,
        channels: 1536,
        per_kv_group: 1,
        per_query_head: 1,
        per_channel: 1,
    };
    ModelShape {
        hidden: 576,
        head_dim: 64,
        vocab: 49_152,
        max_positions: 8192,
        parameters: 134_515_008,
        bytes: 269_030_016,
        layers: vec![layer; LAYERS],
    }
}

fn model() -> ModelRecord {
    ModelRecord {
        name: "model".into(),
        family: "llama".into(),
        layers: LAYERS,
        parameters_before: 1,
        parameters_after: 1,
        config_sha256: String::new(),
        quantised: Vec::new(),
    }
}

fn perplexity(before: f64, after: Option<f64>) -> Event {
    let record = PerplexityRecord {
        text: "text".into(),
        seq_len: 256,
        tokens: 2560,
        bos: false,
        before,
        after,
        before_error: None,
        after_error: None,
        divergence: None,
        divergence_error: None,
    };
    Event::PerplexityMeasured { record }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut simulation = Self { events: Vec::new(), run: 0, at: 0.0, rng };
        simulation.emit(0.01, Event::ModelOpened { model: model(), shape: shape() });
        simulation
    }

    /// Begins a job.
    fn begin(&mut self, kind: JobKind) {
        (self.run, self.at) = (self.run + 1, 0.0);
        self.emit(0.0, Event::JobStarted { kind });
    }

    fn emit(&mut self, seconds: f64, event: Event) {
        self.at += seconds;
        self.events.push(Stamped { run: self.run, at: self.at, event });
    }

    /// A stage of `total` steps that takes about `seconds`. Some of its events are dropped.
    fn stage(&mut self, stage: &Stage, (from, to, total): (u64, u64, u64), seconds: f64) {
        let each = seconds / (to - from).max(1) as f64;
        for done in from + 1..=to {
            let noise = self.rng.random_range(0.8..1.2);
            if done < to && self.rng.random_bool(0.3) {
                self.at += each * noise;
            } else {
                self.emit(each * noise, Event::Progress { stage: stage.clone(), done, total });
            }
        }
    }

    fn layer(&mut self, layer: usize, machine: &Machine) {
        let method = Method::of_run(&Settings::default(), 0.25);
        self.emit(0.0, Event::LayerStarted { layer, attempt: 0, method: method.clone() });
        for (at, (part, units)) in [(Part::Attention, 3), (Part::Mlp, 1536)].into_iter().enumerate() {
            self.stage(&Stage::Calibrate { layer, part }, (0, 8, 8), machine.measure[at]);
            let stats = HessianStats {
                trace: 1.0,
                diag_min: 0.0,
                diag_mean: 0.1,
                diag_max: 0.2,
                dead: 0,
                condition: 1.0,
                damping_used: 0.01,
            };
            let (picture, scores) = (MomentPicture::default(), Vec::new());
            let inverted =
                Event::HessianStatistics { layer, part, stats, picture, scores, energy: Some(1.0) };
            self.emit(0.5 * machine.solve[at], inverted);
            let goal = units / 4;
            for step in 0..4 {
                let units = vec![0; goal / 4];
                let removed = Event::UnitsRemoved { layer, part, step, units, error: 0.1 };
                self.emit(0.05 * machine.solve[at], removed);
            }
            let record = PartRecord::untouched(units, 1);
            self.emit(0.3 * machine.solve[at], Event::PartDone { layer, part, record });
            self.stage(&Stage::Propagate { layer, part }, (0, 8, 8), machine.propagate);
        }
        let record = |units| PartRecord::untouched(units, 1);
        let (attention, mlp) = (record(3), record(1536));
        let record = LayerRecord { index: layer, ratio: method.ratio, attention, mlp, output_error: None };
        let attempt = Attempt { number: 0, above: vec![0; layer], method };
        self.emit(0.01, Event::LayerDone { record, attempt });
    }

    fn search(&mut self, machine: &Machine) {
        for layer in 0..LAYERS {
            for (at, part) in [Part::Attention, Part::Mlp].into_iter().enumerate() {
                let from = (2 * layer + at) as u64 * 4;
                // Prunings in lower layers pass more layers.
                let seconds = machine.pruning * (1.0 + (LAYERS - layer) as f64) / LAYERS as f64;
                self.stage(
                    &Stage::Sensitivity { layer, part },
                    (from, from + 4, 8 * LAYERS as u64),
                    4.0 * seconds,
                );
            }
        }
        for done in 0..40 {
            self.stage(&Stage::TryRatios, (done, done + 1, 48), machine.model);
        }
        let (share, budget, windows, dense_loss, best) = (0.2, 1, 8, Some(2.0), 0);
        let record = SearchRecord { share, budget, windows, dense_loss, curves: vec![], tried: vec![], best };
        self.emit(0.0, Event::RatiosFound { record: Box::new(record) });
    }

    /// A run with an evaluation, whose dense part is measured between the layers or after them.
    fn run(&mut self, machine: &Machine, between: bool, searches: bool) {
        self.begin(JobKind::Run);
        self.stage(&Stage::Tokenise, (0, 5, 5), machine.texts);
        self.emit(
            0.0,
            Event::CalibrationReady {
                files: vec!["text".into()],
                samples: 8,
                seq_len: 256,
                text_tokens: 4096,
                seed: 0,
                bos: None,
                written: None,
                weights: None,
                drawn: vec![],
            },
        );
        let evaluation = Event::EvaluationReady {
            text: "text".into(),
            windows: 10,
            seq_len: 256,
            dense: true,
            divergence: false,
        };
        if searches {
            self.emit(0.0, evaluation.clone());
            self.search(machine);
        }
        let planned = PlannedLayer {
            ratio: 0.25.into(),
            heads: 9,
            kv_heads: 3,
            channels: 1536,
            attention_unit: None,
            attention_units: Some(1),
            mlp_units: Some(384),
        };
        let mut settings = Settings::default();
        (settings.calibration.samples, settings.calibration.seq_len) = (8, Some(256));
        let (settings, plan) = (Box::new(settings), vec![planned; LAYERS]);
        self.emit(0.0, Event::RunStarted { from: 0, model: model(), settings, plan });
        self.emit(0.0, evaluation);
        let total = (LAYERS + 1) as u64;
        let dense = Stage::Evaluate { pruned: false };
        for layer in 0..LAYERS {
            self.layer(layer, machine);
            if between {
                let at = layer as u64;
                self.stage(&dense, (at, at + 1, total), (1.0 - HEAD) * machine.evaluate / LAYERS as f64);
            }
        }
        if between {
            self.stage(&dense, (total - 1, total, total), HEAD * machine.evaluate);
            self.emit(0.0, perplexity(10.0, None));
        }
        self.stage(&Stage::Evaluate { pruned: true }, (0, total, total), 0.8 * machine.evaluate);
        if between {
            self.emit(0.0, perplexity(10.0, Some(11.0)));
        } else {
            self.emit(0.0, perplexity(f64::NAN, Some(11.0)));
            self.stage(&dense, (0, total, total), machine.evaluate);
            self.emit(0.0, perplexity(10.0, Some(11.0)));
        }
        self.emit(0.0, Event::JobDone);
    }

    fn retry(&mut self, layer: usize, machine: &Machine) {
        self.begin(JobKind::Retry);
        let passes = 8 * layer as u64;
        self.stage(&Stage::ReplayLayers { layer }, (0, passes, passes), 0.1 * layer as f64);
        self.layer(layer, machine);
        self.emit(0.0, Event::JobDone);
    }
}

/// Machines of many proportions, such as one that solves slowly or reads texts for long.
fn machine(rng: &mut ChaCha8Rng) -> Machine {
    let mut seconds = |typical: f64| typical * 10f64.powf(rng.random_range(-0.8..0.8));
    Machine {
        texts: seconds(1.0),
        measure: [seconds(0.1), seconds(0.2)],
        solve: [seconds(0.05), seconds(0.5)],
        propagate: seconds(0.05),
        evaluate: seconds(10.0),
        pruning: seconds(0.3),
        model: seconds(4.0),
    }
}

#[test]
fn the_fraction_never_falls_in_any_job_on_any_machine() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for seed in 0..24 {
        let mut simulation = Simulation::new(seed);
        let machine = machine(&mut rng);
        simulation.run(&machine, seed % 2 == 0, seed % 3 == 0);
        simulation.retry(rng.random_range(0..LAYERS), &machine);
        simulation.begin(JobKind::Search);
        simulation.search(&machine);
        simulation.emit(0.0, Event::JobDone);
        let mut progress = Progress::default();
        let (mut run, mut last) = (0, 0.0);
        for stamped in &simulation.events {
            progress.observe(stamped);
            if stamped.run != run {
                (run, last) = (stamped.run, 0.0);
            }
            let share = progress.share().unwrap_or(0.0);
            assert!((last..=1.0).contains(&share), "{share} after {last}: {:?}", stamped.event);
            assert!(progress.left().is_none_or(|left| left.is_finite() && left >= 0.0));
            last = share;
            if matches!(stamped.event, Event::JobDone) {
                assert_eq!((share, progress.left()), (1.0, Some(0.0)));
            }
        }
    }
}

/// Largest error of the remaining time from a fifth of the job to four fifths, as a fraction of the truth.
fn worst(events: &[Stamped]) -> f64 {
    let end = events.last().unwrap().at;
    let mut progress = Progress::default();
    let mut worst: f64 = 0.0;
    for stamped in events {
        progress.observe(stamped);
        if stamped.run > 0 && (0.2 * end..0.8 * end).contains(&stamped.at) {
            let left = progress.left().expect("a fifth of the job is measured");
            worst = worst.max((left / (end - stamped.at) - 1.0).abs());
        }
    }
    worst
}

#[test]
fn from_a_fifth_on_the_time_left_is_within_a_third_of_the_truth() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for seed in 0..12 {
        let mut simulation = Simulation::new(seed);
        simulation.run(&machine(&mut rng), true, false);
        let worst = worst(&simulation.events);
        assert!(worst < 1.0 / 3.0, "{worst} on machine {seed}");
    }
}

#[test]
fn the_time_left_of_a_search_does_not_jump() {
    // Prunings and whole models take as long as forward passes and solves of these sizes predict.
    let machine = Machine {
        texts: 0.2,
        measure: [0.08, 0.18],
        solve: [0.05, 0.5],
        propagate: 0.03,
        evaluate: 8.0,
        pruning: 3.0,
        model: 14.0,
    };
    let mut simulation = Simulation::new(1);
    simulation.run(&machine, true, true);
    let mut progress = Progress::default();
    let (mut last, mut at): (Option<f64>, f64) = (None, 0.0);
    for stamped in &simulation.events {
        progress.observe(stamped);
        let Some(left) = progress.left() else { continue };
        let passed = stamped.at - at;
        if let Some(last) = last.filter(|_| stamped.at > 0.1 * simulation.at) {
            let jump = left - (last - passed);
            assert!(
                jump < 0.25 * last + 0.02 * simulation.at,
                "{last} became {left} within {passed} s at {}",
                stamped.at
            );
        }
        (last, at) = (Some(left), stamped.at);
    }
}

#[test]
fn a_skipped_measurement_takes_no_time() {
    let machine = machine(&mut ChaCha8Rng::seed_from_u64(5));
    let mut simulation = Simulation::new(2);
    simulation.run(&machine, false, false);
    let is_dense =
        |event: &Event| matches!(event, Event::Progress { stage: Stage::Evaluate { pruned: false }, .. });
    simulation.events.retain(|stamped| !is_dense(&stamped.event));
    let mut progress = Progress::default();
    simulation.events.iter().for_each(|stamped| progress.observe(stamped));
    assert_eq!(progress.share(), Some(1.0));
}

/// The events of a recording. The first line is the version of the format.
fn recorded(name: &str) -> Vec<Stamped> {
    let path = format!("{}/tests/fixtures/recordings/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_fraction_of_a_recorded_run_of_a_real_model_never_falls() {
    for name in ["progress", "progress_auto"] {
        let mut progress = Progress::default();
        let mut last = 0.0;
        for stamped in &recorded(name) {
            progress.observe(stamped);
            let share = progress.share().unwrap_or(0.0);
            assert!((last..=1.0).contains(&share), "{name}: {share} after {last}: {:?}", stamped.event);
            last = share;
        }
        assert_eq!((last, progress.left()), (1.0, Some(0.0)));
    }
}

#[test]
fn the_time_left_of_a_recorded_run_with_predicted_costs_is_within_a_third_of_the_truth() {
    let worst = worst(&recorded("progress_auto"));
    assert!(worst < 1.0 / 3.0, "{worst}");
}
