//! Details of the session under the cursor: its settings and its results.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::status;
use crate::{
    config::{Settings, Span as RatioSpan},
    explorer::{
        State,
        view::{Role, Theme, text, widgets::sparkline},
    },
    protocol::{LayerSummary, PartSummary, SessionContent, SessionStatus, SessionSummary},
    prune::Part,
    words::{ago, change, clock, error, measure, parameters, plural, ratio},
};

/// Rows of the details if they are below the table.
pub const ROWS: u16 = 10;
/// Columns of the labels.
const LABEL: usize = 12;
/// Columns of the numbers after a curve.
const NUMBERS: usize = 19;

/// A line with its rank: if there is no room, the highest rank is dropped first.
type Ranked = (u8, Line<'static>);

/// The most important lines that fit.
pub fn lines(
    state: &State,
    session: &SessionSummary,
    now: u64,
    theme: &Theme,
    area: Rect,
) -> Vec<Line<'static>> {
    let page = Page { theme, columns: usize::from(area.width) };
    let mut lines = page.heading(state, session);
    if let SessionStatus::Damaged { why } = &session.status {
        lines.extend(page.wrapped(why, Role::Error).map(|line| (0, line)));
    }
    if let Some(content) = &session.content {
        lines.extend(page.content(content, now));
    }
    while lines.len() > usize::from(area.height) {
        let Some(at) = (0..lines.len()).rev().max_by_key(|&at| lines[at].0) else { break };
        lines.remove(at);
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

struct Page<'t> {
    theme: &'t Theme,
    columns: usize,
}

impl Page<'_> {
    fn span(&self, text: impl Into<String>, role: Role) -> Span<'static> {
        Span::styled(text.into(), self.theme.style(role))
    }

    fn wrapped(&self, words: &str, role: Role) -> impl Iterator<Item = Line<'static>> + use<> {
        let style = self.theme.style(role);
        text::wrap(words, self.columns).into_iter().map(move |line| Line::styled(line, style))
    }

    /// A label and its value in one or two lines; the second line is dropped first.
    fn fact(&self, rank: u8, label: &str, value: &str) -> Vec<Ranked> {
        let room = self.columns.saturating_sub(LABEL);
        let lines = text::wrap_at_most(value, room, 2).into_iter().zip([(rank, label), (rank.max(6), "")]);
        let told = |(value, (rank, label)): (String, (u8, &str))| {
            let label = self.span(text::pad(label, LABEL), Role::Muted);
            (rank, Line::from(vec![label, self.span(value, Role::Text)]))
        };
        lines.map(told).collect()
    }

    fn heading(&self, state: &State, session: &SessionSummary) -> Vec<Ranked> {
        let words = status::words(state, session, self.theme);
        let path = text::fit_end(&session.path.to_string_lossy(), self.columns);
        let title = crate::words::session_title(session);
        let name = match title == session.name {
            true => text::fit_end(title, self.columns),
            false => text::fit(&format!("{title} ({})", session.name), self.columns),
        };
        vec![
            (9, Line::from(self.span(name, Role::Title))),
            (5, Line::from(self.span(path, Role::Muted))),
            (8, Line::from(self.span(format!("{} {}", words.sign, words.text), words.role))),
        ]
    }

    fn content(&self, content: &SessionContent, now: u64) -> Vec<Ranked> {
        let arrow = self.theme.glyphs.arrow();
        let model = &content.model;
        let (before, after) = (model.parameters_before, model.parameters_after);
        let times = format!(
            "{}, created {}, computing time {}",
            ago(now, content.changed),
            ago(now, content.created),
            clock(content.seconds)
        );
        let sizes = format!(
            "{} {arrow} {} ({})",
            parameters(before),
            parameters(after),
            change(before as f64, after as f64)
        );
        let named = format!("{}, {}, {} layers", model.name, model.family, model.layers);
        let mut lines = Vec::new();
        if !content.label.note.is_empty() {
            lines.extend(self.fact(3, "note", &content.label.note));
        }
        lines.extend(self.fact(4, "changed", &times));
        lines.push((7, Line::default()));
        lines.extend(self.fact(4, "model", &named));
        lines.extend(self.fact(2, "parameters", &sizes));
        for (name, rank, record) in [("perplexity", 2, &content.perplexity), ("guard", 4, &content.guard)] {
            let Some(record) = record else { continue };
            let after = record.after.map_or(String::new(), |after| {
                format!(" {arrow} {} ({})", measure(after), change(record.before, after))
            });
            let told = format!("{}{after} on {}, L {}", measure(record.before), record.text, record.seq_len);
            lines.extend(self.fact(rank, name, &told));
        }
        if let Some(record) = &content.calibration {
            let told = format!(
                "{} × {} tokens of {}, seed {}",
                record.samples,
                record.seq_len,
                record.files.join(", "),
                record.seed
            );
            lines.extend(self.fact(3, "calibration", &told));
        }
        lines.extend(self.fact(3, "method", &method(&content.settings)));
        lines.extend(self.fact(6, "planned", &aim(&content.settings)));
        lines.push((7, Line::default()));
        lines.extend(self.curves(&content.layers));
        if let Some(path) = &content.output {
            let room = self.columns.saturating_sub(LABEL);
            lines.extend(self.fact(5, "written to", &text::fit_end(&path.to_string_lossy(), room)));
        }
        lines
    }

    /// Ratio and errors of every layer that has an active attempt.
    fn curves(&self, layers: &[LayerSummary]) -> Vec<Ranked> {
        let active = || layers.iter().map(|layer| layer.active.as_ref());
        let attempts: usize = layers.iter().map(|layer| layer.attempts).sum();
        let solved = active().flatten().count();
        let told = format!("{} in {}, {solved} active", attempts, plural(layers.len(), "layer", "layers"));
        let part = |part: &PartSummary| Some(part.relative_error).filter(|_| part.kept < part.units);
        let ratios = |part: Part| -> Vec<Option<f64>> {
            active().map(|attempt| Some(attempt?.ratio.of(part))).collect()
        };
        let (heads, channels) = (ratios(Part::Attention), ratios(Part::Mlp));
        let words = ratio::<f64> as fn(f64) -> String;
        let ratios = match heads == channels {
            true => vec![("ratios", heads, words, Role::Planned)],
            false => vec![("heads", heads, words, Role::Attention), ("channels", channels, words, Role::Mlp)],
        };
        let attention: Vec<Option<f64>> = active().map(|attempt| part(&attempt?.attention)).collect();
        let mlp: Vec<Option<f64>> = active().map(|attempt| part(&attempt?.mlp)).collect();
        let outputs: Vec<Option<f64>> = active().map(|attempt| attempt?.output_error).collect();
        let curves = [
            ("attention", attention, error as fn(f64) -> String, Role::Attention),
            ("mlp", mlp, error, Role::Mlp),
            ("output", outputs, error, Role::Pruned),
        ];
        let drawn = ratios
            .into_iter()
            .chain(curves)
            .filter_map(|(label, values, words, role)| Some((1, self.curve(label, &values, words, role)?)));
        self.fact(6, "attempts", &told).into_iter().chain(drawn).collect()
    }

    /// A curve in one row with its smallest and largest value; None if there are no values.
    fn curve(
        &self,
        label: &str,
        values: &[Option<f64>],
        words: fn(f64) -> String,
        role: Role,
    ) -> Option<Line<'static>> {
        let known = || values.iter().flatten().copied().filter(|value| value.is_finite());
        let (least, most) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
        let room = self.columns.saturating_sub(LABEL + NUMBERS);
        let drawn = sparkline(values, most, room, self.theme.glyphs);
        let range = if least == most { words(most) } else { format!("{} – {}", words(least), words(most)) };
        Some(Line::from(vec![
            self.span(text::pad(label, LABEL), Role::Muted),
            self.span(text::pad(&drawn, values.len().min(room) + 2), role),
            self.span(range, Role::Text),
        ]))
    }
}

/// A summary of the method in a few words.
fn method(settings: &Settings) -> String {
    let parts: Vec<String> = settings.ratios.parts.iter().map(ToString::to_string).collect();
    let by = match settings.solver.score {
        baseline if baseline.is_baseline() => format!("by {baseline}"),
        _ => format!("groups {}", settings.solver.group_size),
    };
    let compensation = if settings.solver.compensation { "" } else { ", not compensated" };
    format!("{}, {by}, damping {}{compensation}", parts.join(" and "), settings.solver.damping)
}

/// A summary of how the ratios were planned.
fn aim(settings: &Settings) -> String {
    let span = match settings.span() {
        RatioSpan::Mean(mean) => format!("mean {mean}"),
        RatioSpan::Ends { first, last } => format!("{first} to {last}"),
    };
    match &settings.ratios.schedule {
        crate::prune::Schedule::Custom(_) => "ratios by hand".into(),
        named => format!("{named} ratios, {span}"),
    }
}
