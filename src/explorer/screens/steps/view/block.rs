//! P of the columns that leave, and its Cholesky factor.

use ratatui::layout::{Constraint, Layout, Rect};

use super::{BLOCK, Phase, Shown};
use crate::explorer::{
    screens::steps::sentences,
    view::{
        Canvas, Role,
        widgets::{Square, write},
    },
};

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let (block, phase) = (&shown.picture.block, shown.cursor.phase);
    let inner = view.panel(&BLOCK, area, "P_RR = L Lᵀ", "");
    if phase == Phase::Score {
        view.absent(inner, "Nothing is chosen yet.");
        return;
    }
    if block.columns == 1 {
        let value = block.p.first().copied().unwrap_or(0.0);
        let text = format!(
            "{}: one column, P_jj = {}, L = {}",
            sentences::leaving(view.state, shown.picture),
            crate::words::measure(value.into()),
            crate::words::measure(block.pivots[0])
        );
        view.absent(inner, &text);
        return;
    }
    let stacked = inner.height > inner.width / 2;
    let [first, second] = if stacked {
        Layout::vertical([Constraint::Fill(1); 2]).areas(inner)
    } else {
        Layout::horizontal([Constraint::Fill(1); 2]).spacing(1).areas(inner)
    };
    let most = |values: &[f32]| values.iter().copied().fold(0.0, f32::max);
    let at = |values: &[f32], i: usize, j: usize| values.get(i * (i + 1) / 2 + j).copied().unwrap_or(0.0);
    let scaled = |value: f32, most: f32| f64::from((value / most).max(0.0).sqrt());
    let most_p = most(&block.p);
    map(
        view,
        first,
        &format!("P_RR, {}", sentences::leaving(view.state, shown.picture)),
        block.cells,
        &|i, j| Some(scaled(at(&block.p, i.max(j), i.min(j)), most_p)),
    );
    if phase == Phase::Choose {
        write(view.buffer, second, second.x, second.y, "L: next", view.theme.style(Role::Muted));
        return;
    }
    let most_l = most(&block.l);
    map(view, second, "L", block.cells, &|i, j| (i >= j).then(|| scaled(at(&block.l, i, j), most_l)));
}

fn map(
    view: &mut Canvas<'_>,
    area: Rect,
    label: &str,
    cells: usize,
    value: &dyn Fn(usize, usize) -> Option<f64>,
) {
    write(view.buffer, area, area.x, area.y, label, view.theme.style(Role::Muted));
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    Square { cells, value, gap: " " }.draw(view.buffer, below, view.theme);
}
