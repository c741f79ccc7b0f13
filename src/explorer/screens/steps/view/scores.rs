//! The scores now against those before, with the units that leave.

use ratatui::layout::Rect;

use super::{CHOICE, Phase, Shown};
use crate::{
    explorer::{
        screens::steps::sentences::ranked,
        view::{
            Canvas, Division, Role, status,
            widgets::{Scale, axes, measurement, pillar, put, width, write},
        },
    },
    words::{change, count, error},
};

pub fn draw(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let now = shown.scores().0;
    let units = shown.picture.units;
    let note = if shown.cursor.phase == Phase::DownDate { "after this step" } else { "before it leaves" };
    let note = if shown.cursor.phase == Phase::Score { "" } else { note };
    let inner = view.panel(&CHOICE, area, "Scores now", note);
    if now.len() == units && units < usize::from(inner.height) {
        lines(view, inner, shown);
    } else {
        sorted(view, inner, shown);
    }
}

/// The mark and role of a unit at this sub-step.
fn mark(view: &Canvas<'_>, shown: &Shown<'_>, unit: usize) -> (&'static str, Role) {
    let (glyphs, phase) = (view.theme.glyphs, shown.cursor.phase);
    let leaves = shown.picture.leaving.contains(&unit);
    let gone = shown.scores().0.get(unit).copied().flatten().is_none();
    match (gone, leaves) {
        (true, _) => (glyphs.removed(), Role::Removed),
        (false, true) if phase > Phase::Score => (glyphs.cursor(), Role::Cut),
        (false, _) if phase == Phase::DownDate && shown.picture.next == Some(unit) => {
            (glyphs.cursor(), Role::Active)
        }
        (false, _) => (" ", Role::Kept),
    }
}

/// One line per unit: mark, number, score, bar, change since the step before.
fn lines(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let (now, before) = shown.scores();
    let value = |score: Option<f32>| score.map(f64::from);
    let scale = Scale::of(
        now.iter()
            .chain(before.unwrap_or_default())
            .flatten()
            .map(|&score| f64::from(score))
            .collect::<Vec<_>>(),
    );
    let digits = width(&now.len().saturating_sub(1).to_string());
    let name = status::unit_names(view.state, shown.cursor.layer, shown.cursor.part).0;
    let head = format!("  {name}  score");
    write(view.buffer, area, area.x, area.y, &head, view.theme.style(Role::Muted));
    let tail = 9;
    let label = if before.is_some() { "change" } else { "" };
    let x = area.right().saturating_sub(width(label));
    write(view.buffer, area, x, area.y, label, view.theme.style(Role::Muted));
    for (unit, &score) in now.iter().enumerate() {
        let row = Rect { y: area.y + 1 + unit as u16, height: 1, ..area }.intersection(area);
        let (sign, role) = mark(view, shown, unit);
        let style = view.theme.style(role);
        let number = format!("{sign} {unit:>digits$}  ", digits = usize::from(digits.max(2)));
        let end = write(view.buffer, row, row.x, row.y, &number, style);
        let Some(score) = value(score) else {
            write(view.buffer, row, end, row.y, "removed", view.theme.style(Role::Faint));
            continue;
        };
        let end = write(
            view.buffer,
            row,
            end,
            row.y,
            &format!("{:>8} ", error(score)),
            view.theme.style(Role::Text),
        );
        let bar = Rect { x: end, width: row.right().saturating_sub(end + tail), ..row };
        measurement(view.buffer, bar, scale.place(score).unwrap_or(0.0).max(0.01), style, view.theme.glyphs);
        let was = before.and_then(|before| value(before.get(unit).copied().flatten()));
        if let Some(was) = was.filter(|was| *was > 0.0) {
            let text = change(was, score);
            let x = row.right().saturating_sub(width(&text));
            if x >= end {
                write(view.buffer, row, x, row.y, &text, view.theme.style(Role::Muted));
            }
        }
    }
    let listed = Rect { y: area.y + 1, height: now.len() as u16, ..area };
    view.read((listed, Division::Whole, Division::Bars(now.len())), |_, _, unit| {
        let was = before.and_then(|before| value(*before.get(unit)?));
        let is = value(*now.get(unit)?).map_or("removed".into(), error);
        let was = was.map_or(String::new(), |was| format!(", {} before", error(was)));
        Some(format!("{name} {unit}: {is}{was}"))
    });
}

