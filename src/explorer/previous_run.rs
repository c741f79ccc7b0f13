//! Errors of an earlier run, drawn behind those of the current one.

/// Output errors of one run, indexed by layer; None where they were not tracked.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviousRun {
    /// Number of the run, from 1.
    pub run: u64,
    pub output_errors: Vec<Option<f64>>,
}
