//! Pruning one weight, from its second moment to its new numbers: heads, channels, and channels one by one.
//!
//! `cargo bench --bench solver [-- --quick]`

mod common;

use std::{cell::LazyCell, ops::ControlFlow};

use common::problem::{HEAD, Problem, channels, heads};
use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use slimgpt::prune::{GroupSize, Units, prune};

/// Percentages of units to remove.
const RATIOS: [usize; 2] = [25, 50];

criterion_group!(benches, o_proj, down_proj, one_by_one);
criterion_main!(benches);

fn o_proj(criterion: &mut Criterion) {
    let [rows, n] = if common::quick() { [256, 256] } else { [4096, 4096] };
    let width = HEAD.min(n / 8);
    solve(criterion, "heads", [rows, n], &RATIOS, &[("", heads(width))]);
}

fn down_proj(criterion: &mut Criterion) {
    let shape = if common::quick() { [256, 688] } else { [4096, 11008] };
    solve(criterion, "channels", shape, &RATIOS, &[("", channels(GroupSize::default()))]);
}

/// Measures `--group-size exact` next to the default.
fn one_by_one(criterion: &mut Criterion) {
    let shape = if common::quick() { [256, 688] } else { [1024, 2816] };
    let kinds = [GroupSize::Dynamic, GroupSize::Exact].map(|kind| (kind.to_string(), channels(kind)));
    let kinds = kinds.each_ref().map(|(name, units)| (name.as_str(), *units));
    solve(criterion, "group sizes", shape, &[50], &kinds);
}

fn solve(
    criterion: &mut Criterion,
    what: &str,
    [rows, n]: [usize; 2],
    percentages: &[usize],
    kinds: &[(&str, Units)],
) {
    let problem = LazyCell::new(|| Problem::random(rows, n));
    let mut group = criterion.benchmark_group(format!("{what} {rows}×{n}"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for &percent in percentages {
        for &(name, units) in kinds {
            let id = match name {
                "" => BenchmarkId::from_parameter(format!("{percent} %")),
                name => BenchmarkId::new(name, format!("{percent} %")),
            };
            group.bench_function(id, |bencher| {
                let part = problem.part(units, n / units.width() * percent / 100);
                bencher.iter(|| prune(&part, &mut |_| ControlFlow::Continue(())));
            });
        }
    }
    group.finish();
}
