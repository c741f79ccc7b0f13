//! A panel: a part of a screen that can be focused, with its explanation and its chart for saving.

use std::fmt;

use crate::explorer::{
    Figure, State,
    view::{Canvas, Rect},
};

/// A focusable part of a screen. Each panel is a static of its screen.
pub struct Panel {
    /// Unique among all panels.
    pub title: &'static str,
    /// The formula and text that `Explain` shows.
    pub explain: fn(&State) -> Explanation,
    /// The chart to save, or the reason why there is none.
    pub figure: fn(&State) -> Result<Figure, String>,
    /// Draws the panel alone in an area.
    pub draw: fn(&mut Canvas<'_>, Rect),
}

/// The meaning of a quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub title: &'static str,
    /// One per line.
    pub formula: Vec<&'static str>,
    /// Paragraphs; the view wraps them.
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
