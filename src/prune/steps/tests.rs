//! Every number of a picture against the slow formulas.

use std::ops::ControlFlow;

use super::super::{
    Elimination, GroupSize, HeadScore, Moment, Outcome, Progress, PruneProblem, Score, StepPicture, Units,
    damping::Damped,
    prune,
    slow::{self, Rows},
};
use super::{
    is_landmark,
    picture::{Binned, SAMPLED},
    steps,
};

const ROWS: usize = 10;

struct Case {
    weight: Vec<f32>,
    moment: Moment,
    n: usize,
}

impl Case {
    fn new(seed: u64, n: usize) -> Self {
        Self { weight: slow::random_f32(seed, ROWS * n), moment: slow::moment(seed + 7, n, 3 * n), n }
    }

    fn part(&self, units: Units, remove: usize) -> PruneProblem<'_> {
        PruneProblem::new(&self.weight, ROWS, &self.moment, units, remove)
    }

    fn w(&self) -> Rows {
        slow::rows(self.n, &self.weight.iter().map(|&value| f64::from(value)).collect::<Vec<_>>())
    }
}

fn heads(width: usize, score: HeadScore) -> Units {
    Units::Heads { width, score, per_group: None }
}

fn channels(group_size: GroupSize) -> Units {
    Units::Channels { group_size }
}

fn every_kind() -> Vec<(Units, usize)> {
    vec![
        (heads(4, HeadScore::Exact), 5),
        (heads(4, HeadScore::GroupedCholesky), 3),
        (heads(8, HeadScore::Diagonal), 2),
        (Units::Heads { width: 4, score: HeadScore::Exact, per_group: Some(4) }, 2),
        (channels(GroupSize::Dynamic), 21),
        (channels(GroupSize::Fixed(3)), 11),
        (channels(GroupSize::Exact), 25),
    ]
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-3 * expected.abs().max(1e-9), "{found} for {expected}");
}

/// The formulas at one point of the path.
struct Slow {
    width: usize,
    active: Vec<usize>,
    p: Rows,
    w: Rows,
}

impl Slow {
    fn at(case: &Case, width: usize, active: &[usize]) -> Self {
        let damped = Damped::new(&case.moment, 0.01);
        let p = slow::inverse(&slow::sub(&damped, active, active));
        Self { width, active: active.to_vec(), p, w: slow::refit(&case.w(), &damped, active) }
    }

    fn place(&self, column: usize) -> usize {
        self.active.iter().position(|&active| active == column).unwrap()
    }

    fn columns(&self, units: &[usize]) -> Vec<usize> {
        let columns = units.iter().flat_map(|unit| unit * self.width..(unit + 1) * self.width);
        columns.map(|column| self.place(column)).collect()
    }

    fn block(&self, rows: &[usize], columns: &[usize]) -> Rows {
        rows.iter().map(|&i| columns.iter().map(|&j| self.p[i][j]).collect()).collect()
    }

    fn norm(&self, place: usize) -> f64 {
        self.w.iter().map(|row| row[place] * row[place]).sum()
    }

    fn score(&self, unit: usize, rule: HeadScore) -> f64 {
        let c = self.columns(&[unit]);
        let b = self.block(&c, &c);
        let leading = |j: usize| -> Rows { b[..=j].iter().map(|row| row[..=j].to_vec()).collect() };
        let norms = c.iter().map(|&j| self.norm(j)).enumerate();
        match rule {
            HeadScore::Exact => slow::energy(&slow::columns(&self.w, &c), &slow::inverse(&b)),
            HeadScore::GroupedCholesky => {
                norms.map(|(j, norm)| norm * slow::inverse(&leading(j))[j][j]).sum()
            }
            HeadScore::Diagonal => norms.map(|(j, norm)| norm / b[j][j]).sum(),
        }
    }
}

