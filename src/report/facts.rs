//! What a table of layers tells beside their records.

/// A layer of the model that is reported on. What is not known is None.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerFacts {
    /// The attempt active.
    pub attempt: Option<usize>,
    pub heads: Option<Change>,
    pub kv_heads: Option<Change>,
    pub state: LayerState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerState {
    #[default]
    Pruned,
    /// It rests on other attempts than those active above it, or has another ratio than is planned now.
    Stale,
    /// No attempt is active: it is as the model has it.
    Dense,
    /// Its attempt active cannot be read.
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
