//! The columns of the table of layers: names, widths, and the number that sorts and filters.

use crate::{
    explorer::{PartStatistics, State, view::status},
    prune::Part,
};

macro_rules! columns {
    ($($column:ident: $name:literal, $head:literal, $help:literal, $shown:literal;)+) => {
        /// A column, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Column {
            $(#[doc = $help] $column),+
        }

        impl Column {
            pub const ALL: [Self; [$(Self::$column),+].len()] = [$(Self::$column),+];

            /// Its name in filters and in the form that chooses columns.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$column => $name),+
                }
            }

            /// Its heading. That of the attention units is their name.
            pub fn head(self, state: &State) -> &'static str {
                if self == Self::Heads {
                    return status::unit_names_of_all(state, Part::Attention).1;
                }
                match self {
                    $(Self::$column => $head),+
                }
            }

            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$column => $help),+
                }
            }

            /// Whether the table has the column if the user has not chosen.
            pub fn is_default(self) -> bool {
                match self {
                    $(Self::$column => $shown),+
                }
            }
        }
    };
}

columns! {
    Number: "layer", "layer", "Index of the layer", true;
    State: "state", "state", "State of the active attempt", true;
    Ratio: "ratio", "ratio", "Planned ratio", true;
    Heads: "heads", "heads", "Kept and all attention units", true;
    Channels: "channels", "channels", "Kept and all channels", true;
    AttentionError: "attn", "attn err", "Relative error of the attention part", true;
    MlpError: "mlp", "mlp err", "Relative error of the MLP part", true;
    OutputError: "output", "output", "Output error against the dense model", true;
    Bar: "bar", "", "The output error as a bar", true;
    Change: "change", "change", "Output error now over that of the run before", false;
    Seconds: "seconds", "seconds", "Duration of the active attempt, if it was solved since the explorer opened", false;
    Damping: "damping", "damping", "Damping that the inverses needed: attention/MLP", false;
    Condition: "condition", "condition", "Condition number of the damped second moment, the larger one of both parts", false;
    Attempts: "attempts", "attempts", "One mark per attempt, the active one filled", true;
}

impl Column {
    /// The column with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The number of a layer in this column; None if it has none yet.
    pub fn value(self, state: &State, index: usize) -> Option<f64> {
        let layer = state.layers.get(index)?;
        let active = layer.active();
        let relative = |part: Part| active.map(|result| result.record(part).relative_error);
        let kept = |part: Part| match layer.view(part) {
            Some(seen) if seen.units > 0 => seen.kept() as f64,
            Some(_) | None => {
                let (units, goal) = status::planned(state, index, part);
                (units - goal.min(units)) as f64
            }
        };
        match self {
            Self::Number => Some(index as f64),
            Self::State => Some(f64::from(state.status(index) as u8)),
            Self::Ratio => state.schedule.ratios.get(index).map(|ratio| ratio.mean()),
            Self::Heads => Some(kept(Part::Attention)),
            Self::Channels => Some(kept(Part::Mlp)),
            Self::AttentionError => relative(Part::Attention),
            Self::MlpError => relative(Part::Mlp),
            Self::OutputError | Self::Bar => active?.record.output_error,
            Self::Change => {
                let before = state.previous_runs.last()?.output_errors.get(index).copied().flatten()?;
                let now = active?.record.output_error?;
                (before > 0.0).then(|| now / before)
            }
            Self::Seconds => active?.seconds,
            Self::Damping => largest(state, index, |seen| seen.stats.damping_used),
            Self::Condition => largest(state, index, |seen| seen.stats.condition),
            Self::Attempts => Some(layer.attempts.len() as f64),
        }
    }
}

/// The larger number of both parts of the active attempt.
fn largest(state: &State, index: usize, of: fn(&PartStatistics) -> f64) -> Option<f64> {
    let active = state.layers.get(index)?.active()?;
    [Part::Attention, Part::Mlp].into_iter().filter_map(|part| active.seen(part)).map(of).reduce(f64::max)
}
