//! The cost of swapping two units when the kept weights are not updated.
//!
//! The error of the removed units is Σ H_uv over all their pairs, where H_uv = Σ C_ij G_ij over the columns i of u
//! and j of v, with C = Wᵀ W and G_λ. With h_u = Σ_v H_uv over the removed units, restoring r adds H_rr − 2 h_r,
//! and removing a adds H_aa + 2 h_a.

use rayon::prelude::*;

use super::dense::Dense;
use super::swaps::{Swap, first_of};
use super::sweep_operator::sides;

/// Some of the units, in any order.
pub(super) struct Uncompensated {
    /// Whether each unit is removed.
    pub out: Vec<bool>,
    /// H [units, units], both halves.
    pub h: Dense<f64>,
    /// h of each unit: its sum of H over the removed units.
    pub with_removed: Vec<f64>,
}

impl Uncompensated {
    /// The swap of a removed and a kept unit with the lowest change of the error, among the allowed pairs (removed, kept).
    pub(super) fn best(&self, allowed: impl Fn(usize, usize) -> bool + Sync) -> Option<Swap> {
        let (gone, kept) = sides(&self.out);
        let h = &self.with_removed;
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

    /// Restores one unit and removes the other.
    pub(super) fn swap(&mut self, back: usize, out: usize) {
        let (of_back, of_out) = (self.h.column(back), self.h.column(out));
        for (h, (back, out)) in self.with_removed.iter_mut().zip(of_back.iter().zip(of_out)) {
            *h += out - back;
        }
        (self.out[back], self.out[out]) = (false, true);
    }
}
