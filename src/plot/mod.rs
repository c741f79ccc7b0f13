//! Charts from plain numbers, as SVG and as PNG: the same bytes from the same numbers.
//!
//! A chart says what is shown; how it looks is decided here alone. A thin grid, names beside their lines, colours that
//! colour-blind people tell apart, and never colour alone: each kind of series has a form of its own too.

mod axis;
mod canvas;
mod chart;
mod draw;
mod font;
mod look;
mod panel;
mod picture;
mod text_backend;

#[cfg(test)]
mod tests;

pub use axis::{Axis, Scale, Ticks};
pub use chart::{Chart, Size};
pub use look::{Ink, Look};
pub use panel::{Bar, Dot, Fill, Mark, Panel, Series, Shape, Stroke};
