//! A panel: a part of a screen that can have the focus, with its explanation and its chart for saving.

use std::fmt;

use crate::explorer::{Figure, State};

/// Each is a static of the screen that it belongs to.
pub struct Panel {
    /// Unique among all panels.
    pub title: &'static str,
    /// Formula and text of `Explain`.
    pub explain: fn(&State) -> Explanation,
    /// The chart that can be saved, or why there is none.
    pub figure: fn(&State) -> Result<Figure, String>,
}

/// What a quantity means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub title: &'static str,
    /// One per line.
    pub formula: Vec<&'static str>,
    /// Paragraphs, to be wrapped.
    pub text: Vec<&'static str>,
}

impl PartialEq for Panel {
    fn eq(&self, other: &Self) -> bool {
        self.title == other.title
    }
}

impl Eq for Panel {}

impl fmt::Debug for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title)
    }
}