fn check(case: &Case, width: usize, rule: HeadScore, active: &[usize], picture: &StepPicture) {
    let before = Slow::at(case, width, active);
    let gone = before.columns(&picture.leaving);
    let leaves: Vec<usize> = gone.iter().map(|&place| active[place]).collect();
    let stay: Vec<usize> = active.iter().copied().filter(|column| !leaves.contains(column)).collect();
    let after = Slow::at(case, width, &stay);
    let unit_of = |column: usize| column / width;

    for unit in 0..picture.units {
        let there = |of: &[usize]| of.iter().any(|&column| unit_of(column) == unit);
        assert_eq!(picture.scores[unit].is_some(), there(active));
        assert_eq!(picture.scores_after[unit].is_some(), there(&stay));
        if let Some(score) = picture.scores[unit] {
            assert_near(score.into(), before.score(unit, rule));
        }
        if let Some(score) = picture.scores_after[unit] {
            assert_near(score.into(), after.score(unit, rule));
        }
    }
    for of_rule in &picture.rules {
        for (unit, score) in of_rule.scores.iter().enumerate() {
            if let Some(score) = *score {
                assert_near(score.into(), before.score(unit, of_rule.rule));
            }
        }
        if !of_rule.scores.is_empty() {
            assert_near(of_rule.cost, before.score(of_rule.pick, of_rule.rule));
            assert_near(of_rule.exact, before.score(of_rule.pick, HeadScore::Exact));
        }
    }
    // P[R, R] = L Lᵀ, and the cost of the step
    let b = before.block(&gone, &gone);
    let trace: f64 = (0..gone.len()).map(|j| b[j][j]).sum();
    if picture.block.cells == gone.len() {
        let l = |i: usize, j: usize| f64::from(picture.block.l[i * (i + 1) / 2 + j]);
        let of_l: f64 =
            (0..gone.len()).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| l(i, j).powi(2)).sum();
        assert_near(of_l, trace);
    }
    assert_near(picture.error, slow::energy(&slow::columns(&before.w, &gone), &slow::inverse(&b)));
    // Σ P_jj over the columns that stay
    let of = |slow: &Slow| stay.iter().map(|&j| slow.p[slow.place(j)][slow.place(j)]).sum::<f64>();
    assert_near(picture.inverse.trace[0], of(&before));
    assert_near(picture.inverse.trace[1], of(&after));
    // The map of P
    let map = |slow: &Slow, a: usize, b: usize| -> f64 {
        let (rows, columns) = (slow.columns(&[a]), slow.columns(&[b]));
        let squares = slow.block(&rows, &columns).concat().iter().map(|p| p * p).sum::<f64>();
        (squares / (width * width) as f64).sqrt()
    };
    let units: Vec<usize> = (0..picture.units).filter(|&unit| picture.scores_after[unit].is_some()).collect();
    if picture.inverse.cells == picture.units {
        for &a in &units {
            for &b in units.iter().filter(|&&b| b <= a) {
                let at = a * (a + 1) / 2 + b;
                assert_near(picture.inverse.before[at].into(), map(&before, a, b));
                assert_near(picture.inverse.after[at].into(), map(&after, a, b));
            }
        }
    }
    // The change of W
    let change = |unit: usize| {
        let columns = unit * width..(unit + 1) * width;
        let of = |j: usize| {
            let (was, is) = (before.place(j), after.place(j));
            before.w.iter().zip(&after.w).map(|(a, b)| (a[was] - b[is]).powi(2)).sum::<f64>()
        };
        columns.map(of).sum::<f64>()
    };
    assert_near(picture.weight.change, units.iter().map(|&unit| change(unit)).sum::<f64>().sqrt());
    if picture.inverse.cells == picture.units {
        for &unit in &units {
            assert_near(picture.weight.changes[unit].into(), change(unit).sqrt());
            // The strip of a unit has the same total, because its groups have equal numbers of columns here.
            let rows = picture.weight.rows;
            assert_eq!(rows, width.min(8));
            let squares = |strips: &[f32]| -> f64 {
                let strip = &strips[unit * rows..(unit + 1) * rows];
                strip.iter().map(|&size| f64::from(size).powi(2)).sum::<f64>() * (width / rows) as f64
            };
            assert_near(squares(&picture.weight.strip_changes).sqrt(), change(unit).sqrt());
            let size = (unit * width..(unit + 1) * width).map(|j| before.norm(before.place(j))).sum::<f64>();
            assert_near(squares(&picture.weight.strips).sqrt(), size.sqrt());
        }
    }
}

