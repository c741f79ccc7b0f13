//! What exchanging two units costs when the kept weights stay as they are.
//!
//! The error of what left is Σ H_uv over all pairs of them, H_uv = Σ C_ij G_ij over the columns i of u and j of v of C = Wᵀ W
//! and G_λ. With h_u = Σ_v H_uv over those that left, taking r back adds H_rr − 2 h_r, and taking a out H_aa + 2 h_a.

use rayon::prelude::*;

use super::dense::Dense;
use super::swaps::{Swap, first_of};
use super::sweep_operator::sides;

/// Some of the units, in whatever order.
pub(super) struct Uncompensated {
    /// Whether each unit has left.
    pub out: Vec<bool>,
    /// H [units, units], both halves.
    pub h: Dense<f64>,
    /// h of each unit.
    pub with_gone: Vec<f64>,
}

impl Uncompensated {
    /// The exchange of a removed and a kept unit that adds least to the error, among those allowed (removed, kept).
    pub(super) fn best(&self, allowed: impl Fn(usize, usize) -> bool + Sync) -> Option<Swap> {
        let (gone, kept) = sides(&self.out);
        let h = &self.with_gone;
        let of = |&back: &usize| {
            let of_back = self.h.column(back);
            let given_back = 2.0 * h[back] - of_back[back];
            let swaps = kept.iter().filter(|&&out| allowed(back, out)).map(|&out| {
                let change = 2.0 * (h[out] - of_back[out]) + self.h[(out, out)] - given_back;
                Swap { back, out, change }
            });
            first_of(swaps)
        };
        first_of(gone.par_iter().filter_map(of).collect::<Vec<_>>())
    }

    /// Takes one unit back and the other out.
    pub(super) fn exchange(&mut self, back: usize, out: usize) {
        let (of_back, of_out) = (self.h.column(back), self.h.column(out));
        for (h, (back, out)) in self.with_gone.iter_mut().zip(of_back.iter().zip(of_out)) {
            *h += out - back;
        }
        (self.out[back], self.out[out]) = (false, true);
    }
}
