//! A random weight to prune, and the second moment of random inputs.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slimgpt::prune::{GroupSize, HeadScore, Moment, PruneProblem, SecondMoment, Units};

pub const DAMPING: f64 = 0.01;
/// Number of columns per head.
pub const HEAD: usize = 128;

pub struct Problem {
    pub rows: usize,
    /// W [rows, n], row-major.
    pub weight: Vec<f32>,
    pub moment: Moment,
}

impl Problem {
    /// W [rows, n] and correlated inputs of unequal sizes, at least 2n of them.
    pub fn random(rows: usize, n: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let weight = (0..rows * n).map(|_| rng.random_range(-0.02..0.02)).collect();
        let sizes: Vec<f32> = (0..n).map(|_| rng.random_range(-1.0f32..1.0).exp()).collect();
        let mut moment = SecondMoment::new(n);
        let mut x = vec![0.0; 512 * n];
        for _ in 0..n.div_ceil(256) {
            for token in x.chunks_exact_mut(n) {
                let mut before = 0.0;
                for (x, size) in token.iter_mut().zip(&sizes) {
                    before = 0.6 * before + rng.random_range(-1.0..1.0);
                    *x = size * before;
                }
            }
            moment.add(&x).expect("whole tokens");
        }
        Self { rows, weight, moment: moment.finish().expect("finite inputs") }
    }

    /// The problem with the settings of a default run.
    pub fn part(&self, units: Units, remove: usize) -> PruneProblem<'_> {
        PruneProblem {
            damping: DAMPING,
            ..PruneProblem::new(&self.weight, self.rows, &self.moment, units, remove)
        }
    }
}

/// Heads with the default settings of a run.
pub fn heads(width: usize) -> Units {
    Units::Heads { width, score: HeadScore::default(), per_group: None }
}

pub fn channels(group_size: GroupSize) -> Units {
    Units::Channels { group_size }
}
