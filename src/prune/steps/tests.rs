//! Every number of a picture against the slow formulas.

use std::ops::ControlFlow;

use super::super::{
    Elimination, GroupSize, HeadScore, Moment, Outcome, Progress, PruneProblem, Score, StepPicture, Units,
    damping::Damped,
    prune,
    slow::{self, Rows},
};
use super::{is_landmark, steps};

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

#[test]
fn of_thousands_of_steps_about_a_hundred_are_landmarks() {
    let kept = (0..5000).filter(|&removed| is_landmark(removed, 1, 5000)).count();
    assert!((90..100).contains(&kept), "{kept}");
    assert!(is_landmark(4999, 1, 5000) && is_landmark(0, 1, 5000));
}
