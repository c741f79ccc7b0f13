//! The six screens, and the panels on them that can have the focus.

/// In the order of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Screen {
    #[default]
    Layers,
    Layer,
    Schedule,
    Errors,
    Compare,
    Log,
}

/// A part of a screen that has the focus: what *explain* explains and the arrow keys move in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Panel {
    LayerTable,
    RatioCurve,
    Hessian,
    Correlation,
    Scores,
    Batches,
    ErrorCurve,
    Attempts,
    Errors,
    Sessions,
    Curves,
    Perplexity,
    Texts,
    Log,
}

impl Screen {
    pub const ALL: [Self; 6] =
        [Self::Layers, Self::Layer, Self::Schedule, Self::Errors, Self::Compare, Self::Log];

    pub fn title(self) -> &'static str {
        match self {
            Self::Layers => "Layers",
            Self::Layer => "Layer",
            Self::Schedule => "Schedule",
            Self::Errors => "Errors",
            Self::Compare => "Compare",
            Self::Log => "Log",
        }
    }

    /// From 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }

    /// In reading order; all that there can be.
    pub fn panels(self) -> &'static [Panel] {
        match self {
            Self::Layers => &[Panel::LayerTable, Panel::RatioCurve],
            Self::Layer => &[
                Panel::Scores,
                Panel::Hessian,
                Panel::Correlation,
                Panel::Batches,
                Panel::ErrorCurve,
                Panel::Attempts,
            ],
            Self::Schedule => &[Panel::RatioCurve],
            Self::Errors => &[Panel::Errors],
            Self::Compare => &[Panel::Sessions, Panel::Curves, Panel::Texts, Panel::Perplexity],
            Self::Log => &[Panel::Log],
        }
    }
}

impl Panel {
    pub fn title(self) -> &'static str {
        match self {
            Self::LayerTable => "Layers",
            Self::RatioCurve => "Ratio",
            Self::Hessian => "Hessian",
            Self::Correlation => "Correlation",
            Self::Scores => "Scores",
            Self::Batches => "Batches",
            Self::ErrorCurve => "Error versus ratio",
            Self::Attempts => "Attempts",
            Self::Errors => "Output error",
            Self::Sessions => "Sessions",
            Self::Curves => "Curves",
            Self::Perplexity => "Perplexity",
            Self::Texts => "Texts",
            Self::Log => "Log",
        }
    }
}
