//! W as strips of its units: the sizes of their columns, and how much compensation changed.

use ratatui::layout::Rect;

use super::{Phase, Shown, WEIGHTS, labelled};
use crate::explorer::{
    screens::steps::sentences::share,
    view::{
        Canvas, Role,
        widgets::{pillar, put, strip, width, write},
    },
};
use crate::prune::WeightPicture;

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let weight = &shown.picture.weight;
    let phase = shown.cursor.phase;
    let inner = view.panel(&WEIGHTS, area, "W by units", "");
    let cells = weight.norms.len();
    if cells == 0 || inner.height < 4 {
        return;
    }
    let shares: Vec<f64> = weight
        .norms
        .iter()
        .zip(&weight.changes)
        .map(|(&norm, &change)| if norm > 0.0 { f64::from(change / norm) } else { 0.0 })
        .collect();
    let most_share = shares.iter().copied().fold(0.0, f64::max);
    let most = weight.norms.iter().copied().fold(0.0, f32::max);
    let upper = Rect { height: inner.height / 2, ..inner };
    let lower = Rect { y: upper.bottom(), height: inner.height - upper.height, ..inner };
    let compensated = phase >= Phase::Compensate;
    let label = match (compensated, most_share > 0.0) {
        (false, _) => "change: not yet".to_string(),
        (true, true) => format!("change to {}", share(most_share)),
        (true, false) => "change: none".to_string(),
    };
    let strips = Strips::of(weight, usize::from(upper.height.saturating_sub(2)));
    let sizes: &[&str] = match strips {
        Some(_) => &["sizes ‖W_j‖ of the columns, per unit", "‖W_j‖ per unit", "‖W_j‖"],
        None => &["size ‖W_c‖", "‖W_c‖"],
    };
    let size = sizes.iter().find(|size| width(size) <= upper.width).copied().unwrap_or("");
    labelled(view, upper, size);
    labelled(view, lower, &label);
    let bars = |strip: Rect| Rect { y: strip.y + 1, height: strip.height.saturating_sub(2), ..strip };
    for column in places(inner, cells) {
        let Place { cell, x, wide, each } = column;
        let (active, leaving) = (shown.picture.inverse.active[cell], shown.picture.inverse.leaving[cell]);
        let gone = active == 0;
        // Of several units, most must leave to mark the cell.
        let leaves = phase > Phase::Score && leaving > 0 && 2 * leaving >= active;
        let all_leave = active == leaving;
        let (role, sign) = match (gone, leaves) {
            (true, _) => (Role::Removed, view.theme.glyphs.removed()),
            (_, true) if compensated && all_leave => (Role::Removed, view.theme.glyphs.removed()),
            (_, true) => (Role::Cut, view.theme.glyphs.more().1),
            (_, false) => (Role::Kept, " "),
        };
        let size = if gone || (compensated && leaves && all_leave) { 0.0 } else { weight.norms[cell] / most };
        let style = view.theme.style(role);
        let place = |strip: Rect| Rect { x, width: wide, ..bars(strip) };
        match &strips {
            Some(strips) if size > 0.0 => {
                strip(view.buffer, place(upper), &strips.sizes(cell), view.theme);
                if compensated && most_share > 0.0 {
                    strip(view.buffer, place(lower), &strips.changes(cell), view.theme);
                }
            }
            Some(_) => {}
            None => pillar(view.buffer, place(upper), size.into(), style, view.theme.glyphs),
        }
        let middle = x + (wide - 1) / 2;
        put(view.buffer, inner, middle, upper.bottom() - 1, sign, style);
        if strips.is_none() && compensated && most_share > 0.0 {
            let style = view.theme.style(Role::Live);
            pillar(view.buffer, place(lower), shares[cell] / most_share, style, view.theme.glyphs);
        }
        let number = cell.to_string();
        if cells == shown.picture.units && width(&number) < each {
            let at = x + wide.saturating_sub(width(&number)) / 2;
            write(view.buffer, inner, at, lower.bottom() - 1, &number, view.theme.style(Role::Muted));
        }
    }
}

/// The columns of every unit as colours.
struct Strips<'a> {
    rows: usize,
    /// [cells, rows]
    norms: &'a [f32],
    /// ‖ΔW_j‖ / ‖W_j‖ [cells, rows]
    shares: Vec<f64>,
    most: f64,
    most_share: f64,
}

impl<'a> Strips<'a> {
    /// None without a strip per unit, or if there is no room for one.
    fn of(weight: &'a WeightPicture, room: usize) -> Option<Self> {
        let rows = weight.rows;
        let known = weight.strips.len() == rows * weight.norms.len();
        if rows < 2 || room < 2 || !known || weight.strip_changes.len() != weight.strips.len() {
            return None;
        }
        let share = |(&norm, &change): (&f32, &f32)| if norm > 0.0 { f64::from(change / norm) } else { 0.0 };
        let shares: Vec<f64> = weight.strips.iter().zip(&weight.strip_changes).map(share).collect();
        let most = weight.strips.iter().copied().fold(0.0, f32::max).into();
        let most_share = shares.iter().copied().fold(0.0, f64::max);
        Some(Self { rows, norms: &weight.strips, shares, most, most_share })
    }

    /// Sizes of the columns of a cell, from 0 to 1.
    fn sizes(&self, cell: usize) -> Vec<f64> {
        let of = &self.norms[cell * self.rows..(cell + 1) * self.rows];
        of.iter().map(|&norm| f64::from(norm) / self.most.max(f64::MIN_POSITIVE)).collect()
    }

    /// Changes of the columns of a cell in proportion, from 0 to 1.
    fn changes(&self, cell: usize) -> Vec<f64> {
        let of = &self.shares[cell * self.rows..(cell + 1) * self.rows];
        of.iter().map(|share| share / self.most_share.max(f64::MIN_POSITIVE)).collect()
    }
}

/// A cell with its first column and its width.
struct Place {
    cell: usize,
    x: u16,
    wide: u16,
    /// Columns to the next cell.
    each: u16,
}

/// Cells side by side, as wide as fit; if there are more cells than columns, evenly spread ones.
fn places(area: Rect, cells: usize) -> Vec<Place> {
    let columns = usize::from(area.width);
    if columns < cells {
        return (0..columns)
            .map(|x| Place { cell: x * cells / columns, x: area.x + x as u16, wide: 1, each: 1 })
            .collect();
    }
    let each = (columns / cells).min(14);
    let gap = usize::from(each > 2);
    (0..cells)
        .map(|cell| Place {
            cell,
            x: area.x + (cell * each) as u16,
            wide: (each - gap) as u16,
            each: each as u16,
        })
        .collect()
}
