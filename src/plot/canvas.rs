//! Drawing in points on any plotters backend. A point is `scale` units of the backend.

use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};
use plotters_backend::{
    BackendCoord, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, Pos, VPos},
};

use super::{
    Fill, Ink, Look, font,
    text_backend::{BASELINE, PER_EM},
};

/// The part of a text at the given position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Left,
    Middle,
    Right,
}

pub struct Canvas<'b, B: DrawingBackend> {
    backend: &'b mut B,
    look: Look,
    /// Units of the backend per point.
    scale: f64,
}

type Place = (f64, f64);

impl<'b, B: DrawingBackend> Canvas<'b, B> {
    pub fn new(backend: &'b mut B, look: Look, scale: f64) -> Self {
        Self { backend, look, scale }
    }

    pub fn rectangle(&mut self, (left, top): Place, (right, bottom): Place, ink: Ink, alpha: f64) {
        let (from, to) = (self.at((left, top)), self.at((right, bottom)));
        let color = self.color(ink).mix(alpha);
        drawn(self.backend.draw_rect(from, to, &color, true));
    }

    /// A line through all points.
    pub fn path(&mut self, points: &[Place], ink: Ink, width: f64) {
        let places: Vec<BackendCoord> = points.iter().map(|&point| self.at(point)).collect();
        let style = self.stroke(ink, width);
        if places.len() > 1 {
            drawn(self.backend.draw_path(places, &style));
        }
    }

    /// A dashed line through all points.
    pub fn dashed(&mut self, points: &[Place], (dash, gap): (f64, f64), ink: Ink, width: f64) {
        let mut walked = 0.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let at = |along: f64| {
                let share = (along / length).clamp(0.0, 1.0);
                (x0 + share * (x1 - x0), y0 + share * (y1 - y0))
            };
            // The dash pattern continues across corners.
            let mut begin = -(walked % (dash + gap));
            while length > 0.0 && begin < length {
                if begin + dash > 0.0 {
                    self.path(&[at(begin), at(begin + dash)], ink, width);
                }
                begin += dash + gap;
            }
            walked += length;
        }
    }

    pub fn polygon(&mut self, points: &[Place], fill: Fill, ink: Ink) {
        let mut places: Vec<BackendCoord> = points.iter().map(|&point| self.at(point)).collect();
        let inside = match fill {
            Fill::Full => ink,
            Fill::Hollow => Ink::Paper,
        };
        let color = self.color(inside);
        drawn(self.backend.fill_polygon(places.clone(), &color));
        if let (Fill::Hollow, Some(&first)) = (fill, places.first()) {
            places.push(first);
            let style = self.stroke(ink, 1.0);
            drawn(self.backend.draw_path(places, &style));
        }
    }

    pub fn circle(&mut self, centre: Place, radius: f64, fill: Fill, ink: Ink) {
        let (centre, radius) = (self.at(centre), (radius * self.scale).round().max(1.0) as u32);
        let color = self.color(ink);
        drawn(self.backend.draw_circle(centre, radius, &color, true));
        if fill == Fill::Hollow {
            let inside = self.color(Ink::Paper);
            let within = radius.saturating_sub((1.3 * self.scale).round() as u32);
            drawn(self.backend.draw_circle(centre, within, &inside, true));
        }
    }

    /// A text with a font size of `em` points and its baseline at y.
    pub fn text(&mut self, text: &str, (x, y): Place, anchor: Anchor, em: f64, ink: Ink) {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font = (FAMILY, em * self.scale * PER_EM).into_font();
        let color = self.color(ink);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(horizontal, VPos::Top));
        let place = self.at((x, y - BASELINE * em));
        drawn(self.backend.draw_text(text, &style, place));
    }

    fn at(&self, (x, y): Place) -> BackendCoord {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn color(&self, ink: Ink) -> RGBColor {
        let [red, green, blue] = ink.rgb(self.look);
        RGBColor(red, green, blue)
    }

    fn stroke(&self, ink: Ink, width: f64) -> ShapeStyle {
        let color = self.color(ink).to_rgba();
        ShapeStyle { color, filled: false, stroke_width: (width * self.scale).round().max(1.0) as u32 }
    }
}

/// Fonts of the reader's system. They are about as wide as the embedded font, which is used to measure texts.
const FAMILY: &str = "system-ui, -apple-system, 'Segoe UI', Ubuntu, Roboto, sans-serif";

/// The width in points of a text with a font size of `em` points, with a margin for wider fonts.
pub fn width(text: &str, em: f64) -> f64 {
    1.1 * font::width(text, em)
}

fn drawn<E: std::error::Error + Send + Sync>(done: Result<(), DrawingErrorKind<E>>) {
    done.expect(
        "drawing in memory does not fail: the backends fail only on files and fonts, which are not used",
    );
}
