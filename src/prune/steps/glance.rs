//! One elimination step as its rule sees it, before neighbouring units are binned.

use faer::{Accum, Mat, MatRef};

use crate::{
    product::multiply,
    prune::{HeadScore, number::Number},
};

/// The position of a step, and the data that a picture needs.
pub(in crate::prune) struct Asked<'a> {
    /// Columns of the weight.
    pub n: usize,
    /// Units to remove in total.
    pub goal: usize,
    /// Units removed, the step included.
    pub removed: usize,
    /// Units that the step removed, in order of score.
    pub units: &'a [usize],
    /// Error of the step.
    pub error: f64,
    /// Columns of the weight at which P is drawn.
    pub sampled: &'a [usize],
}

/// One step, before and after. Values of units and columns removed in earlier steps are None or 0.
pub(in crate::prune) struct Glance {
    width: usize,
    /// The scores before and after the step, indexed by unit.
    pub scores: Vec<Option<f64>>,
    pub scores_after: Vec<Option<f64>>,
    /// ‖W_j‖² before the step, indexed by column.
    pub weight: Vec<f64>,
    /// ‖ΔW_j‖² of the compensation, indexed by column; 0 for the columns that leave.
    pub change: Vec<f64>,
    /// Σ P_jj over the columns that stay, before and after.
    pub trace: [f64; 2],
    /// L of P[R, R] before the step; R are the columns that leave.
    pub l: Mat<f64>,
    /// P over the sampled columns before and after.
    pub sampled: [Mat<f64>; 2],
    /// The step as each rule sees it.
    pub rules: Vec<Rule>,
    /// The unit with the lowest score among those that may leave next; None at the goal.
    pub next: Option<usize>,
}

/// The choice of one rule.
pub(in crate::prune) struct Rule {
    pub rule: HeadScore,
    /// The unit that it would remove.
    pub pick: usize,
    /// The cost by its own formula; for a batch of channels, that of the whole batch.
    pub cost: f64,
    /// The true cost of its choice.
    pub exact: f64,
    /// Its scores before the step, indexed by unit. Empty for channels, for which all rules agree.
    pub scores: Vec<Option<f64>>,
}

impl Glance {
    pub fn new(n: usize, width: usize) -> Self {
        Self {
            width,
            scores: vec![None; n / width],
            scores_after: vec![None; n / width],
            weight: vec![0.0; n],
            change: vec![0.0; n],
            trace: [0.0; 2],
            l: Mat::zeros(0, 0),
            sampled: [Mat::zeros(0, 0), Mat::zeros(0, 0)],
            rules: Vec::new(),
            next: None,
        }
    }

    /// Values of some units, indexed by all units.
    pub fn of_units(&self, units: &[usize], values: &[f64]) -> Vec<Option<f64>> {
        let mut all = vec![None; self.scores.len()];
        for (&unit, &value) in units.iter().zip(values) {
            all[unit] = Some(value);
        }
        all
    }

    /// Columns per unit.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Adds the changes of the columns that stay. `slots` are their columns of the weight, u = P_AR L⁻ᵀ, and
/// M = L⁻¹ W_Rᵀ W_R L⁻ᵀ, without which nothing compensates. `p` gives P_jj of a slot after the step.
///
/// The compensation subtracts W_R L⁻ᵀ u_jᵀ from column j, so ‖ΔW_j‖² = u_j M u_jᵀ.
pub(in crate::prune) fn add_step<T: Number>(
    glance: &mut Glance,
    (slots, u, m): (&[usize], MatRef<'_, T>, Option<MatRef<'_, T>>),
    p: impl Fn(usize) -> f64,
) {
    let squares = |a: MatRef<'_, T>, slot: usize| -> f64 {
        (0..u.ncols()).map(|k| a[(slot, k)].into() * u[(slot, k)].into()).sum()
    };
    let um = m.map(|m| {
        let mut um: Mat<T> = Mat::zeros(u.nrows(), u.ncols());
        multiply(um.as_mut(), Accum::Replace, u, m, T::of(1.0));
        um
    });
    for (slot, &column) in slots.iter().enumerate() {
        let after = p(slot);
        glance.trace[0] += after + squares(u, slot);
        glance.trace[1] += after;
        if let Some(um) = &um {
            glance.change[column] = squares(um.as_ref(), slot).max(0.0);
        }
    }
}

/// The lower half of a matrix in f64, zeros above the diagonal.
pub(in crate::prune) fn lower<T: Number>(half: MatRef<'_, T>) -> Mat<f64> {
    Mat::from_fn(half.nrows(), half.ncols(), |i, j| if i >= j { half[(i, j)].into() } else { 0.0 })
}
