//! Facts about layers that their records lack.

/// Facts about a layer; None if unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerFacts {
    /// The active attempt.
    pub attempt: Option<usize>,
    pub heads: Option<Change>,
    pub kv_heads: Option<Change>,
    pub state: LayerState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerState {
    #[default]
    Pruned,
    /// The attempt was solved behind attempts that are no longer active, or with another ratio than the
    /// planned one.
    Stale,
    /// No attempt is active.
    Dense,
    /// The active attempt cannot be read.
    Damaged,
}

/// A count before and after pruning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub before: usize,
    pub after: usize,
}

impl LayerState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pruned => "pruned",
            Self::Stale => "stale",
            Self::Dense => "dense",
            Self::Damaged => "damaged",
        }
    }
}
