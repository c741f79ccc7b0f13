//! Errors of earlier runs, kept as previous_runs behind the newest.

/// The output errors of one run, one a layer where it was told.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviousRun {
    /// Which run it was, the first being 1.
    pub run: u64,
    pub output_errors: Vec<Option<f64>>,
}
