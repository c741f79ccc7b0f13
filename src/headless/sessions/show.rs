//! One session: what it was made with, what came of it, and how to go on.

use std::path::Path;

use serde::Serialize;

use super::super::{
    Output,
    columns::{Columns, Side},
    print_json, print_text, table,
    words::{self, ago, argument, error, kept, now, or_dash, perplexity},
};
use crate::{
    config::{ByteSize, Options, Settings},
    engine::Error,
    protocol::{LayerSummary, SessionContent, SessionStatus, SessionSummary},
    prune::AttentionUnit,
    session::{self, AttemptEntry, State},
};

#[derive(Serialize)]
struct Shown<'s> {
    #[serde(flatten)]
    summary: &'s SessionSummary,
    /// All of every layer.
    attempts: Vec<&'s [AttemptEntry]>,
}

/// Prints a session. One that cannot be read is an error.
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
        text += &attempts(state, &content.layers);
        text += &outcome(content);
    }
    let name = argument(root, &session.path);
    text += &match &session.status {
        SessionStatus::Finished if words::is_empty(session) => "\nNothing was run in it yet\n".into(),
        SessionStatus::Finished => format!("\nAnother attempt: slimgpt retry {name} --layer N --ratio R\n"),
        SessionStatus::Unfinished { .. } => format!("\nGo on: slimgpt resume {name}\n"),
        SessionStatus::InUse { .. } => String::new(),
        SessionStatus::Damaged { why } => format!("\n{why}\n"),
    };
    text
}

fn facts(session: &SessionSummary, content: &SessionContent) -> String {
    let (now, model) = (now(), &content.model);
    let (before, after) = (model.parameters_before, model.parameters_after);
    let mut text = format!(
        "  {}; made {}, changed {}; {:.1} s at work; {}\n\n\
         Model: {}, {}, {} layers; parameters {before} → {after} ({:.1} % fewer)\n",
        words::status(session),
        ago(now, content.created),
        ago(now, content.changed),
        content.seconds,
        ByteSize(session.bytes),
        model.name,
        model.family,
        model.layers,
        100.0 * (1.0 - after as f64 / before as f64),
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
    let usual = Settings::new(Options::default()).map(|usual| words::settings(&usual)).unwrap_or_default();
    let told_already = ["calibration", "samples", "seq_len", "seed"];
    let all_layers = ("layers".to_string(), format!("\"0..{}\"", model.layers));
    let other: Vec<String> = words::settings(&content.settings)
        .into_iter()
        .filter(|setting| !usual.contains(setting) && *setting != all_layers)
        .filter(|(key, _)| !told_already.contains(&key.as_str()))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    let other = if other.is_empty() { "none".into() } else { other.join(", ") };
    text + &format!("Settings other than the defaults: {other}\n")
}

fn layers(content: &SessionContent) -> String {
    let unit = match content.settings.attention_unit {
        AttentionUnit::KvGroup => "KV groups",
        AttentionUnit::QueryHead => "heads",
    };
    let active = || content.layers.iter().map(|layer| layer.active.as_ref());
    let mut columns = Columns::new([
        ("layer", Side::Right),
        ("attempts", Side::Right),
        ("active", Side::Right),
        ("ratio", Side::Right),
        (unit, Side::Right),
        ("channels", Side::Right),
        ("attn error", Side::Right),
        ("mlp error", Side::Right),
        ("output error", Side::Right),
        ("", Side::Left),
    ]);
    for (index, (layer, attempt)) in content.layers.iter().zip(active()).enumerate() {
        columns.row([
            index.to_string(),
            layer.attempts.to_string(),
            or_dash(attempt, |attempt| attempt.number.to_string()),
            or_dash(attempt, |attempt| format!("{:.4}", attempt.ratio)),
            or_dash(attempt, |attempt| kept(&attempt.attention)),
            or_dash(attempt, |attempt| kept(&attempt.mlp)),
            or_dash(attempt, |attempt| error(attempt.attention.relative_error)),
            or_dash(attempt, |attempt| error(attempt.mlp.relative_error)),
            or_dash(attempt.and_then(|attempt| attempt.output_error), error),
            if layer.stale { "stale" } else { "" }.into(),
        ]);
    }
    columns.to_string()
}

/// Of layers that were tried more than once, or that none of their attempts is active of.
fn attempts(state: &State, summaries: &[LayerSummary]) -> String {
    let active = state.active();
    let mut text = String::new();
    for (index, (layer, summary)) in state.layers.iter().zip(summaries).enumerate() {
        if layer.attempts.is_empty() || layer.attempts.len() == 1 && layer.active.is_some() {
            continue;
        }
        let mut columns = table::attempts();
        for entry in &layer.attempts {
            let part = |part: Option<&session::PartEntry>| part.map(|part| part.summary);
            let (attention, mlp) = (part(entry.attention.as_ref()), part(entry.mlp.as_ref()));
            let status = match layer.active == Some(entry.attempt.number) {
                true if summary.stale => "active, stale",
                true => "active",
                false if !entry.complete => "broken off",
                false if !entry.attempt.holds(&active, None) => "stale",
                false => "",
            };
            let parts = (attention, mlp, entry.output_error);
            columns.row(table::attempt(&entry.attempt, parts, status));
        }
        text += &format!("\nAttempts at layer {index}:\n{columns}");
    }
    text
}

fn outcome(content: &SessionContent) -> String {
    let mut text = String::from("\n");
    if let Some(record) = &content.perplexity {
        let bos = if record.bos { "with" } else { "without" };
        text += &format!(
            "Perplexity: {} on {} ({} tokens in windows of {}, {bos} BOS)\n",
            perplexity(Some(record)),
            record.text,
            record.tokens,
            record.seq_len
        );
    }
    match &content.output {
        Some(path) => text += &format!("Written to {}\n", path.display()),
        None => text += "Not written yet\n",
    }
    text
}