/// All scores in ascending order as bars; the units that leave are at the left.
fn sorted(view: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let (now, before) = shown.scores();
    let ranked = ranked(now);
    let scale = Scale::of(ranked.iter().map(|&(_, score)| score).collect::<Vec<_>>());
    let words = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    let above = Rect { height: area.height.saturating_sub(2), ..area };
    let plot = axes(view.buffer, above, &scale, view.theme);
    let marks = Rect { y: plot.bottom(), height: 1, ..plot };
    let columns = usize::from(plot.width);
    // With groups of neighbours, the lowest scores stand for the units that leave.
    let leave = shown.picture.leaving.len() * now.len() / shown.picture.units.max(1);
    let leave = leave.max(1);
    let marked = shown.cursor.phase > Phase::Score && shown.cursor.phase < Phase::DownDate;
    for x in 0..columns.min(ranked.len().max(1)) {
        let wide = columns.min(ranked.len().max(1));
        let group = x * ranked.len() / wide..(x + 1) * ranked.len() / wide;
        let Some(&(_, score)) = ranked.get(group.start) else { continue };
        let leaves = marked && group.start < leave;
        let role = if leaves { Role::Cut } else { Role::Kept };
        let bar = Rect { x: plot.x + x as u16, width: 1, ..plot };
        let place = scale.place(score).unwrap_or(0.0).max(0.01);
        pillar(view.buffer, bar, place, view.theme.style(role), view.theme.glyphs);
        if leaves {
            put(view.buffer, marks, bar.x, marks.y, view.theme.glyphs.more().1, view.theme.style(role));
        }
    }
    let wide = columns.min(ranked.len()).max(1);
    let bars = Rect { width: wide as u16, height: plot.height + 1, ..plot };
    let name = status::unit_names(view.state, shown.cursor.layer, shown.cursor.part).0;
    view.read((bars, Division::Bars(wide), Division::Whole), |_, x, _| {
        let &(unit, score) = ranked.get(x * ranked.len() / wide)?;
        // A group of neighbours has no single unit.
        let (units, groups) = (shown.picture.units, now.len());
        let which = match groups == units {
            true => format!("{name} {unit}"),
            false => format!("lowest of {}–{}", unit * units / groups, (unit + 1) * units / groups - 1),
        };
        let was = before.and_then(|before| (*before.get(unit)?).map(f64::from));
        let was = was.map_or(String::new(), |was| format!(", {} before", error(was)));
        Some(format!("{} {which}{was}", error(score)))
    });
    let text = told(shown, before, now, area.width);
    write(view.buffer, words, words.x, words.y, &text, view.theme.style(Role::Muted));
}

/// How the scores of the units that stay changed, in at most `columns` columns.
fn told(shown: &Shown<'_>, before: Option<&[Option<f32>]>, now: &[Option<f32>], columns: u16) -> String {
    let what = if now.len() == shown.picture.units {
        format!("{} in order", count(now.iter().flatten().count() as u64))
    } else {
        "lowest scores of neighbours, in order".into()
    };
    let mut ratios: Vec<f64> = before
        .unwrap_or_default()
        .iter()
        .zip(now)
        .filter_map(|(was, is)| Some(f64::from((*is)?) / f64::from((*was)?)))
        .filter(|ratio| ratio.is_finite())
        .collect();
    ratios.sort_by(f64::total_cmp);
    match ratios.get(ratios.len() / 2) {
        Some(&median) => {
            let changed = format!("median change {}", change(1.0, median));
            let whole = format!("{what}; {changed}");
            if width(&whole) <= columns { whole } else { changed }
        }
        None => what,
    }
}
