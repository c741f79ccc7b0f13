//! Down-dating one inverse, compared with inverting again at every step.
//!
//! Each method selects the units itself, with the same kernels on the same threads, and reaches the same weights:
//!
//! - *down-dated*: the elimination of this crate, with one inversion (n³ flops) and block down-dates;
//! - *reference*: at every step a Cholesky factor, the inverse, and the inverse's Cholesky factor (4/3 n³) of the
//!   whole matrix, with removed rows and columns replaced by the identity: the three calls of SparseGPT and its
//!   descendants;
//! - *full*: the same without the last factor (n³);
//! - *active*: the inverse of only the active columns (m³).
//!
//! None includes the final refit, which is the same for all methods; its time is printed separately. The first
//! method is timed three times, between the others, and the median counts. The requested factors are relative to
//! *reference*.
//!
//! `cargo bench --bench down_date [-- --quick]`

mod common;

use std::time::{Duration, Instant};

use common::problem::{DAMPING, Problem};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::{factor, inverse};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, Par};
use slimgpt::prune::{Elimination, Moment, PruneProblem, Units};
use slimgpt::prune::{GroupSize, HeadScore, SolverDtype};

fn main() {
    let quick = common::quick();
    let (o_proj, width, down_proj) =
        if quick { ([256, 256], 16, [128, 512]) } else { ([4096, 4096], 128, [2048, 5504]) };
    let heads = Units::Heads { width, score: HeadScore::GroupedCholesky, per_group: None };
    compare("heads of an o_proj", o_proj, heads, 8.0, quick);
    let channels = Units::Channels { group_size: GroupSize::Reference };
    compare("channels of a down_proj", down_proj, channels, 12.0, quick);
}

fn compare(what: &str, [rows, n]: [usize; 2], units: Units, wanted: f64, quick: bool) {
    let problem = Problem::random(rows, n);
    let remove = n / units.width() / 2;
    // Labels of the other methods.
    let part = PruneProblem { solver_dtype: SolverDtype::F64, ..problem.part(units, remove) };
    println!("{what} {rows}×{n}, {remove} of {} removed, {} threads", 2 * remove, rayon_threads());

    let first = down_date(&part);
    let (kept, fitted, sizes) = (&first.kept, &first.fitted, &first.sizes);
    let (refitted, refit) = refit(&part);
    println!("  the weights differ from the refit by at most {:.1e}", apart(fitted, &refitted));

    // Down-dating is short compared with the others, so it is timed again between and after them.
    let mut ours = vec![(first.time, first.inverted)];
    let slow = [Extent::Full, Extent::Active].map(|extent| {
        let slow = invert_again(&part, sizes, extent);
        let again = down_date(&part);
        ours.push((again.time, again.inverted));
        slow
    });
    ours.sort_unstable();
    let (time, inverted) = ours[1];
    println!(
        "  down-dated  {:7.2} s   (inverse and first scores {:.2} s; the refit would add {:.2} s)",
        time.as_secs_f64(),
        inverted.as_secs_f64(),
        refit.as_secs_f64()
    );
    let [full, active] = slow;
    for slow in [&full, &active] {
        let difference = apart(fitted, &slow.fitted);
        println!("  the same units are removed, and the weights differ by at most {difference:.1e}");
        assert!(slow.kept == *kept && difference < 1e-6, "all methods must give the same weights");
    }
    for (name, slow) in
        [("reference", full.time + full.factored), ("full", full.time), ("active", active.time)]
    {
        let ratio = slow.as_secs_f64() / time.as_secs_f64();
        println!("  {name:10}  {:7.2} s   {ratio:5.1} times as long", slow.as_secs_f64());
        if name == "reference" && !quick {
            let word = if ratio >= wanted { "reached" } else { "MISSED" };
            println!("              {word} (wanted: {wanted})");
        }
    }
}

