//! A comparison: pieces of work done in turn, several times, and the rows made of their median times.

use crate::{
    Fallible,
    rate::Limit,
    table::{Bound, Row, seconds, work},
    work::{Answer, Work},
    workers::{Side, Workers},
};

/// Repetitions of a comparison.
#[derive(Clone, Copy, Debug)]
pub enum Repeated {
    Five,
    /// For work of half a minute or more.
    Three,
    Once,
}

impl Repeated {
    fn times(self) -> usize {
        match self {
            Self::Five => 5,
            Self::Three => 3,
            Self::Once => 1,
        }
    }
}

/// Work done in turn, and the rows it gives.
pub struct Comparison {
    pub lanes: Vec<Lane>,
    pub rows: Vec<Compared>,
    pub repeated: Repeated,
}

pub struct Lane {
    pub side: Side,
    pub work: Work,
}

/// One row: a lane, and what it is compared with.
pub struct Compared {
    pub what: String,
    /// Index of the lane of slimgpt.
    pub lane: usize,
    /// Index of the lane of PyTorch that does the same work.
    pub pytorch: Option<usize>,
    pub against: Against,
    pub bound: Bound,
}

pub enum Against {
    /// The time of these operations at the machine's rate.
    Limit { flops: f64 },
    /// The time of PyTorch.
    PyTorch,
    /// The time of another lane.
    Lane { lane: usize, name: String },
    /// The time of a lane with fewer threads; the ratio is the gain.
    Gain { lane: usize, name: String },
}

impl Comparison {
    pub fn run(&self, workers: &mut Workers, limit: Limit) -> Fallible<Vec<Row>> {
        let needs_rate = self.rows.iter().any(|row| matches!(row.against, Against::Limit { .. }));
        let before = needs_rate.then(|| limit.measure(workers)).transpose()?;
        let mut answers: Vec<Vec<Answer>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for _ in 0..self.repeated.times() {
            for (lane, answers) in self.lanes.iter().zip(&mut answers) {
                answers.extend(workers.run(lane.side, &lane.work)?);
            }
        }
        let rate = match before {
            Some(before) => Some(limit.best(&before, &limit.measure(workers)?)?),
            None => None,
        };
        workers.end();
        check_values(&self.lanes, &answers)?;
        let medians: Vec<Option<f64>> = answers.iter().map(|answers| median(answers)).collect();
        let row = |compared: &Compared| -> Fallible<Row> {
            let ours = medians[compared.lane].ok_or("slimgpt was not measured")?;
            let (against, ratio) = match &compared.against {
                Against::Limit { flops } => {
                    let rate = rate.ok_or("no rate was measured")?;
                    (work(*flops, rate), Some(ours * rate.per_second / flops))
                }
                Against::PyTorch => {
                    let pytorch = compared.pytorch.ok_or("the row has no lane of PyTorch")?;
                    let note = answers[pytorch].first().and_then(|answer| answer.note.as_deref());
                    let name = note.map_or("PyTorch".into(), |note| format!("PyTorch, {note}"));
                    (name, medians[pytorch].map(|theirs| ours / theirs))
                }
                Against::Lane { lane, name } => {
                    let other = medians[*lane].ok_or("slimgpt was not measured")?;
                    (format!("{name}: {}", seconds(other)), Some(ours / other))
                }
                Against::Gain { lane, name } => {
                    let other = medians[*lane].ok_or("slimgpt was not measured")?;
                    (format!("{name}: {}", seconds(other)), Some(other / ours))
                }
            };
            let pytorch = compared.pytorch.map(|lane| medians[lane].map_or("not installed".into(), seconds));
            Ok(Row {
                what: compared.what.clone(),
                runs: self.repeated.times(),
                measured: seconds(ours),
                pytorch,
                against,
                ratio,
                bound: compared.bound,
            })
        };
        self.rows.iter().map(row).collect()
    }
}

/// The median time; of an even number, the later of the middle two.
fn median(answers: &[Answer]) -> Option<f64> {
    let mut times: Vec<f64> = answers.iter().map(|answer| answer.seconds).collect();
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

/// Fails if lanes computed different results.
fn check_values(lanes: &[Lane], answers: &[Vec<Answer>]) -> Fallible<()> {
    let values = || answers.iter().flatten().filter_map(|answer| answer.value);
    let Some(first) = values().next() else { return Ok(()) };
    match values().find(|value| (value / first - 1.0).abs() > 1e-3) {
        Some(other) => {
            Err(format!("{:?}: results {first} and {other} differ; find out why", lanes[0].work).into())
        }
        None => Ok(()),
    }
}
