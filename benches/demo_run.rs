//! The built-in model from start to end, as pruned by `slimgpt prune --out DIR`.
//!
//! `cargo bench --bench demo_run [-- --quick]`
#![allow(clippy::unwrap_used)]

mod common;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use slimgpt::application::engine::{self, ModelChoice, PruneRun, SessionPlace};
use slimgpt::config::{self, Settings};

criterion_group!(benches, demo);
criterion_main!(benches);

fn demo(criterion: &mut Criterion) {
    let mut settings = Settings::new(config::demo().unwrap()).unwrap();
    if common::quick() {
        (settings.calibration.samples, settings.evaluation.text) = (8, None);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("run");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function(format!("built-in model, {} windows", settings.calibration.samples), |bencher| {
        bencher.iter(|| {
            let job = PruneRun {
                model: ModelChoice::Demo,
                settings: settings.clone(),
                out: Some(dir.path().join("slim")),
                force: true,
                session: SessionPlace::None,
                dense_from: None,
            };
            let mut worker = engine::start(1, |control| engine::prune(job, control));
            while worker.events.blocking_recv().is_some() {}
            worker.join().unwrap()
        });
    });
    group.finish();
}
