//! Compares two sessions side by side. A star marks the smaller error and the smaller perplexity.

use std::path::Path;

use serde::Serialize;

use super::{
    super::{
        Output,
        columns::{
            Columns,
            Side::{Left, Right},
        },
        print_json, print_text,
    },
    settings::{Difference, differences},
};
use crate::{
    engine::Error,
    protocol::{AttemptSummary, SessionContent, SessionSummary},
    session,
    words::{
        duration, fewer, kept, or_dash, perplexities, perplexity, ratio, relative_error, session_status,
    },
};

#[derive(Serialize)]
struct Comparison<'s> {
    a: &'s SessionSummary,
    b: &'s SessionSummary,
    /// Settings whose values differ.
    settings: Vec<Difference>,
}

/// Prints two sessions side by side.
///
/// # Errors
/// If a session cannot be read or stdout cannot be written.
pub fn compare(a: &Path, b: &Path, output: Output) -> Result<(), Error> {
    // A damaged session is opened for its error, which a summary does not contain.
    for dir in [a, b] {
        session::look(dir)?;
    }
    let (a, b) = (session::summary(a), session::summary(b));
    let settings = match (&a.content, &b.content) {
        (Some(a), Some(b)) => differences(&a.settings, &b.settings),
        (None, _) | (_, None) => Vec::new(),
    };
    match output {
        Output::Json => print_json(&Comparison { a: &a, b: &b, settings }),
        Output::Text => print_text(&text(&a, &b, settings)),
    }
}

fn text(a: &SessionSummary, b: &SessionSummary, settings: Vec<Difference>) -> String {
    let mut columns = Columns::new([("", Left), (&a.name, Left), (&b.name, Left)]);
    let mut pair = |label: &str, a: String, b: String| columns.row([label.into(), a, b]);
    pair("status", session_status(a), session_status(b));
    let (Some(a), Some(b)) = (&a.content, &b.content) else { return columns.to_string() };
    pair("model", a.model.name.clone(), b.model.name.clone());
    for Difference { key, a, b } in settings {
        pair(&key, or_dash(a, |a| a), or_dash(b, |b| b));
    }
    let parameters = |of: &SessionContent| {
        let (before, after) = (of.model.parameters_before, of.model.parameters_after);
        format!("{after} ({} fewer)", fewer(before, after))
    };
    pair("parameters", parameters(a), parameters(b));
    let before = |of: &SessionContent| {
        or_dash(of.perplexity.as_ref(), |record| format!("{} on {}", perplexity(record.before), record.text))
    };
    pair("perplexity before", before(a), before(b));
    // Perplexities on different texts cannot be ranked.
    let evaluation = |of: &SessionContent| {
        of.perplexity.as_ref().map(|of| (of.text.clone(), of.seq_len, of.bos, of.tokens))
    };
    let after = |of: &SessionContent| of.perplexity.as_ref().and_then(|record| record.after);
    let [after_a, after_b] = match evaluation(a) == evaluation(b) {
        true => marked([after(a), after(b)], perplexity),
        false => [after(a), after(b)].map(|value| or_dash(value, perplexity)),
    };
    pair("perplexity after", after_a, after_b);
    let guard = |of: &SessionContent| {
        or_dash(of.guard.as_ref(), |record| format!("{} on {}", perplexities(record), record.text))
    };
    if a.guard.is_some() || b.guard.is_some() {
        pair("guard", guard(a), guard(b));
    }
    pair("time", duration(a.seconds), duration(b.seconds));
    format!("{columns}\n{}* the smaller value\n", layers(a, b))
}

/// One row per layer, with the values of both sessions next to each other.
fn layers(a: &SessionContent, b: &SessionContent) -> String {
    let mut columns = Columns::new([("layer", Right)]);
    for name in ["ratio", "attention", "channels", "attn error", "mlp error", "output error"] {
        columns.add(name, Right);
        columns.add("", Left);
    }
    columns.add("", Left);
    for index in 0..a.layers.len().max(b.layers.len()) {
        let attempt = |of: &SessionContent| of.layers.get(index).and_then(|layer| layer.active.clone());
        let both = [attempt(a), attempt(b)];
        let each = |value: &dyn Fn(&AttemptSummary) -> String| {
            both.each_ref().map(|attempt| or_dash(attempt.as_ref(), value))
        };
        let errors = |value: &dyn Fn(&AttemptSummary) -> Option<f64>| {
            marked(both.each_ref().map(|attempt| attempt.as_ref().and_then(value)), relative_error)
        };
        let quantities = [
            each(&|attempt| ratio(attempt.ratio)),
            each(&|attempt| kept(&attempt.attention)),
            each(&|attempt| kept(&attempt.mlp)),
            errors(&|attempt| Some(attempt.attention.relative_error)),
            errors(&|attempt| Some(attempt.mlp.relative_error)),
            errors(&|attempt| attempt.output_error),
        ];
        let stale = |of: &SessionContent| of.layers.get(index).is_some_and(|layer| layer.stale);
        let stale = match (stale(a), stale(b)) {
            (true, true) => "both stale",
            (true, false) => "left stale",
            (false, true) => "right stale",
            (false, false) => "",
        };
        let cells = [index.to_string()].into_iter().chain(quantities.into_iter().flatten());
        columns.row(cells.chain([stale.into()]));
    }
    columns.to_string()
}

/// Both values as text, with a star after the smaller one.
fn marked(values: [Option<f64>; 2], text: impl Fn(f64) -> String) -> [String; 2] {
    let [a, b] = values;
    let mark = |value: Option<f64>, other: Option<f64>| match (value, other) {
        (Some(value), Some(other)) if value < other => "*",
        (Some(_), Some(_)) => " ",
        (None, _) | (_, None) => "",
    };
    [or_dash(a, &text) + mark(a, b), or_dash(b, &text) + mark(b, a)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_smaller_of_two_values_is_marked() {
        let text = |value: f64| value.to_string();
        assert_eq!(marked([Some(1.0), Some(2.0)], text), ["1*", "2 "]);
        assert_eq!(marked([Some(2.0), Some(2.0)], text), ["2 ", "2 "]);
        assert_eq!(marked([Some(f64::NAN), Some(2.0)], text), ["NaN ", "2 "]);
        assert_eq!(marked([None, Some(2.0)], text), ["-", "2"]);
    }
}
