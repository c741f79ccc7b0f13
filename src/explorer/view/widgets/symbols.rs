//! Symbols of curves, all one column wide.

use crate::explorer::view::Glyphs;

/// Symbols of axes and marks, in addition to [`Glyphs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbols {
    pub vertical: &'static str,
    pub horizontal: &'static str,
    /// A planned value.
    pub planned: &'static str,
    /// A value on a line.
    pub point: &'static str,
    /// Kept units on the strip below sorted scores.
    pub kept: &'static str,
    /// Full and half cell of a horizontal bar.
    pub line: [&'static str; 2],
}

const UNICODE: Symbols =
    Symbols {
        vertical: "│", horizontal: "─", planned: "◇", point: "•", kept: "━", line: ["━", "╸"]
    };

const ASCII: Symbols =
    Symbols { vertical: "|", horizontal: "-", planned: "o", point: "*", kept: "=", line: ["=", "="] };

pub fn symbols(glyphs: Glyphs) -> &'static Symbols {
    match glyphs {
        Glyphs::Unicode => &UNICODE,
        Glyphs::Ascii => &ASCII,
    }
}
