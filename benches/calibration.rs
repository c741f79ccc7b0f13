//! Calibration of one block of a 7B model: measuring both parts and propagating, without the solves.
//!
//! `cargo bench --bench calibration [-- --quick]`
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::LazyCell;

use common::{calibration::Calibration, checkpoint::Shape};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

criterion_group!(benches, block);
criterion_main!(benches);

fn block(criterion: &mut Criterion) {
    let (shape, samples, seq_len) =
        if common::quick() { (Shape::small(1), 4, 128) } else { (Shape::of_7b(1), 16, 1024) };
    let dir = tempfile::tempdir().unwrap();
    let calibration =
        LazyCell::new(|| Calibration::new(&shape, samples, seq_len, &dir.path().join("model")).unwrap());
    let streams = LazyCell::new(|| calibration.pass().enter().unwrap());
    let mut group = criterion.benchmark_group("calibration");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements((samples * seq_len) as u64));
    let Shape { hidden, ffn, .. } = shape;
    group.bench_function(format!("a block {hidden}/{ffn}, {samples} windows of {seq_len}"), |bencher| {
        bencher.iter_custom(|iterations| {
            (0..iterations).map(|_| calibration.block(0, &mut streams.clone()).unwrap()).sum()
        });
    });
    group.finish();
}
