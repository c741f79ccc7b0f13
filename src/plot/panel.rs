//! The content of a panel: axes, series of numbers, and marks.

use super::{Axis, Ink};

/// One pair of axes with its series and marks.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The title; it may be empty.
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    pub marks: Vec<Mark>,
}

/// A series of numbers. Values that are not finite, or not above 0 on a logarithmic axis, are not drawn; a
/// line has a gap there.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Name, drawn at the end of a line, or in the legend for other shapes. It may be empty.
    pub name: String,
    pub ink: Ink,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A line through points (x, y), with a dot at each.
    Line { points: Vec<(f64, f64)>, stroke: Stroke, dot: Dot },
    /// Dots at points (x, y).
    Dots { points: Vec<(f64, f64)>, dot: Dot },
    /// Bars from the bottom of the panel; `width` is in units of x.
    Bars { bars: Vec<Bar>, width: f64 },
    /// Vertical lines (x, low, high) with a bar at each end.
    Whiskers { spans: Vec<(f64, f64, f64)> },
    /// A strip along the bottom: spans (from, to) of x with an opacity from 0 to 1.
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
    /// A hollow circle.
    Ring,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The x coordinate of the bar's centre.
    pub x: f64,
    pub height: f64,
    pub fill: Fill,
    /// A text drawn above the bar if there is room.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Full,
    /// Outline only.
    Hollow,
}

/// A line across the panel, with a label.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A vertical line at x.
    Cut { x: f64, label: String },
    /// A horizontal line at y.
    Level { y: f64, label: String },
}

impl Dot {
    /// One dot for each of [`Ink::SERIES`].
    pub const SERIES: [Self; 4] = [Self::Circle, Self::Square, Self::Triangle, Self::Diamond];
}

impl Series {
    pub fn line(name: impl Into<String>, ink: Ink, dot: Dot, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), ink, shape: Shape::Line { points, stroke: Stroke::Solid, dot } }
    }

    /// All points (x, y), including the tops of bars and the ends of whiskers. A strip has none.
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
