//! The map of P over units. Removed rows and columns are dots.

use ratatui::layout::Rect;

use super::{INVERSE, Phase, Shown};
use crate::{
    explorer::view::{
        Canvas, Role,
        widgets::{Square, put},
    },
    prune::InversePicture,
    words::{count, short},
};

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let inverse = &shown.picture.inverse;
    let done = shown.cursor.phase == Phase::DownDate;
    let values = if done { &inverse.after } else { &inverse.before };
    let most = inverse.before.iter().chain(&inverse.after).copied().fold(0.0, f32::max);
    let note = note(inverse, most);
    let inner = view.panel(&INVERSE, area, "P = G_λ⁻¹", &note);
    let active = |cell: usize| inverse.active[cell] > if done { inverse.leaving[cell] } else { 0 };
    let value = |i: usize, j: usize| {
        let at = i.max(j) * (i.max(j) + 1) / 2 + i.min(j);
        let value = values.get(at).copied().unwrap_or(0.0);
        (active(i) && active(j)).then(|| f64::from((value / most).max(0.0).sqrt()))
    };
    let map = Square { cells: inverse.cells, value: &value, gap: view.theme.glyphs.separator() };
    // The first row and column are for marks.
    let room = Rect {
        x: inner.x + 2,
        y: inner.y + 1,
        width: inner.width.saturating_sub(2),
        height: inner.height.saturating_sub(1),
    };
    let drawn = map.draw(view.buffer, room, view.theme);
    for pixel in 0..usize::from(drawn.width) {
        let cell = map.cell_at(pixel, drawn);
        let step = usize::from(drawn.width) / inverse.cells.max(1);
        // One mark per cell, in its middle.
        if step > 1 && pixel % step != (step - 1) / 2 {
            continue;
        }
        let Some((sign, role)) = mark(view, shown, cell) else { continue };
        let style = view.theme.style(role);
        put(view.buffer, inner, drawn.x + pixel as u16, inner.y, sign, style);
        put(view.buffer, inner, inner.x, drawn.y + (pixel / 2) as u16, sign, style);
    }
}

/// The mark of a cell: × if all its units are gone, a sign if some of them leave now, a bar for the share that is gone.
fn mark(view: &Canvas<'_>, shown: &Shown<'_>, cell: usize) -> Option<(&'static str, Role)> {
    let inverse = &shown.picture.inverse;
    let units = shown.picture.units * (cell + 1) / inverse.cells - shown.picture.units * cell / inverse.cells;
    let (active, leaving) = (inverse.active[cell] as usize, inverse.leaving[cell] as usize);
    let (glyphs, phase) = (view.theme.glyphs, shown.cursor.phase);
    let gone = units - active + if phase == Phase::DownDate { leaving } else { 0 };
    let leaves = leaving > 0 && phase > Phase::Score && phase < Phase::DownDate;
    if leaves && units == 1 {
        return Some((glyphs.more().1, Role::Cut));
    }
    if gone == units {
        return Some((glyphs.removed(), Role::Removed));
    }
    let gone = gone + if leaves { leaving } else { 0 };
    let role = if leaves { Role::Cut } else { Role::Removed };
    (gone > 0).then(|| (glyphs.column((gone * 8).div_ceil(units)), role))
}

fn note(inverse: &InversePicture, most: f32) -> String {
    let most = format!("0 to {}", short(most.into()));
    if inverse.sampled < inverse.columns {
        let (sampled, columns) = (count(inverse.sampled as u64), count(inverse.columns as u64));
        format!("{most}, {sampled} of {columns} columns")
    } else {
        most
    }
}