#[test]
fn every_number_of_a_picture_is_its_formula() {
    for (seed, (units, remove)) in every_kind().into_iter().enumerate() {
        let case = Case::new(seed as u64 + 200, 32);
        let part = case.part(units, remove);
        let (width, rule) = match units {
            Units::Heads { width, score, .. } => (width, score),
            Units::Channels { .. } => (1, HeadScore::Exact),
        };
        let mut elimination = Elimination::start(&part, 0.01).unwrap();
        let mut active: Vec<usize> = (0..case.n).collect();
        let mut next = None;
        while let Some(removal) = elimination.step().unwrap().cloned() {
            let picture = elimination.look().unwrap();
            assert_eq!(picture.leaving, removal.units);
            assert!(next.is_none_or(|next| Some(next) == Some(removal.units[0])), "{next:?}");
            check(&case, width, rule, &active, &picture);
            active.retain(|column| !removal.units.contains(&(column / width)));
            next = picture.next;
            assert_eq!(elimination.look(), None, "a step is drawn once");
        }
        assert_eq!(next, None);
    }
}

/// Solves with and without pictures.
fn solved(part: &PruneProblem, look: bool) -> (Outcome, usize) {
    let mut drawn = 0;
    let outcome = prune(part, &mut |progress| {
        if let Progress::Removed { look: step, .. } = progress
            && look
        {
            drawn += usize::from(step.picture().is_some());
        }
        ControlFlow::Continue(())
    });
    (outcome.unwrap(), drawn)
}

#[test]
fn pictures_change_no_bit_of_the_result() {
    for compensate in [true, false] {
        for (seed, (units, remove)) in every_kind().into_iter().enumerate() {
            let case = Case::new(seed as u64 + 300, 48);
            for score in [Score::Obs, Score::Flap] {
                let part = PruneProblem { compensate, score, ..case.part(units, remove) };
                let (plain, none) = solved(&part, false);
                let (watched, drawn) = solved(&part, true);
                assert!(plain == watched, "{units:?}");
                assert_eq!((none, drawn), (0, watched.step_errors.len()));
            }
        }
    }
}

