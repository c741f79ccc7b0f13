//! Figures of the two models: parameters, size, and perplexity per evaluation.

use ratatui::layout::Rect;

use crate::{
    explorer::{
        Action, State, Status,
        screens::compare::PERPLEXITY,
        view::{
            Canvas, Role,
            widgets::{Column, Place, Side, lay_out, width},
        },
    },
    words::{bytes, change, count, measure, parameters, plus_minus},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Name,
    Before,
    After,
    Change,
    /// KL(dense ‖ pruned).
    Divergence,
    /// The evaluation.
    How,
    /// The standard error of the newest perplexity.
    Error,
}

/// Columns of the figures and the words after them.
const FIGURES: u16 = 9 + 9 + 8 + 28 + 4;
/// The column of KL divergences, if there are any.
const DIVERGENCE: u16 = 9 + 1;

/// Rows of the table, including its header.
pub fn rows(view: &Canvas<'_>) -> u16 {
    4 + view.state.compare.shown().count().clamp(1, 8) as u16
}

pub fn draw(view: &mut Canvas<'_>, area: Rect) {
    let state = view.state;
    let note = match (state.compares_sessions(), view.key(Action::Sessions)) {
        // A recording has no list of sessions.
        (true, _) => String::new(),
        (false, _) if state.is_replay() => String::new(),
        (false, key) => format!("{key}, then m: compare other sessions"),
    };
    let inner = view.panel(&PERPLEXITY, area, "Dense against pruned", &note);
    let texts = state.compare.shown().map(|measured| width(&measured.record.text)).max().unwrap_or(0);
    let has_divergence = state.compare.shown().any(|measured| measured.record.divergence.is_some());
    let figures = FIGURES + if has_divergence { DIVERGENCE } else { 0 };
    let name = (texts + 2).clamp(20, inner.width.saturating_sub(figures).max(20));
    let column = |key, head, width, side, rank| Column { key, head, width, side, rank };
    let columns = [
        Some(column(Key::Name, "", name, Side::Left, 0)),
        Some(column(Key::Before, "dense", 9, Side::Right, 0)),
        Some(column(Key::After, "pruned", 9, Side::Right, 0)),
        Some(column(Key::Change, "", 8, Side::Right, 1)),
        has_divergence.then(|| column(Key::Divergence, "", 9, Side::Right, 1)),
        Some(column(Key::How, "", 28, Side::Left, 2)),
        Some(column(Key::Error, "", 9, Side::Left, 3)),
    ];
    let places = lay_out(columns.into_iter().flatten().collect(), inner.width);
    let mut row = 0;
    let mut line = |view: &mut Canvas<'_>, cells: &[(&str, Role)]| {
        let place = Rect { y: inner.y + row, height: 1, ..inner };
        if row < inner.height {
            for (at, (text, role)) in cells.iter().enumerate() {
                if let Some(place_of) = find(&places, at) {
                    place_of.write(view.buffer, place, text, view.theme.style(*role));
                }
            }
        }
        row += 1;
    };
    line(
        view,
        &[
            ("", Role::Title),
            ("dense", Role::Dense),
            ("pruned", Role::Pruned),
            ("change", Role::Title),
            ("KL, nats", Role::Title),
            ("", Role::Title),
        ],
    );
    let before = state.model.as_ref().map_or(0, |model| model.shape.parameters);
    let after = state.parameters_active();
    let difference = change(before as f64, after as f64);
    let pruned = state.layers.iter().filter(|layer| layer.chosen.is_some()).count();
    let of = match pruned {
        0 => "nothing is pruned yet".into(),
        some if some < state.layers.len() => format!("{some} of {} layers are pruned", state.layers.len()),
        _ => String::new(),
    };
    if before > 0 {
        line(
            view,
            &[
                ("parameters", Role::Muted),
                (&parameters(before), Role::Text),
                (&parameters(after), Role::Text),
                (&difference, Role::Text),
                ("", Role::Text),
                (&of, Role::Muted),
            ],
        );
        line(
            view,
            &[
                ("size of the weights", Role::Muted),
                (&bytes(state.bytes_of(before)), Role::Text),
                (&bytes(state.bytes_of(after)), Role::Text),
                ("", Role::Text),
                ("", Role::Muted),
            ],
        );
    }
    if state.compare.shown().next().is_none() {
        let how = if state.is_replay() {
            "not measured".into()
        } else {
            format!("{}: measure on a text", view.key(Action::Measure))
        };
        line(
            view,
            &[
                ("perplexity", Role::Title),
                ("–", Role::Faint),
                ("–", Role::Faint),
                ("", Role::Text),
                ("", Role::Text),
                (&how, Role::Muted),
            ],
        );
        return;
    }
    line(
        view,
        &[
            ("perplexity", Role::Title),
            ("", Role::Text),
            ("", Role::Text),
            ("", Role::Text),
            ("", Role::Text),
        ],
    );
    for measured in state.compare.shown() {
        let record = &measured.record;
        let how = format!(
            "L {}, {} tokens, {}",
            record.seq_len,
            count(record.tokens),
            if record.bos { "BOS" } else { "no BOS" }
        );
        let dense = if record.before.is_finite() { measure(record.before) } else { "–".into() };
        let pruned = match record.after {
            Some(after) => measure(after),
            None if awaited(state) => "…".into(),
            None => "–".into(),
        };
        // A change relative to a model that is no longer active is meaningless.
        let (role, difference) = match record.after {
            Some(_) if state.compare.stale(measured) => {
                let status = Status::Stale;
                (Role::Stale, format!("{} {}", view.theme.glyphs.status(status), status.name()))
            }
            Some(after) => (Role::Text, change(record.before, after)),
            None => (Role::Faint, String::new()),
        };
        let divergence = record.divergence.filter(|_| record.after.is_some());
        let divergence = divergence.map_or(String::new(), |divergence| format!("{divergence:.4}"));
        line(
            view,
            &[
                (&format!("  {}", record.text), Role::Muted),
                (&dense, Role::Text),
                (&pruned, role),
                (&difference, role),
                (&divergence, role),
                (&how, Role::Muted),
                (plus_minus(record.after_error.or(record.before_error)).trim_start(), Role::Muted),
            ],
        );
    }
}

/// True if a running or queued job measures the pruned model.
fn awaited(state: &State) -> bool {
    state.jobs.queue.iter().any(|job| job.kind.measures_perplexity())
}

fn find(places: &[Place<Key>], at: usize) -> Option<&Place<Key>> {
    let key = [Key::Name, Key::Before, Key::After, Key::Change, Key::Divergence, Key::How, Key::Error][at];
    places.iter().find(|place| place.key == key)
}
