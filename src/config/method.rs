//! Settings of the method: settings of one layer, and settings shared by all layers.

use super::{Error, check::unit_interval, group::settings};
use crate::prune::{AttentionUnitChoice, GroupSize, HeadScore, Refine, Score, SolverDtype, Target};

/// The damping used in the paper.
const DAMPING: f64 = 0.01;

settings! {
    /// The settings for solving one layer. A retry can change each of them for its layer.
    #[derive(Copy)]
    pub struct Solver at solver, SolverChanges, Method {
        /// Score that orders the units for removal
        score ("score"): Score = Score::default() => {
            value_name: "SCORE",
            scope: Scope::Method,
            form: Some(FormField::new(SettingsForm::Run, "score", "obs: increase in error; the others are baselines, without head scores or groups")),
        }
        /// With the score obs: score that selects the next head
        head_score ("head_score"): HeadScore = HeadScore::default() => {
            value_name: "SCORE",
            scope: Scope::Method,
            form: Some(FormField::new(SettingsForm::Run, "head score", "exact: the increase in error; grouped-cholesky: the paper's score; diagonal: its ablation −GCD")),
        }
        /// With the score obs: channels removed in one step: dynamic, reference, exact or a number
        group_size ("group_size"): GroupSize = GroupSize::default() => {
            value_name: "SIZE",
            scope: Scope::Method,
            form: Some(FormField::new(SettingsForm::Run, "group size", "dynamic, reference (the authors' code), exact (one at a time), or a number")),
        }
        /// Refinement after the elimination
        refine ("refine"): Refine = Refine::default() => {
            value_name: "HOW",
            scope: Scope::Method,
            form: Some(FormField::new(SettingsForm::Run, "refine", "swaps: exchange removed and kept units while the error decreases")),
        }
        /// Damping, as a fraction of the mean diagonal of the second moment
        damping ("damping"): f64 = DAMPING, unit_interval("the usual value is 0.01") => {
            value_name: "D",
            scope: Scope::Method,
            form: Some(FormField::new(SettingsForm::Run, "damping", "fraction of the mean diagonal of G, 0 to 1; usually 0.01")),
        }
        /// Do not update the kept weights
        compensation ("no_compensation"): bool = true => {
            negated: true,
            scope: Scope::Method,
            form: Some(FormField::new(SettingsForm::Run, "compensation", "update the kept weights to compensate for the removed ones")),
        }
    }
}

settings! {
    /// Settings shared by all layers of a run: units, targets and number types.
    #[derive(Copy)]
    pub struct Objective at objective, ObjectiveOptions, Method {
        /// Unit of attention that is removed as a whole
        attention_unit ("attention_unit"): AttentionUnitChoice = AttentionUnitChoice::default() => {
            value_name: "UNIT",
            after: Some("head_score"),
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "attention unit", "auto: chosen for each layer; a KV group with its query heads; or single query heads").after("parts")),
        }
        /// Output to which the kept columns are fitted
        target ("target"): Target = Target::default() => {
            value_name: "TARGET",
            after: Some("refine"),
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "target", "the layer's own output, or that of the dense model")),
        }
        /// With the target dense-stream: weight of that target; 0 fits the layer's own output
        // In sessions created before this setting existed, the weight is 1.
        #[serde(default = "full_weight")]
        stream_weight ("stream_weight"): f64 = 0.5, unit_interval("0.5 weighs both equally") => {
            value_name: "W",
            after: Some("target"),
            scope: Scope::Layer,
        }
        /// Add a bias to the output of each pruned part that restores its mean, as FLAP does
        bias_compensation ("bias_compensation"): bool = false => {
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "bias compensation", "add a bias that restores the mean of the output, as FLAP does")),
        }
        /// Number type of the elimination; the kept weights are always fitted in f64
        solver_dtype ("solver_dtype"): SolverDtype = SolverDtype::default() => {
            value_name: "TYPE",
            scope: Scope::Layer,
        }
    }
}

const fn full_weight() -> f64 {
    1.0
}

impl Solver {
    /// This method with the changes.
    ///
    /// # Errors
    /// If a changed value is out of its range.
    pub fn with(&self, changes: SolverChanges) -> Result<Self, Error> {
        Self::fill(changes.or(self.options()))
    }
}