#[test]
fn the_path_alone_has_the_steps_of_the_whole_solve() {
    let case = Case::new(400, 40);
    let part = case.part(channels(GroupSize::Dynamic), 30);
    let mut sizes = Vec::new();
    steps(&part, &mut |progress| {
        if let Progress::Removed { look, .. } = progress {
            sizes.push(look.picture().unwrap().leaving.len());
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(sizes, solved(&part, false).0.group_sizes);
    assert_eq!(sizes, [15, 8, 7]);
}

#[test]
fn a_picture_of_many_units_is_small() {
    let case = Case::new(500, 600);
    let part = case.part(channels(GroupSize::Dynamic), 300);
    let mut elimination = Elimination::start(&part, 0.01).unwrap();
    elimination.step().unwrap();
    let picture = elimination.look().unwrap();
    let (cells, half) = (picture.inverse.cells, picture.inverse.before.len());
    assert_eq!((cells, half, picture.scores.len()), (48, 48 * 49 / 2, 256));
    assert_eq!(picture.inverse.active.iter().sum::<u32>(), 600);
    assert_eq!(picture.inverse.leaving.iter().sum::<u32>(), 150);
    assert!(picture.inverse.sampled <= 512);
    let json = serde_json::to_string(&picture).unwrap();
    assert!(json.len() < 40_000, "{} bytes", json.len());
    assert_eq!(serde_json::from_str::<StepPicture>(&json).unwrap(), picture);
}

/// G = D + V Vᵀ, whose damped inverse over any columns has a closed form.
struct LowRank {
    moment: Moment,
    /// The diagonal of D + λI.
    diag: Vec<f64>,
    v: Vec<[f64; 2]>,
}

impl LowRank {
    fn new(seed: u64, n: usize) -> Self {
        let size = (3.0 / n as f64).sqrt();
        let v: Vec<[f64; 2]> =
            slow::random(seed, 2 * n).chunks(2).map(|pair| [pair[0] * size, pair[1] * size]).collect();
        let diag: Vec<f64> = slow::random(seed + 1, n).iter().map(|value| 1.0 + 0.5 * value).collect();
        let entry = |at: usize| {
            let (i, j) = (at / n, at % n);
            let both = v[i][0] * v[j][0] + v[i][1] * v[j][1];
            if i == j { diag[i] + both } else { both }
        };
        let moment = Moment::from_row_major(n, (0..n * n).map(entry).collect()).unwrap();
        let lambda = Damped::new(&moment, 0.01).lambda;
        Self { moment, diag: diag.iter().map(|value| value + lambda).collect(), v }
    }

    /// P over these columns: D⁻¹ − D⁻¹ V (I + Vᵀ D⁻¹ V)⁻¹ Vᵀ D⁻¹.
    fn inverse(&self, columns: &[usize]) -> impl Fn(usize, usize) -> f64 + '_ {
        let Self { diag, v, .. } = self;
        let mut k: Rows = slow::rows(2, &[1.0, 0.0, 0.0, 1.0]);
        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            k[a][b] += columns.iter().map(|&j| v[j][a] * v[j][b] / diag[j]).sum::<f64>();
        }
        let k = slow::inverse(&k);
        move |i, j| {
            let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
            let both: f64 = pairs.iter().map(|&(a, b)| v[i][a] * k[a][b] * v[j][b]).sum();
            f64::from(i == j) / diag[i] - both / (diag[i] * diag[j])
        }
    }
}

/// Checks the first step of a weight with 4096 columns against the formulas over the columns of every cell.
fn check_binned(units: Units, width: usize, remove: usize, cells: usize) {
    const N: usize = 4096;
    let low_rank = LowRank::new(600 + width as u64, N);
    let weight = slow::random_f32(700, ROWS * N);
    let part = PruneProblem::new(&weight, ROWS, &low_rank.moment, units, remove);
    let mut elimination = Elimination::start(&part, 0.01).unwrap();
    elimination.step().unwrap();
    let picture = elimination.look().unwrap();

    let all: Vec<usize> = (0..N).collect();
    let (gone, stay): (Vec<usize>, Vec<usize>) =
        all.iter().partition(|&&column| picture.leaving.contains(&(column / width)));
    let (before, after) = (low_rank.inverse(&all), low_rank.inverse(&stay));
    let w = |row: usize, column: usize| f64::from(weight[row * N + column]);
    let norm = |column: usize| (0..ROWS).map(|row| w(row, column).powi(2)).sum::<f64>();
    let count = N / width;
    let columns_of = |cell: usize| cell * count / cells * width..(cell + 1) * count / cells * width;

    // The map of P: few columns stand for a cell, and all of them are its own.
    let binned = Binned::new(count, width);
    let map = &picture.inverse;
    assert_eq!((map.cells, map.columns, map.sampled), (cells, N, binned.sampled.len()));
    assert!(map.sampled <= SAMPLED, "{}", map.sampled);
    let samples: Vec<Vec<usize>> = (0..cells)
        .map(|cell| {
            binned.sampled.iter().copied().filter(|column| columns_of(cell).contains(column)).collect()
        })
        .collect();
    assert!(samples.iter().all(|of| of.len() >= SAMPLED / cells), "every cell is sampled");
    let root_mean = |p: &dyn Fn(usize, usize) -> f64, there: &[usize], a: usize, b: usize| {
        let of = |cell: usize| samples[cell].iter().filter(|column| there.binary_search(column).is_ok());
        let squares: Vec<f64> = of(a).flat_map(|&i| of(b).map(move |&j| p(i, j).powi(2))).collect();
        (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
    };
    for a in 0..cells {
        for b in 0..=a {
            let at = a * (a + 1) / 2 + b;
            assert_near(map.before[at].into(), root_mean(&before, &all, a, b));
            assert_near(map.after[at].into(), root_mean(&after, &stay, a, b));
        }
    }
    let leaving = |cell: usize| columns_of(cell).filter(|column| gone.contains(column)).count() / width;
    for cell in 0..cells {
        assert_eq!(map.active[cell] as usize, columns_of(cell).len() / width);
        assert_eq!(map.leaving[cell] as usize, leaving(cell));
    }
    for (found, p) in map.trace.into_iter().zip([&before as &dyn Fn(usize, usize) -> f64, &after]) {
        assert_near(found, stay.iter().map(|&j| p(j, j)).sum());
    }

    // The scores: of neighbours that share an entry, the lowest.
    let score = |unit: usize| {
        let own: Vec<usize> = (unit * width..(unit + 1) * width).collect();
        let block = own.iter().map(|&i| own.iter().map(|&j| before(i, j)).collect()).collect();
        let w_own = (0..ROWS).map(|row| own.iter().map(|&column| w(row, column)).collect()).collect();
        slow::energy(&w_own, &slow::inverse(&block))
    };
    let groups = picture.scores.len();
    assert_eq!(groups, count.min(256));
    for (group, found) in picture.scores.iter().enumerate() {
        let of = group * count / groups..(group + 1) * count / groups;
        assert_near(found.unwrap().into(), of.map(score).fold(f64::INFINITY, f64::min));
    }

    // W, and ΔW = −W_R P_RR⁻¹ P_RA of the compensation, over all columns of a cell.
    let block = gone.iter().map(|&i| gone.iter().map(|&j| before(i, j)).collect()).collect();
    let w_gone: Rows = (0..ROWS).map(|row| gone.iter().map(|&column| w(row, column)).collect()).collect();
    let pulls = slow::times(&w_gone, &slow::inverse(&block));
    let change = |column: usize| {
        let of =
            |row: &Vec<f64>| row.iter().zip(&gone).map(|(pull, &r)| pull * before(r, column)).sum::<f64>();
        pulls.iter().map(|row| of(row).powi(2)).sum::<f64>()
    };
    let strips = &picture.weight;
    assert_eq!(strips.rows, 8);
    for cell in 0..cells {
        assert_near(strips.norms[cell].into(), columns_of(cell).map(norm).sum::<f64>().sqrt());
        let stays = columns_of(cell).filter(|column| stay.binary_search(column).is_ok());
        assert_near(strips.changes[cell].into(), stays.map(change).sum::<f64>().sqrt());
        let (first, long) = (columns_of(cell).start, columns_of(cell).len());
        for row in 0..8 {
            let of = first + row * long / 8..first + (row + 1) * long / 8;
            let mean = of.clone().map(norm).sum::<f64>() / of.len() as f64;
            assert_near(strips.strips[cell * 8 + row].into(), mean.sqrt());
        }
    }
    let json = serde_json::to_string(&picture).unwrap();
    assert!(json.len() < 64_000, "{} bytes", json.len());
}

#[test]
fn every_cell_of_heads_of_4096_columns_is_the_formula_over_its_columns() {
    check_binned(heads(128, HeadScore::Exact), 128, 4, 32);
}

#[test]
fn every_cell_of_4096_channels_is_the_formula_over_its_columns() {
    check_binned(channels(GroupSize::Dynamic), 1, 64, 48);
}

#[test]
fn of_thousands_of_steps_about_a_hundred_are_landmarks() {
    let kept = (0..5000).filter(|&removed| is_landmark(removed, 1, 5000)).count();
    assert!((90..100).contains(&kept), "{kept}");
    assert!(is_landmark(4999, 1, 5000) && is_landmark(0, 1, 5000));
}
