//! Lines in Braille dots, two by four per cell.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::put;
use crate::explorer::view::Glyphs;

/// Style of a line; the character is used without Braille dots.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    pub style: Style,
    pub ascii: char,
    /// Distance of dots; 1 makes a solid line.
    pub every: usize,
}

impl Stroke {
    pub fn solid(style: Style, ascii: char) -> Self {
        Self { style, ascii, every: 1 }
    }

    pub fn dotted(style: Style, ascii: char) -> Self {
        Self { style, ascii, every: 3 }
    }
}

/// Dots over an area. Coordinates range from (0, 0) at the lower left to (1, 1) at the upper right.
pub struct Plot {
    area: Rect,
    glyphs: Glyphs,
    /// Cells, row by row.
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    /// One bit per dot, as in a Braille character.
    dots: u8,
    ascii: char,
    style: Style,
}

/// Bits of a Braille character, [column][row from the top].
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

impl Plot {
    pub fn new(area: Rect, glyphs: Glyphs) -> Self {
        let cells = vec![Cell::default(); usize::from(area.width) * usize::from(area.height)];
        Self { area, glyphs, cells }
    }

    /// Columns of dots.
    pub fn across(&self) -> usize {
        match self.glyphs {
            Glyphs::Unicode => usize::from(self.area.width) * 2,
            Glyphs::Ascii => usize::from(self.area.width),
        }
    }

    /// Rows of dots.
    fn up(&self) -> usize {
        match self.glyphs {
            Glyphs::Unicode => usize::from(self.area.height) * 4,
            Glyphs::Ascii => usize::from(self.area.height),
        }
    }

    /// Draws straight lines between points; NaN leaves a gap.
    pub fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, stroke: Stroke) {
        let mut last: Option<(f64, f64)> = None;
        for (x, y) in points {
            if !x.is_finite() || !y.is_finite() {
                last = None;
                continue;
            }
            let point = (x * self.across() as f64 - 0.5, y * self.up() as f64 - 0.5);
            self.segment(last.unwrap_or(point), point, stroke);
            last = Some(point);
        }
    }

    /// Draws a horizontal line over the whole area.
    pub fn level(&mut self, y: f64, stroke: Stroke) {
        self.line([(0.0, y), (1.0, y)], stroke);
    }

    /// Draws a vertical line.
    pub fn upright(&mut self, x: f64, stroke: Stroke) {
        self.line([(x, 0.0), (x, 1.0)], stroke);
    }

    /// Draws one segment; steep parts fill the rows between.
    fn segment(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        let (from, to) = if from.0 <= to.0 { (from, to) } else { (to, from) };
        let last_row = self.up().saturating_sub(1) as f64;
        let row = |y: f64| y.round().clamp(0.0, last_row) as usize;
        let last_column = self.across().saturating_sub(1);
        let column = |x: f64| (x.round().max(0.0) as usize).min(last_column);
        let (first, last) = (column(from.0), column(to.0));
        if first == last {
            let (low, high) = (row(from.1.min(to.1)), row(from.1.max(to.1)));
            (low..=high)
                .filter(|y| low == high || y.is_multiple_of(stroke.every))
                .for_each(|y| self.dot(first, y, stroke));
            return;
        }
        let mut before = None;
        for x in first..=last {
            let along = ((x as f64 - from.0) / (to.0 - from.0)).clamp(0.0, 1.0);
            let y = row(from.1 + (to.1 - from.1) * along);
            let (low, high) = match before {
                Some(b) if b + 1 < y => (b + 1, y),
                Some(b) if y + 1 < b => (y, b - 1),
                Some(_) | None => (y, y),
            };
            if x.is_multiple_of(stroke.every) {
                (low..=high).for_each(|y| self.dot(x, y, stroke));
            }
            before = Some(y);
        }
    }

    /// Sets a dot; x is counted from the left, y from the bottom.
    fn dot(&mut self, x: usize, y: usize, stroke: Stroke) {
        if x >= self.across() || y >= self.up() {
            return;
        }
        let down = self.up() - 1 - y;
        let (column, row, bit) = match self.glyphs {
            Glyphs::Unicode => (x / 2, down / 4, BITS[x % 2][down % 4]),
            Glyphs::Ascii => (x, down, 1),
        };
        let cell = &mut self.cells[row * usize::from(self.area.width) + column];
        *cell = Cell { dots: cell.dots | bit, ascii: stroke.ascii, style: stroke.style };
    }

    /// Writes the cells with dots; the newest line gives a cell its colour.
    pub fn draw(&self, buffer: &mut Buffer) {
        self.draw_where(buffer, |_| true);
    }

    /// Draws the plot, but only into blank cells.
    pub fn draw_behind(&self, buffer: &mut Buffer) {
        self.draw_where(buffer, |symbol| symbol == " ");
    }

    fn draw_where(&self, buffer: &mut Buffer, wanted: fn(&str) -> bool) {
        for (at, cell) in self.cells.iter().enumerate().filter(|(_, cell)| cell.dots != 0) {
            let width = usize::from(self.area.width);
            let (x, y) = ((at % width) as u16 + self.area.x, (at / width) as u16 + self.area.y);
            if !buffer.cell((x, y)).is_some_and(|below| wanted(below.symbol())) {
                continue;
            }
            let symbol = match self.glyphs {
                Glyphs::Unicode => {
                    char::from_u32(0x2800 + u32::from(cell.dots)).expect("0x2800 to 0x28ff are characters")
                }
                Glyphs::Ascii => cell.ascii,
            };
            put(buffer, self.area, x, y, symbol.encode_utf8(&mut [0; 4]), cell.style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: &[(f64, f64)], glyphs: Glyphs) -> Buffer {
        let area = Rect::new(0, 0, 4, 2);
        let mut plot = Plot::new(area, glyphs);
        plot.line(points.iter().copied(), Stroke::solid(Style::new(), '*'));
        let mut buffer = Buffer::empty(area);
        plot.draw(&mut buffer);
        buffer
    }

    #[test]
    fn a_level_line_fills_its_row_of_dots() {
        assert_eq!(drawn(&[(0.0, 0.0), (1.0, 0.0)], Glyphs::Unicode), Buffer::with_lines(["    ", "⣀⣀⣀⣀"]));
        assert_eq!(drawn(&[(0.0, 1.0), (1.0, 1.0)], Glyphs::Ascii), Buffer::with_lines(["****", "    "]));
    }

    #[test]
    fn a_slanting_line_has_a_dot_in_every_column() {
        let buffer = drawn(&[(0.0, 0.0), (1.0, 1.0)], Glyphs::Unicode);
        assert_eq!(buffer, Buffer::with_lines(["  ⡠⠊", "⡠⠊  "]));
    }

    #[test]
    fn nan_leaves_a_gap_and_dots_stay_inside_the_area() {
        let nothing = drawn(&[(f64::NAN, 0.5), (0.5, f64::INFINITY)], Glyphs::Unicode);
        assert_eq!(nothing, Buffer::with_lines(["    ", "    "]));
        drawn(&[(-9.0, -9.0), (9.0, 9.0)], Glyphs::Unicode);
        let empty = Plot::new(Rect::new(0, 0, 0, 0), Glyphs::Unicode);
        empty.draw(&mut Buffer::empty(Rect::new(0, 0, 1, 1)));
    }
}
