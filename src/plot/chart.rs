//! A chart: one or more panels.

use super::{Look, Panel, picture};

/// A chart of panels in rows of `columns`.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub panels: Vec<Panel>,
    pub columns: usize,
}

/// A size in points, at 96 points per inch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

impl Chart {
    pub fn single(panel: Panel) -> Self {
        Self { panels: vec![panel], columns: 1 }
    }

    /// The preferred size.
    pub fn size(&self) -> Size {
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let rows = self.panels.len().div_ceil(columns).max(1) as u32;
        let (width, height) = match columns {
            1 => (720, 340),
            2 => (440, 280),
            3 => (320, 230),
            _ => (260, 190),
        };
        Size { width: width * columns as u32, height: height * rows }
    }

    /// A complete SVG document, with a background in the look's colour.
    pub fn svg(&self, look: Look, size: Size) -> String {
        picture::svg(self, look, size)
    }

    /// An RGB image with two pixels per point, with a background in the look's colour.
    pub fn png(&self, look: Look, size: Size) -> Vec<u8> {
        picture::png(self, look, size)
    }
}
