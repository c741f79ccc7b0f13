//! One weight and what is to be done to it.

use super::Moment;
use super::error::Error;
use super::second_moment::finite;
use crate::prune::{GroupSize, HeadScore, Refine, Score, SolverDtype};

/// Weights of more columns than this are solved in f32 where nothing else is said.
const MOST_IN_F64: usize = 2048;

/// A scored weight W [rows, n] (`o_proj` or `down_proj`), its inputs' second moment, and what to remove.
#[derive(Clone, Debug)]
pub struct PruneProblem<'a> {
    /// W [rows, n], row-major.
    pub weight: &'a [f32],
    pub rows: usize,
    /// G [n, n] of the inputs.
    pub moment: &'a Moment,
    pub units: Units,
    /// By what units leave. `units` says how their cost is told where they leave by that, and is of no effect else, but for the
    /// number of channels that leave together.
    pub score: Score,
    /// Of the order in which units leave at random.
    pub seed: u64,
    /// How many units leave; with `per_group`, how many leave every group.
    pub remove: usize,
    /// What the schedule alone would have leave, in the same sense, where that was rounded to other sizes: its error is told
    /// too. Of no effect on what leaves.
    pub scheduled: Option<usize>,
    /// Whether units are exchanged once so many have left.
    pub refine: Refine,
    /// λ in parts of the mean diagonal of G; raised where the factorisation needs it.
    pub damping: f64,
    /// Whether the columns that stay make up for those that leave.
    pub compensate: bool,
    /// T [rows, n], row-major: W E[x x̃ᵀ] + E[(h − h̃) x̃ᵀ], what the columns that stay are fitted to in place of W's own
    /// output. Of no effect without compensation, and where nothing leaves.
    pub target: Option<&'a [f64]>,
    /// How far the columns that stay go from the fit to W's own output towards that target: 0 to 1.
    pub target_weight: f64,
    /// What the elimination works in. The weights that stay are fitted in f64 in any case.
    pub solver_dtype: SolverDtype,
}

/// What leaves as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Units {
    /// Unit h is the columns h · width .. (h + 1) · width.
    Heads {
        width: usize,
        score: HeadScore,
        /// Units g · per_group .. (g + 1) · per_group are group g, and the same number leaves every group.
        per_group: Option<usize>,
    },
    /// Unit j is column j.
    Channels { group_size: GroupSize },
}

impl Units {
    /// Columns of one unit.
    pub fn width(&self) -> usize {
        match *self {
            Self::Heads { width, .. } => width,
            Self::Channels { .. } => 1,
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

    /// Units that W is made of.
    pub fn unit_count(&self) -> usize {
        self.n() / self.units.width()
    }

    /// Units that leave in all, when `remove` are asked for (of every group, where there are groups).
    pub(super) fn total(&self, remove: usize) -> usize {
        match self.units {
            Units::Heads { per_group: Some(per_group), .. } => remove * (self.unit_count() / per_group),
            Units::Heads { per_group: None, .. } | Units::Channels { .. } => remove,
        }
    }

    /// Everything that can be wrong before any work is done.
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

    /// The most that can be asked to leave, in the sense of [`PruneProblem::remove`]: one unit stays, or one of every group.
    pub(super) fn most(&self) -> usize {
        self.open_units().saturating_sub(1)
    }

    pub(super) fn check_remove(&self, remove: usize) -> Result<(), Error> {
        let units = self.open_units();
        if remove >= units { Err(Error::NothingLeft { units, remove }) } else { Ok(()) }
    }

    /// All units, or those of one group.
    fn open_units(&self) -> usize {
        match self.units {
            Units::Heads { per_group: Some(per_group), .. } => per_group,
            Units::Heads { per_group: None, .. } | Units::Channels { .. } => self.unit_count(),
        }
    }
}

/// Whether the elimination of a weight of n columns works in f32.
pub(super) fn in_f32(dtype: SolverDtype, n: usize) -> bool {
    match dtype {
        SolverDtype::Auto => n > MOST_IN_F64,
        SolverDtype::F32 => true,
        SolverDtype::F64 => false,
    }
}
