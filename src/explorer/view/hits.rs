//! Targets of the mouse and their areas on the screen.

use ratatui::layout::{Position, Rect};

use crate::explorer::{Pointed, Spot};

/// Areas of mouse targets; later ones cover earlier ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    places: Vec<Place>,
    charts: Vec<Readings>,
}

/// The readings of a chart, in columns and rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readings {
    pub area: Rect,
    pub across: Division,
    pub down: Division,
}

/// How readings divide the width or the height of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Division {
    /// The whole length has one reading.
    Whole,
    /// Bars beside each other, each from the cell at its start to the cell before the next one.
    Bars(usize),
    /// Points in the middle of equal shares.
    Points(usize),
}

impl Division {
    /// The reading at a cell of `cells`.
    fn at(self, cell: u16, cells: u16) -> usize {
        let (cell, cells) = (usize::from(cell), usize::from(cells).max(1));
        match self {
            Self::Whole => 0,
            Self::Bars(bars) => ((cell + 1) * bars).div_ceil(cells).saturating_sub(1),
            Self::Points(points) => (2 * cell + 1) * points / (2 * cells),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    Fixed {
        area: Rect,
        what: Pointed,
    },
    /// The scrubber of a recording, from its start to its end.
    Scrubber {
        area: Rect,
    },
    /// A chart over ratios from 0 at the left to `highest` at the right.
    Axis {
        area: Rect,
        highest: f64,
    },
    /// A ratio curve: layers from left to right, ratios from bottom (0) to top (`highest`).
    Curve {
        area: Rect,
        layers: usize,
        highest: f64,
    },
}

impl Hits {
    pub fn add(&mut self, area: Rect, what: Pointed) {
        self.places.push(Place::Fixed { area, what });
    }

    pub fn add_curve(&mut self, area: Rect, layers: usize, highest: f64) {
        self.places.push(Place::Curve { area, layers, highest });
    }

    /// A chart over ratios from 0 to `highest`.
    pub fn add_axis(&mut self, area: Rect, highest: f64) {
        self.places.push(Place::Axis { area, highest });
    }

    pub fn add_scrubber(&mut self, area: Rect) {
        self.places.push(Place::Scrubber { area });
    }

    pub fn add_readings(&mut self, readings: Readings) {
        self.charts.push(readings);
    }

    /// The charts with readings, in the order of drawing.
    #[cfg(test)]
    pub fn charts(&self) -> impl Iterator<Item = Rect> + '_ {
        self.charts.iter().map(|chart| chart.area)
    }

    /// The reading of a chart at a cell; None beside the charts and under a dialog.
    pub fn reading_at(&self, column: u16, row: u16) -> Option<Spot> {
        let covered = matches!(self.at(column, row), Pointed::OutsideDialog | Pointed::DialogLine(_));
        let at = Position::new(column, row);
        let chart = self.charts.iter().rev().find(|chart| !covered && chart.area.contains(at))?;
        let area = chart.area;
        Some(Spot {
            chart: area,
            across: chart.across.at(column - area.x, area.width),
            down: chart.down.at(row - area.y, area.height),
        })
    }

    /// The area of a target, if it was drawn.
    pub fn area_of(&self, wanted: Pointed) -> Option<Rect> {
        self.places.iter().rev().find_map(|place| match place {
            Place::Fixed { area, what } if *what == wanted => Some(*area),
            Place::Fixed { .. } | Place::Scrubber { .. } | Place::Axis { .. } | Place::Curve { .. } => None,
        })
    }

    /// The target at a cell.
    pub fn at(&self, column: u16, row: u16) -> Pointed {
        let position = Position::new(column, row);
        let hit = self.places.iter().rev().find(|place| match place {
            Place::Fixed { area, .. }
            | Place::Scrubber { area }
            | Place::Axis { area, .. }
            | Place::Curve { area, .. } => area.contains(position),
        });
        match hit {
            None => Pointed::Nothing,
            Some(Place::Fixed { what, .. }) => *what,
            Some(Place::Scrubber { area }) => {
                let last = area.width.saturating_sub(1).max(1);
                Pointed::Recording(f64::from(position.x - area.x) / f64::from(last))
            }
            Some(Place::Axis { area, highest }) => {
                let share = (f64::from(position.x - area.x) + 0.5) / f64::from(area.width.max(1));
                Pointed::RatioAxis(share * highest)
            }
            Some(Place::Curve { area, layers, highest }) => on_curve(*area, *layers, *highest, position),
        }
    }
}

/// The layer whose column is nearest, and the ratio at the middle of the row.
fn on_curve(area: Rect, layers: usize, highest: f64, at: Position) -> Pointed {
    let across = f64::from(at.x - area.x) + 0.5;
    let layer = (across / f64::from(area.width) * layers as f64) as usize;
    let up = f64::from(area.bottom() - at.y) - 0.5;
    let ratio = up / f64::from(area.height) * highest;
    Pointed::Ratio { layer: layer.min(layers.saturating_sub(1)), ratio }
}
