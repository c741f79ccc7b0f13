//! Charts from plain numbers, as SVG and PNG. Equal numbers give equal bytes.
//!
//! A [`Chart`] describes the data, and this module alone determines the style: a thin grid, names next to their
//! lines, and colours that colour-blind readers can distinguish. Each kind of series also has its own shape, so
//! colour is never the only distinction.

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
