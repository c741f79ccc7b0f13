//! The table of compared sessions: one row per session with its settings and results, the open one first.

use ratatui::layout::Rect;

use super::{role, row_in};
use crate::{
    explorer::{
        Compared, Pointed, Quantity,
        screens::compare::SESSIONS,
        session_letter,
        view::{
            Canvas, Role, text,
            widgets::{Column, Place, Side, lay_out, width},
        },
    },
    words::{change, clock, measure, parameters, ratio},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Name,
    Ratio,
    Plan,
    Parameters,
    Change,
    Perplexity,
    Attention,
    Mlp,
    Model,
    Calibration,
    Method,
    Seconds,
}

/// Columns before a name: the cursor, the letter, the mark of the open session.
const MARKS: u16 = 5;
/// Width of the name column: minimum and maximum.
const NAME: (u16, u16) = (20, 44);
/// Width of the other columns of every window except the ratio, including the blanks between them.
const OTHERS: u16 = 8 + 16 + 9 + 9 + 5;

/// Row of the smallest value in each compared column; None on a tie or if there is only one value.
#[derive(Clone, Copy)]
struct Smallest {
    perplexity: Option<usize>,
    attention: Option<usize>,
    mlp: Option<usize>,
}

/// Data that the cells of all rows share.
struct Beside<'c> {
    /// Evaluation of the first perplexity.
    measured: Option<(&'c str, usize, bool)>,
    smallest: Smallest,
    /// The row under the cursor.
    chosen: usize,
}

/// Rows of the panel.
pub fn rows(compared: &[Compared]) -> u16 {
    compared.len() as u16 + 3
}

pub fn draw(view: &mut Canvas<'_>, area: Rect, compared: &[Compared]) {
    let measured = compared.iter().find_map(Compared::evaluation);
    let note = measured.map_or(String::new(), |(text, length, _)| {
        format!("perplexity on {text}, L {length}; * the smallest")
    });
    let inner = view.panel(&SESSIONS, area, "Sessions", &note);
    let beside = Beside { measured, smallest: smallest(compared), chosen: row_in(compared, view) };
    let places = lay_out(columns(compared, inner.width), inner.width);
    let row = |down: usize| Rect { y: inner.y + down as u16, height: 1, ..inner }.intersection(inner);
    for place in &places {
        let head = if place.key == Key::Name { "     session" } else { place.head };
        place.write(view.buffer, row(0), head, view.theme.style(Role::Title));
    }
    // The row under the cursor stays visible.
    let visible = usize::from(inner.height.saturating_sub(1));
    let first = (beside.chosen + 1).saturating_sub(visible);
    for (down, (at, session)) in compared.iter().enumerate().skip(first).take(visible).enumerate() {
        let line = row(down + 1);
        for place in &places {
            let (text, role) = cell(view, place, session, at, &beside);
            place.write(view.buffer, line, &text, view.theme.style(role));
        }
        if at == beside.chosen && view.is_focused(&SESSIONS) {
            view.buffer.set_style(line, view.theme.style(Role::Selected));
        }
        view.hits.add(line, Pointed::Row { panel: &SESSIONS, row: at });
    }
}

fn columns(compared: &[Compared], room: u16) -> Vec<Column<Key>> {
    let column = |key, head, width, side, rank| Column { key, head, width, side, rank };
    let widest = |text: fn(&Compared) -> &str| compared.iter().map(|of| width(text(of))).max().unwrap_or(0);
    let name = (widest(|of| &of.name).min(NAME.1) + MARKS).clamp(NAME.0, NAME.1);
    let ratios = compared.iter().filter_map(|of| of.ratio.map(|mean| width(&ratio(mean)))).max();
    let ratios = ratios.unwrap_or(0).clamp(6, 9);
    let name = name.min(room.saturating_sub(OTHERS + ratios)).max(NAME.0);
    vec![
        column(Key::Name, "", name, Side::Left, 0),
        column(Key::Ratio, "ratio", ratios, Side::Right, 1),
        column(Key::Plan, "schedule", widest(|of| &of.plan).clamp(8, 15), Side::Left, 6),
        column(Key::Parameters, "parameters", 17, Side::Right, 5),
        column(Key::Change, "change", 8, Side::Right, 1),
        column(Key::Perplexity, "perplexity ", 16, Side::Right, 0),
        column(Key::Attention, "attn ", 9, Side::Right, 2),
        column(Key::Mlp, "mlp ", 9, Side::Right, 2),
        column(Key::Model, "model", widest(|of| &of.model).clamp(6, 18), Side::Left, 10),
        column(Key::Calibration, "calibration", 18, Side::Left, 7),
        column(Key::Method, "method", widest(|of| &of.method).clamp(8, 44), Side::Left, 8),
        column(Key::Seconds, "time", 8, Side::Right, 9),
    ]
}

