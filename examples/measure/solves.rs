//! Solving single weights: time compared with operations, and channels one by one compared with batches.

use std::{ops::ControlFlow, time::Instant};

use slimgpt::prune::{Elimination, GroupSize, Units, prune};

use crate::{
    common::problem::{HEAD, Problem, channels, heads},
    flops,
    rate::{Evaluation, Fallible, Timed},
    table::{Row, Verdict, seconds, work},
};

/// For shorter times in seconds, the median of three runs counts.
const SHORT: f64 = 10.0;

pub fn heads_of_o_proj(evaluation: &Evaluation, quick: bool) -> Fallible<Vec<Row>> {
    let [rows, n] = if quick { [256, 256] } else { [4096, 4096] };
    let units = heads(HEAD.min(n / 8));
    let problem = Problem::random(rows, n);
    [25, 50]
        .map(|percent| {
            let what = format!("heads of a {rows}×{n} `o_proj`, {percent} % removed");
            against_flops(what, &problem, (units, percent), evaluation, Some(2.0))
        })
        .into_iter()
        .collect::<Fallible<Vec<_>>>()
        .map(|rows| rows.into_iter().flatten().collect())
}

pub fn channels_of_down_proj(evaluation: &Evaluation, quick: bool) -> Fallible<Vec<Row>> {
    let [rows, n] = if quick { [256, 688] } else { [4096, 11008] };
    let units = channels(GroupSize::default());
    let problem = Problem::random(rows, n);
    let bounds = [(25, None), (50, Some(1.6))];
    bounds
        .map(|(percent, wanted)| {
            let what = format!("channels of a {rows}×{n} `down_proj`, {percent} % removed");
            against_flops(what, &problem, (units, percent), evaluation, wanted)
        })
        .into_iter()
        .collect::<Fallible<Vec<_>>>()
        .map(|rows| rows.into_iter().flatten().collect())
}

pub fn one_by_one(quick: bool) -> Fallible<Vec<Row>> {
    let shapes: &[[usize; 2]] = if quick { &[[256, 688]] } else { &[[1024, 2816], [2048, 5504]] };
    shapes.iter().map(|&[rows, n]| exact_against_dynamic(rows, n)).collect()
}

fn against_flops(
    what: String,
    problem: &Problem,
    (units, percent): (Units, usize),
    evaluation: &Evaluation,
    at_most: Option<f64>,
) -> Fallible<[Row; 2]> {
    let n = problem.moment.n();
    let remove = n / units.width() * percent / 100;
    let flops = flops::solve(problem.rows, n, remove * units.width());
    let median = |solve: &dyn Fn() -> Fallible<f64>| {
        evaluation.around(|| {
            let mut times = vec![solve()?];
            if times[0] < SHORT {
                times.extend([solve()?, solve()?]);
            }
            times.sort_unstable_by(f64::total_cmp);
            Ok(times[times.len() / 2])
        })
    };
    let alone = median(&|| solve(problem, units, remove))?;
    let complete = median(&|| solve_with_statistics(problem, units, remove))?;
    let with_statistics = "the same with its statistics".into();
    Ok([of_flops(what, &alone, flops, at_most), of_flops(with_statistics, &complete, flops, None)])
}

/// A row that compares a time with its operations at the rate of the product.
pub fn of_flops(what: String, timed: &Timed, flops: f64, at_most: Option<f64>) -> Row {
    Row {
        what,
        measured: seconds(timed.seconds),
        against: work(flops, timed.rate),
        verdict: Verdict::Ratio { ratio: timed.seconds * timed.rate / flops, at_most },
    }
}

fn exact_against_dynamic(rows: usize, n: usize) -> Fallible<Row> {
    let problem = Problem::random(rows, n);
    let time = |kind| solve(&problem, channels(kind), n / 2);
    let before = time(GroupSize::Dynamic)?;
    let exact = time(GroupSize::Exact)?;
    let dynamic = (before + time(GroupSize::Dynamic)?) / 2.0;
    Ok(Row {
        what: format!("`--group-size exact`, {rows}×{n} `down_proj`, 50 % removed"),
        measured: seconds(exact),
        against: format!("`dynamic`: {}", seconds(dynamic)),
        verdict: Verdict::Ratio { ratio: exact / dynamic, at_most: Some(3.0) },
    })
}

/// Time from the second moment to the kept weights, without the optional statistics.
fn solve(problem: &Problem, units: Units, remove: usize) -> Fallible<f64> {
    let part = problem.part(units, remove);
    let began = Instant::now();
    let mut elimination = Elimination::start(&part, part.damping)?;
    while elimination.step()?.is_some() {}
    elimination.finish()?;
    Ok(began.elapsed().as_secs_f64())
}

/// The same with statistics: E‖y‖², condition number, pictures.
fn solve_with_statistics(problem: &Problem, units: Units, remove: usize) -> Fallible<f64> {
    let part = problem.part(units, remove);
    let began = Instant::now();
    prune(&part, &mut |_| ControlFlow::Continue(()))?;
    Ok(began.elapsed().as_secs_f64())
}