/// The result and the time of down-dating.
struct DownDated {
    kept: Vec<usize>,
    /// [rows, kept], row-major.
    fitted: Vec<f64>,
    sizes: Vec<usize>,
    time: Duration,
    /// The time for the inverse and the first scores.
    inverted: Duration,
}

fn down_date(part: &PruneProblem) -> DownDated {
    let began = Instant::now();
    let mut elimination = Elimination::start(part, DAMPING).expect("a random moment is positive definite");
    let inverted = began.elapsed();
    while elimination.step().expect("a random moment is positive definite").is_some() {}
    elimination.settle();
    let time = began.elapsed();
    let (kept, fitted) = elimination.compensated().expect("the rules for heads and batches update W");
    let sizes = elimination.path().iter().map(|removal| removal.units.len()).collect();
    DownDated { kept, fitted, sizes, time, inverted }
}

/// The weights of the refit, [rows, kept] row-major, and its time.
fn refit(part: &PruneProblem) -> (Vec<f64>, Duration) {
    let mut elimination = Elimination::start(part, DAMPING).expect("a random moment is positive definite");
    while elimination.step().expect("a random moment is positive definite").is_some() {}
    let began = Instant::now();
    let outcome = elimination.finish().expect("a random moment is positive definite");
    (outcome.weight, began.elapsed())
}

/// The extent of the matrix that is inverted at every step.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    /// All n columns, removed ones replaced by the identity.
    Full,
    /// The active columns, gathered.
    Active,
}

/// The result and the time of inverting at every step.
struct InvertedAgain {
    kept: Vec<usize>,
    /// [rows, kept], row-major.
    fitted: Vec<f64>,
    /// The time without `factored`.
    time: Duration,
    /// The Cholesky factors of the inverses, which only the reference computes.
    factored: Duration,
}

fn invert_again(part: &PruneProblem, sizes: &[usize], extent: Extent) -> InvertedAgain {
    let (n, width) = (part.n(), part.units.width());
    let mut w = Mat::from_fn(part.rows, n, |i, j| f64::from(part.weight[i * n + j]));
    let damped = damped(part.moment);
    let mut p = Mat::zeros(n, n);
    let mut l = Mat::zeros(n, n);
    let mut scratch = MemBuffer::new(
        inverse::inverse_scratch::<f64>(n, Par::rayon(0)).or(factor::cholesky_in_place_scratch::<f64>(
            n,
            Par::rayon(0),
            Default::default(),
        )),
    );
    let mut factored = Duration::ZERO;
    let began = Instant::now();
    // The column of each row of P, and of each column of W.
    let mut columns: Vec<usize> = (0..n).collect();
    let mut present = vec![true; n];
    for &size in sizes {
        let order = columns.len();
        let mut l = l.as_mut().submatrix_mut(0, 0, order, order);
        let mut p = p.as_mut().submatrix_mut(0, 0, order, order);
        fill(l.as_mut(), &damped, &columns, &present);
        invert(p.as_mut(), l.as_mut(), MemStack::new(&mut scratch));
        if extent == Extent::Full {
            let aside = Instant::now();
            l.copy_from_triangular_lower(p.as_ref());
            cholesky(l.as_mut(), Par::rayon(0));
            factored += aside.elapsed();
        }
        let p = p.as_ref();
        let w_now = w.as_ref();
        // Only active units have a score.
        let mut scored: Vec<(f64, usize)> = (0..order / width)
            .filter(|unit| present[columns[unit * width]])
            .map(|unit| {
                let first = unit * width;
                let mut corner = p.submatrix(first, first, width, width).to_owned();
                cholesky(corner.as_mut(), Par::Seq);
                let norm = |j: usize| w_now.col(first + j).squared_norm_l2();
                ((0..width).map(|j| norm(j) / corner[(j, j)].powi(2)).sum::<f64>(), unit)
            })
            .collect();
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut leaving: Vec<usize> =
            scored[..size].iter().flat_map(|&(_, unit)| unit * width..(unit + 1) * width).collect();
        leaving.sort_unstable();
        // W ← W − (W_R L⁻ᵀ) (L⁻¹ P_R), P_RR = L Lᵀ
        let symmetric = |i: usize, j: usize| p[(i.max(j), i.min(j))];
        let mut p_rr = Mat::from_fn(leaving.len(), leaving.len(), |i, j| symmetric(leaving[i], leaving[j]));
        cholesky(p_rr.as_mut(), Par::rayon(0));
        let mut u = Mat::from_fn(leaving.len(), order, |i, j| symmetric(leaving[i], j));
        solve_lower_triangular_in_place(p_rr.as_ref(), u.as_mut(), Par::rayon(0));
        let mut v = Mat::from_fn(part.rows, leaving.len(), |i, j| w[(i, leaving[j])]);
        solve_lower_triangular_in_place(p_rr.as_ref(), v.as_mut().transpose_mut(), Par::rayon(0));
        matmul(w.as_mut(), Accum::Add, v.as_ref(), u.as_ref(), -1.0, Par::rayon(0));
        for &row in &leaving {
            present[columns[row]] = false;
        }
        if extent == Extent::Active {
            let stay: Vec<usize> = (0..order).filter(|&row| present[columns[row]]).collect();
            for (to, &from) in stay.iter().enumerate().filter(|&(to, &from)| to != from) {
                let (mut to, from) = w.as_mut().two_cols_mut(to, from);
                to.copy_from(from);
            }
            w.resize_with(part.rows, stay.len(), |_, _| 0.0);
            columns = stay.iter().map(|&row| columns[row]).collect();
        }
    }
    let time = began.elapsed() - factored;
    let kept: Vec<usize> = (0..columns.len()).filter(|&row| present[columns[row]]).collect();
    let fitted = (0..part.rows).flat_map(|i| kept.iter().map(|&j| w[(i, j)]).collect::<Vec<_>>()).collect();
    InvertedAgain { kept: kept.iter().map(|&row| columns[row]).collect(), fitted, time, factored }
}

