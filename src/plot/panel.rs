//! What one panel of a chart shows: axes, series of numbers, and lines that mark a place.

use super::{Axis, Ink};

/// One pair of axes and what lies on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// May be empty.
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    pub marks: Vec<Mark>,
}

/// Numbers that belong together. Those that an axis has no place for (not finite, or not above 0 on a logarithmic axis)
/// are left out, and a line has a gap there.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Of a line: written at its end; of what else there is: above the panel. May be empty.
    pub name: String,
    pub ink: Ink,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Points (x, y) joined by a line, with a dot on each.
    Line { points: Vec<(f64, f64)>, stroke: Stroke, dot: Dot },
    /// Points alone.
    Dots { points: Vec<(f64, f64)>, dot: Dot },
    /// From the bottom of the panel upwards; `width` in units of x.
    Bars { bars: Vec<Bar>, width: f64 },
    /// Upright lines with a bar at both ends: (x, low, high).
    Whiskers { spans: Vec<(f64, f64, f64)> },
    /// A strip along the bottom: (from, to, strength from 0 to 1) in units of x.
    Strip { spans: Vec<(f64, f64, f64)> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    Solid,
    Dashed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dot {
    None,
    Circle,
    Square,
    Triangle,
    Diamond,
    /// A circle that is not filled.
    Ring,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Its middle.
    pub x: f64,
    pub height: f64,
    pub fill: Fill,
    /// Written above it where there is room, as the number of a removal.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Full,
    /// The outline alone.
    Hollow,
}

/// A line across the panel, with a word beside it.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// At this x, from bottom to top.
    Cut { x: f64, label: String },
    /// At this y, from left to right.
    Level { y: f64, label: String },
}

impl Dot {
    /// One for each of [`Ink::SERIES`].
    pub const SERIES: [Self; 4] = [Self::Circle, Self::Square, Self::Triangle, Self::Diamond];
}

impl Series {
    pub fn line(name: impl Into<String>, ink: Ink, dot: Dot, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), ink, shape: Shape::Line { points, stroke: Stroke::Solid, dot } }
    }

    /// Every (x, y); a bar's top is one, and so are a whisker's ends. A strip has none.
    pub fn points(&self) -> Vec<(f64, f64)> {
        match &self.shape {
            Shape::Line { points, .. } | Shape::Dots { points, .. } => points.clone(),
            Shape::Bars { bars, .. } => bars.iter().map(|bar| (bar.x, bar.height)).collect(),
            Shape::Whiskers { spans } => {
                spans.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]).collect()
            }
            Shape::Strip { .. } => Vec::new(),
        }
    }
}
