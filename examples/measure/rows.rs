//! The table of comparisons: which work is compared with which, and the bounds.

use slimgpt::model::Architecture;

use crate::{
    Fallible,
    comparison::{Against, Compared, Comparison, Lane, Repeated},
    flops,
    models::{Models, Named},
    table::Bound,
    work::{Inputs, Removed, Solve, Work},
    workers::Side,
};

/// The sizes of the measurements, and the machine's threads.
pub struct Setup<'a> {
    pub models: Models<'a>,
    pub threads: usize,
    pub quick: bool,
}

impl Setup<'_> {
    /// Solves for heads.
    pub fn heads(&self) -> Fallible<Vec<Comparison>> {
        let n = if self.quick { 256 } else { 4096 };
        let bounds = [(25, Bound::AtMost(1.6), Repeated::Five), (50, Bound::AtMost(1.6), Repeated::Five)];
        Ok(bounds.map(|of| self.solve(("heads", "o_proj"), (n, n, Removed::Heads), of)).into())
    }

    /// Solves for channels.
    pub fn channels(&self) -> Fallible<Vec<Comparison>> {
        let [rows, n] = if self.quick { [256, 688] } else { [4096, 11008] };
        let bounds = [(25, Bound::None, Repeated::Once), (50, Bound::AtMost(1.4), Repeated::Five)];
        Ok(bounds.map(|of| self.solve(("channels", "down_proj"), (rows, n, Removed::Channels), of)).into())
    }

    /// A solve without its statistics and with them.
    fn solve(
        &self,
        (units, weight): (&str, &str),
        (rows, n, removed): (usize, usize, Removed),
        (percent, bound, repeated): (usize, Bound, Repeated),
    ) -> Comparison {
        let alone = Solve { rows, n, units: removed, percent, statistics: false };
        let complete = Solve { statistics: true, ..alone };
        let flops = flops::solve(rows, n, alone.removed());
        let row = |what: String, lane, against, bound| Compared { what, lane, pytorch: None, against, bound };
        let statistics = "the same with its statistics".to_string();
        let without = Against::Lane { lane: 0, name: "without".into() };
        Comparison {
            lanes: [alone, complete].map(|solve| self.slimgpt(Work::Solve(solve))).into(),
            rows: vec![
                row(
                    format!("{units} of a {rows}×{n} `{weight}`, {percent} % removed"),
                    0,
                    Against::Limit { flops },
                    bound,
                ),
                row(statistics, 1, without, Bound::AtMost(1.15)),
            ],
            repeated: self.times(repeated),
        }
    }

    /// Channels one by one, and in groups.
    pub fn exact(&self) -> Fallible<Vec<Comparison>> {
        let shapes: &[_] = if self.quick { &[[256, 688]] } else { &[[1024, 2816], [2048, 5504]] };
        let comparison = |&[rows, n]: &[usize; 2]| {
            let solve = |units| Solve { rows, n, units, percent: 50, statistics: false };
            let lanes = [Removed::ChannelsOneByOne, Removed::Channels].map(solve);
            Comparison {
                lanes: lanes.map(|solve| self.slimgpt(Work::Solve(solve))).into(),
                rows: vec![Compared {
                    what: format!("`--group-size exact`, {rows}×{n} `down_proj`, 50 % removed"),
                    lane: 0,
                    pytorch: None,
                    against: Against::Lane { lane: 1, name: "`dynamic`".into() },
                    bound: Bound::AtMost(3.0),
                }],
                repeated: self.times(Repeated::Three),
            }
        };
        Ok(shapes.iter().map(comparison).collect())
    }

    /// Perplexity.
    pub fn evaluate(&self) -> Fallible<Vec<Comparison>> {
        let model = self.models.smollm2()?;
        let of = (&model, self.sizes((19, 512)), None);
        let at_most = Bound::AtMost(0.9);
        self.with_pytorch("`eval` of", of, Work::Evaluate, (forward_and_head, at_most), Repeated::Five)
    }

    /// The forward pass of a block.
    pub fn forward(&self) -> Fallible<Vec<Comparison>> {
        let model = self.models.block_of_7b()?;
        let of = (&model, self.sizes((16, 1024)), None);
        let at_most = Bound::AtMost(1.0);
        self.with_pytorch("forward pass of", of, Work::Forward, (forward, at_most), Repeated::Five)
    }

    /// Head and cross entropy.
    pub fn loss(&self) -> Fallible<Vec<Comparison>> {
        let model = self.models.smollm2()?;
        let of = (&model, self.sizes((19, 512)), None);
        self.with_pytorch("head and loss of", of, Work::Loss, (head, Bound::None), Repeated::Five)
    }

    /// Calibration of a block and of a whole model.
    pub fn calibration(&self) -> Fallible<Vec<Comparison>> {
        let block = self.models.block_of_7b()?;
        let model = self.models.smollm2()?;
        let what = "calibration of";
        let comparison = |model: &Named, tokens, most, repeated| {
            let (inputs, architecture) = self.models.inputs(model, self.sizes(tokens), None)?;
            let work = Work::Calibrate(inputs.clone());
            let limit = Against::Limit { flops: forward_and_moments(&architecture, &inputs) };
            let row = Compared {
                what: format!("{what} {}, {}", model.name, tokens_of(&inputs)),
                lane: 0,
                pytorch: Some(1),
                against: limit,
                bound: Bound::AtMost(most),
            };
            let lanes = vec![self.slimgpt(work.clone()), self.pytorch(work)];
            Fallible::Ok(Comparison { lanes, rows: vec![row], repeated: self.times(repeated) })
        };
        Ok(vec![
            comparison(&model, (64, 512), 1.6, Repeated::Three)?,
            comparison(&block, (16, 1024), 1.25, Repeated::Three)?,
        ])
    }

    /// All threads against one, for each kind of work.
    pub fn threads(&self) -> Fallible<Vec<Comparison>> {
        let model = self.models.smollm2()?;
        let (evaluated, _) = self.models.inputs(&model, self.sizes((8, 512)), None)?;
        let (calibrated, _) = self.models.inputs(&model, self.sizes((16, 512)), Some(8))?;
        let (heads, [rows, n]) = if self.quick { (256, [256, 688]) } else { (4096, [2048, 5504]) };
        let solve = |rows, n, units| Work::Solve(Solve { rows, n, units, percent: 50, statistics: false });
        let works = [
            (format!("`eval` of {}, {}", model.name, tokens_of(&evaluated)), Work::Evaluate(evaluated)),
            (
                format!(
                    "calibration of {} blocks of {}, {}",
                    calibrated.layers,
                    model.name,
                    tokens_of(&calibrated)
                ),
                Work::Calibrate(calibrated),
            ),
            (
                format!("heads of a {heads}×{heads} `o_proj`, 50 % removed"),
                solve(heads, heads, Removed::Heads),
            ),
            (
                format!("channels of a {rows}×{n} `down_proj`, 50 % removed"),
                solve(rows, n, Removed::Channels),
            ),
        ];
        let counts: Vec<usize> =
            [1, 2, 4, 8, 16].into_iter().filter(|&count| count <= self.threads).collect();
        let comparison = |(what, work): (String, Work)| Comparison {
            lanes: counts
                .iter()
                .map(|&threads| Lane { side: Side::Slimgpt { threads }, work: work.clone() })
                .collect(),
            rows: (1..counts.len())
                .map(|lane| Compared {
                    what: format!("{what}, {} threads", counts[lane]),
                    lane,
                    pytorch: None,
                    against: Against::Gain { lane: 0, name: "1 thread".into() },
                    bound: if counts[lane] == 2 { Bound::AtLeast(1.8) } else { Bound::None },
                })
                .collect(),
            repeated: self.times(Repeated::Five),
        };
        Ok(works.map(comparison).into())
    }

    /// Work that PyTorch does too: compared with its time, and with the limit of the machine.
    fn with_pytorch(
        &self,
        what: &str,
        (model, tokens, layers): (&Named, (usize, usize), Option<usize>),
        work: fn(Inputs) -> Work,
        (flops, bound): (fn(&Architecture, &Inputs) -> f64, Bound),
        repeated: Repeated,
    ) -> Fallible<Vec<Comparison>> {
        let (inputs, architecture) = self.models.inputs(model, tokens, layers)?;
        let what = format!("{what} {}, {}", model.name, tokens_of(&inputs));
        let limit = Against::Limit { flops: flops(&architecture, &inputs) };
        let row = |what, against, bound| Compared { what, lane: 0, pytorch: Some(1), against, bound };
        let work = work(inputs);
        Ok(vec![Comparison {
            lanes: vec![self.slimgpt(work.clone()), self.pytorch(work)],
            rows: vec![
                row(what, Against::PyTorch, bound),
                row("the same against the limit".into(), limit, Bound::None),
            ],
            repeated: self.times(repeated),
        }])
    }

    fn slimgpt(&self, work: Work) -> Lane {
        Lane { side: Side::Slimgpt { threads: self.threads }, work }
    }

    fn pytorch(&self, work: Work) -> Lane {
        Lane { side: Side::PyTorch, work }
    }

    fn sizes(&self, full: (usize, usize)) -> (usize, usize) {
        if self.quick { (4, 128) } else { full }
    }

    fn times(&self, full: Repeated) -> Repeated {
        if self.quick { Repeated::Once } else { full }
    }
}

fn tokens_of(inputs: &Inputs) -> String {
    format!("{}×{} tokens", inputs.windows, inputs.length)
}

fn forward(architecture: &Architecture, inputs: &Inputs) -> f64 {
    flops::forward(architecture, inputs.layers, inputs.windows, inputs.length)
}

fn head(architecture: &Architecture, inputs: &Inputs) -> f64 {
    flops::head(architecture, inputs.windows, inputs.length)
}

fn forward_and_head(architecture: &Architecture, inputs: &Inputs) -> f64 {
    forward(architecture, inputs) + head(architecture, inputs)
}

fn forward_and_moments(architecture: &Architecture, inputs: &Inputs) -> f64 {
    forward(architecture, inputs)
        + flops::second_moments(architecture, inputs.layers, inputs.windows, inputs.length)
}