/// The lower half of G_λ[columns, columns], with the identity for columns that are not present.
fn fill(mut half: MatMut<'_, f64>, damped: &Mat<f64>, columns: &[usize], present: &[bool]) {
    for (j, &column) in columns.iter().enumerate() {
        let values = damped.col(column);
        let out = half.as_mut().col_mut(j).subrows_mut(j, columns.len() - j);
        for (out, &row) in out.iter_mut().zip(&columns[j..]) {
            *out = match present[row] && present[column] {
                true => values[row],
                false => f64::from(row == column),
            };
        }
    }
}

fn invert(p: MatMut<'_, f64>, mut l: MatMut<'_, f64>, scratch: &mut MemStack) {
    let par = Par::rayon(0);
    factor::cholesky_in_place(l.as_mut(), Default::default(), par, scratch, Default::default())
        .expect("a damped random moment is positive definite");
    inverse::inverse(p, l.as_ref(), par, scratch);
}

fn cholesky(a: MatMut<'_, f64>, par: Par) {
    let mut scratch =
        MemBuffer::new(factor::cholesky_in_place_scratch::<f64>(a.nrows(), par, Default::default()));
    factor::cholesky_in_place(a, Default::default(), par, MemStack::new(&mut scratch), Default::default())
        .expect("a block of a positive definite matrix is one");
}

fn damped(moment: &Moment) -> Mat<f64> {
    let n = moment.n();
    let lambda = DAMPING * (0..n).map(|j| moment.at(j, j)).sum::<f64>() / n as f64;
    Mat::from_fn(n, n, |i, j| moment.at(i, j) + if i == j { lambda } else { 0.0 })
}

/// The largest difference, relative to the largest weight.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let largest = a.iter().fold(0.0f64, |largest, a| largest.max(a.abs()));
    a.iter().zip(b).fold(0.0f64, |apart, (a, b)| apart.max((a - b).abs())) / largest
}

fn rayon_threads() -> usize {
    Par::rayon(0).degree()
}
