//! Shows one session: its settings, layers and results, and how to continue it.

use std::path::Path;

use serde::Serialize;

use super::{
    super::{
        Output,
        columns::{
            Columns,
            Side::{Left, Right},
        },
        print_json, print_text, table,
    },
    settings,
};
use crate::{
    config::{Options, Settings},
    engine::Error,
    protocol::{SessionContent, SessionStatus, SessionSummary},
    session::{self, AttemptEntry, PartEntry, State},
    words::{
        AttentionUnits, ago, bytes, duration, fewer, is_empty, kept, or_dash, ratio, relative_error,
        session_argument, session_status,
    },
};

#[derive(Serialize)]
struct Shown<'s> {
    #[serde(flatten)]
    summary: &'s SessionSummary,
    /// All attempts of every layer.
    attempts: Vec<&'s [AttemptEntry]>,
}

/// Prints a session. `root` is the directory of the user's sessions.
///
/// # Errors
/// If the session cannot be read or stdout cannot be written.
pub fn show(root: Option<&Path>, dir: &Path, output: Output) -> Result<(), Error> {
    let state = session::look(dir)?;
    let summary = session::summary(dir);
    match output {
        Output::Json => {
            let attempts = state.layers.iter().map(|layer| &*layer.attempts).collect();
            print_json(&Shown { summary: &summary, attempts })
        }
        Output::Text => print_text(&text(root, &summary, &state)),
    }
}

fn text(root: Option<&Path>, session: &SessionSummary, state: &State) -> String {
    let mut text = format!("Session {}\n  {}\n", session.name, session.path.display());
    if let Some(content) = &session.content {
        text += &facts(session, content);
        text += &format!("\n{}", layers(content));
        text += &attempts(state, content);
        text += &results(content);
    }
    let argument = session_argument(root, &session.path);
    text += &match &session.status {
        SessionStatus::Finished if is_empty(session) => "\nIt has no run yet.\n".into(),
        SessionStatus::Finished => {
            format!("\nSolve a layer again with: slimgpt retry {argument} --layer N --ratio R\n")
        }
        SessionStatus::Unfinished { .. } => format!("\nContinue with: slimgpt resume {argument}\n"),
        SessionStatus::InUse { .. } => String::new(),
        SessionStatus::Damaged { why } => format!("\n{why}\n"),
    };
    text
}

fn facts(session: &SessionSummary, content: &SessionContent) -> String {
    let (now, model) = (super::now(), &content.model);
    let (before, after) = (model.parameters_before, model.parameters_after);
    let mut text = format!(
        "  {}; created {}, changed {}; computing time {}; {}\n\n\
         Model: {}, {}, {} layers; parameters {before} → {after} ({} fewer)\n",
        session_status(session),
        ago(now, content.created),
        ago(now, content.changed),
        duration(content.seconds),
        bytes(session.bytes),
        model.name,
        model.family,
        model.layers,
        fewer(before, after),
    );
    if let Some(record) = &content.calibration {
        text += &format!(
            "Calibration: {} windows of {} tokens from {}, seed {}\n",
            record.samples,
            record.seq_len,
            record.files.join(", "),
            record.seed
        );
    }
    text + &format!("Settings other than the defaults: {}\n", other_settings(content))
}

/// Settings that differ from the defaults and are not part of the calibration line.
fn other_settings(content: &SessionContent) -> String {
    let defaults =
        Settings::new(Options::default()).map(|defaults| settings::values(&defaults)).unwrap_or_default();
    let shown_above = ["calibration", "samples", "seq_len", "seed"];
    let all_layers = ("layers".to_string(), format!("\"0..{}\"", content.model.layers));
    let other: Vec<String> = settings::values(&content.settings)
        .into_iter()
        .filter(|setting| !defaults.contains(setting) && *setting != all_layers)
        .filter(|(key, _)| !shown_above.contains(&key.as_str()))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if other.is_empty() { "none".into() } else { other.join(", ") }
}

fn layers(content: &SessionContent) -> String {
    let units = AttentionUnits::of_session(content);
    let mut columns = Columns::new([
        ("layer", Right),
        ("attempts", Right),
        ("active", Right),
        ("ratio", Right),
        (units.names().1, Right),
        ("channels", Right),
        ("attn error", Right),
        ("mlp error", Right),
        ("output error", Right),
        ("", Left),
    ]);
    for (index, layer) in content.layers.iter().enumerate() {
        let active = layer.active.as_ref();
        columns.row([
            index.to_string(),
            layer.attempts.to_string(),
            or_dash(active, |attempt| attempt.number.to_string()),
            or_dash(active, |attempt| ratio(attempt.ratio)),
            or_dash(active, |attempt| units.kept(&attempt.attention)),
            or_dash(active, |attempt| kept(&attempt.mlp)),
            or_dash(active, |attempt| relative_error(attempt.attention.relative_error)),
            or_dash(active, |attempt| relative_error(attempt.mlp.relative_error)),
            or_dash(active.and_then(|attempt| attempt.output_error), relative_error),
            if layer.stale { "stale" } else { "" }.into(),
        ]);
    }
    columns.to_string()
}

/// The attempts of layers that have several attempts, or one that is not active.
fn attempts(state: &State, content: &SessionContent) -> String {
    let (summaries, setting) = (&content.layers, content.settings.objective.attention_unit);
    let active = state.active();
    let mut text = String::new();
    for (index, (layer, summary)) in state.layers.iter().zip(summaries).enumerate() {
        if layer.attempts.is_empty() || layer.attempts.len() == 1 && layer.active.is_some() {
            continue;
        }
        let mut columns = table::attempts();
        let attention = layer.attempts.iter().map(|entry| entry.attention.as_ref());
        let units =
            AttentionUnits::of(attention.map(|part| part.and_then(|part| part.summary.unit)), setting);
        for entry in &layer.attempts {
            let part = |part: Option<&PartEntry>| part.map(|part| part.summary);
            let (attention, mlp) = (part(entry.attention.as_ref()), part(entry.mlp.as_ref()));
            let status = match layer.active == Some(entry.attempt.number) {
                true if summary.stale => "active, stale",
                true => "active",
                false if !entry.complete => "incomplete",
                false if entry.attempt.is_stale(active.iter().copied(), None, |_| None) => "stale",
                false => "",
            };
            let results = (attention, mlp, entry.output_error);
            columns.row(table::attempt(&entry.attempt, units, results, status));
        }
        text += &format!("\nAttempts at layer {index}:\n{columns}");
    }
    text
}

fn results(content: &SessionContent) -> String {
    let measured = [(&content.perplexity, "Perplexity"), (&content.guard, "Guard")];
    let measured =
        measured.map(|(record, name)| record.as_ref().map(|record| table::perplexity(name, record)));
    let perplexity: String = measured.into_iter().flatten().collect();
    match &content.output {
        Some(path) => format!("\n{perplexity}Written to {}\n", path.display()),
        None => format!("\n{perplexity}Not exported yet\n"),
    }
}
