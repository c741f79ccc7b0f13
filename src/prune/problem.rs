//! A weight to prune, and the units to remove from it.

use super::Moment;
use super::error::Error;
use super::second_moment::finite;
use crate::prune::{GroupSize, HeadScore, Refine, Score, SolverDtype};

/// Weights with more columns are solved in f32 by default.
const MOST_IN_F64: usize = 2048;

/// A scored weight W [rows, n] (`o_proj` or `down_proj`), the second moment of its inputs, and the units to
/// remove.
#[derive(Clone, Debug)]
pub struct PruneProblem<'a> {
    /// W [rows, n], row-major.
    pub weight: &'a [f32],
    /// Rows of W.
    pub rows: usize,
    /// G [n, n] of the inputs.
    pub moment: &'a Moment,
    /// The units of W.
    pub units: Units,
    /// The score that orders the units for removal. A baseline ignores the head score in `units`.
    pub score: Score,
    /// Seed of the order in which [`Score::Random`] removes units.
    pub seed: u64,
    /// Number of units to remove; with `per_group`, the number per group.
    pub remove: usize,
    /// The number of units to remove before sizes were rounded, if it differs. The error at this number is
    /// reported as well; it does not affect the result.
    pub scheduled: Option<usize>,
    /// Whether units are swapped after the elimination.
    pub refine: Refine,
    /// λ relative to the mean diagonal of G. It is raised if the factorisation fails.
    pub damping: f64,
    /// Whether the kept columns compensate for the removed ones.
    pub compensate: bool,
    /// T [rows, n], row-major: W E[x x̃ᵀ] + E[(h − h̃) x̃ᵀ]. The kept columns are fitted to it instead of W's
    /// own output. It has no effect without compensation, or if nothing is removed.
    pub target: Option<&'a [f64]>,
    /// The weight of that target against W's own output, from 0 to 1.
    pub target_weight: f64,
    /// The number type of the elimination. The kept weights are always fitted in f64.
    pub solver_dtype: SolverDtype,
}

/// The kind of units, each removed as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Units {
    /// Attention heads. Unit h has the columns h · width .. (h + 1) · width.
    Heads {
        /// Columns per head.
        width: usize,
        /// The cost of a head.
        score: HeadScore,
        /// Units g · per_group .. (g + 1) · per_group form group g, and the same number is removed from every
        /// group. None means a single group.
        per_group: Option<usize>,
    },
    /// FFN channels. Unit j is column j.
    Channels {
        /// Number of channels removed together.
        group_size: GroupSize,
    },
}

impl Units {
    /// Columns per unit.
    pub fn width(&self) -> usize {
        match *self {
            Self::Heads { width, .. } => width,
            Self::Channels { .. } => 1,
        }
    }
}

impl<'a> PruneProblem<'a> {
    /// Removes `remove` units with the default method: exact scores, no swaps, a damping of 0.01, compensation towards W's own
    /// output.
    pub fn new(weight: &'a [f32], rows: usize, moment: &'a Moment, units: Units, remove: usize) -> Self {
        Self {
            weight,
            rows,
            moment,
            units,
            score: Score::Obs,
            seed: 0,
            remove,
            scheduled: None,
            refine: Refine::None,
            damping: 0.01,
            compensate: true,
            target: None,
            target_weight: 1.0,
            solver_dtype: SolverDtype::Auto,
        }
    }
}

impl PruneProblem<'_> {
    /// Columns of W.
    pub fn n(&self) -> usize {
        self.moment.n()
    }

    pub(super) fn in_f32(&self) -> bool {
        in_f32(self.solver_dtype, self.n())
    }

    /// Units of W.
    pub fn unit_count(&self) -> usize {
        self.n() / self.units.width()
    }

    /// Total number of units for `remove`, which is per group if there are groups.
    pub(super) fn total(&self, remove: usize) -> usize {
        match self.units {
            Units::Heads { per_group: Some(per_group), .. } => remove * (self.unit_count() / per_group),
            Units::Heads { per_group: None, .. } | Units::Channels { .. } => remove,
        }
    }

    /// Checks the problem before any work.
    pub(super) fn check(&self) -> Result<(), Error> {
        let n = self.n();
        let expected = self.rows * n;
        if self.weight.len() != expected {
            return Err(Error::Shape { what: "weight", expected, found: self.weight.len() });
        }
        if let Some(target) = self.target {
            if target.len() != expected {
                return Err(Error::Shape { what: "target", expected, found: target.len() });
            }
            finite("target", n, target)?;
        }
        if !(self.damping >= 0.0 && self.damping.is_finite()) {
            return Err(Error::Damping(self.damping));
        }
        match self.units {
            Units::Channels { group_size: GroupSize::Fixed(0) } => return Err(Error::EmptyGroup),
            Units::Channels { .. } => {}
            Units::Heads { width, .. } if width == 0 || !n.is_multiple_of(width) => {
                return Err(Error::UnitWidth { columns: n, width });
            }
            Units::Heads { per_group: Some(per_group), .. }
                if per_group == 0 || !self.unit_count().is_multiple_of(per_group) =>
            {
                return Err(Error::HeadGroups { units: self.unit_count(), per_group });
            }
            Units::Heads { .. } => {}
        }
        self.check_remove(self.remove)?;
        finite("weight", n, self.weight)
    }

    /// Maximum for [`PruneProblem::remove`]: one unit is kept, or one per group.
    pub(super) fn most(&self) -> usize {
        self.open_units().saturating_sub(1)
    }

    pub(super) fn check_remove(&self, remove: usize) -> Result<(), Error> {
        let units = self.open_units();
        if remove >= units { Err(Error::NothingLeft { units, remove }) } else { Ok(()) }
    }

    /// Number of all units, or of the units in one group.
    fn open_units(&self) -> usize {
        match self.units {
            Units::Heads { per_group: Some(per_group), .. } => per_group,
            Units::Heads { per_group: None, .. } | Units::Channels { .. } => self.unit_count(),
        }
    }
}

/// Whether the elimination of a weight of n columns uses f32.
pub(super) fn in_f32(dtype: SolverDtype, n: usize) -> bool {
    match dtype {
        SolverDtype::Auto => n > MOST_IN_F64,
        SolverDtype::F32 => true,
        SolverDtype::F64 => false,
    }
}