fn cell(
    view: &Canvas<'_>,
    place: &Place<Key>,
    session: &Compared,
    at: usize,
    Beside { measured, smallest, chosen }: &Beside<'_>,
) -> (String, Role) {
    let glyphs = view.theme.glyphs;
    let told = |text: Option<String>, role| text.map_or(("–".into(), Role::Faint), |text| (text, role));
    let (before, after) = session.parameters;
    let mean = |quantity: Quantity, smallest: Option<usize>| {
        told(
            session.mean(quantity).map(|mean| starred(view.relative(mean), smallest == Some(at))),
            Role::Text,
        )
    };
    match place.key {
        Key::Name => {
            let cursor = if at == *chosen { glyphs.cursor() } else { " " };
            let open = if session.is_open() { glyphs.active() } else { " " };
            // Long names lose their start, because the time at their end distinguishes sessions of one model.
            let name = text::fit_end(&session.name, usize::from(place.width.saturating_sub(MARKS)));
            (format!("{cursor} {}{open} {name}", session_letter(session.place)), role(session))
        }
        Key::Ratio => told(session.ratio.map(ratio), Role::Text),
        Key::Plan => (session.plan.clone(), Role::Muted),
        Key::Parameters => {
            let words = format!("{} {} {}", parameters(before), glyphs.arrow(), parameters(after));
            told((before > 0).then_some(words), Role::Text)
        }
        Key::Change => told((before > 0).then(|| change(before as f64, after as f64)), Role::Text),
        Key::Perplexity => {
            let words = session.perplexity.as_ref().map(|record| {
                let after = record.after.map_or("–".into(), measure);
                let words = format!("{} {} {after}", measure(record.before), glyphs.arrow());
                starred(words, smallest.perplexity == Some(at))
            });
            match session.evaluation() == *measured {
                true => told(words, Role::Text),
                false => told(words.map(|words| format!("! {words}")), Role::Warning),
            }
        }
        Key::Attention => mean(Quantity::AttentionError, smallest.attention),
        Key::Mlp => mean(Quantity::MlpError, smallest.mlp),
        Key::Model => (session.model.clone(), Role::Muted),
        Key::Calibration => {
            let record = session.calibration.as_ref();
            let words = record.map(|of| format!("{} × {}, seed {}", of.samples, of.seq_len, of.seed));
            told(words, Role::Muted)
        }
        Key::Method => (session.method.clone(), Role::Muted),
        Key::Seconds => told(session.seconds.map(clock), Role::Muted),
    }
}

/// A blank in place of a star keeps the column aligned.
fn starred(text: String, star: bool) -> String {
    text + if star { "*" } else { " " }
}

fn smallest(compared: &[Compared]) -> Smallest {
    let of = |value: &dyn Fn(&Compared) -> Option<f64>| {
        let known = || compared.iter().enumerate().filter_map(|(at, of)| Some((at, value(of)?)));
        let (at, least) = known().filter(|(_, value)| !value.is_nan()).min_by(|a, b| a.1.total_cmp(&b.1))?;
        let alone = known().count() > 1 && known().filter(|&(_, value)| value <= least).count() == 1;
        alone.then_some(at)
    };
    let alike = compared.iter().filter_map(Compared::evaluation).collect::<Vec<_>>();
    let alike = alike.windows(2).all(|two| two[0] == two[1]);
    Smallest {
        perplexity: of(&|session| session.perplexity.as_ref()?.after.filter(|_| alike)),
        attention: of(&|session| session.mean(Quantity::AttentionError)),
        mlp: of(&|session| session.mean(Quantity::MlpError)),
    }
}
