//! Two sessions side by side. The smaller error and the smaller perplexity are marked with a star.

use std::path::Path;

use serde::Serialize;

use super::super::{
    Output,
    columns::{Columns, Side},
    print_json, print_text,
    words::{self, error, kept, or_dash},
};
use crate::{
    engine::Error,
    protocol::{AttemptSummary, SessionContent, SessionSummary},
    session,
};

#[derive(Serialize)]
struct Compared<'s> {
    a: &'s SessionSummary,
    b: &'s SessionSummary,
    /// Those that differ.
    settings: Vec<Difference>,
}

/// A setting that the two do not share.
#[derive(Serialize)]
struct Difference {
    key: String,
    a: Option<String>,
    b: Option<String>,
}

/// Prints two sessions. One that cannot be read is an error.
pub fn compare(a: &Path, b: &Path, output: Output) -> Result<(), Error> {
    // What is damaged is told as it is.
    for dir in [a, b] {
        session::look(dir)?;
    }
    let (a, b) = (session::summary(a), session::summary(b));
    let settings = match (&a.content, &b.content) {
        (Some(a), Some(b)) => differences(a, b),
        (None, _) | (_, None) => Vec::new(),
    };
    match output {
        Output::Json => print_json(&Compared { a: &a, b: &b, settings }),
        Output::Text => print_text(&text(&a, &b, settings)),
    }
}

fn differences(a: &SessionContent, b: &SessionContent) -> Vec<Difference> {
    let (a, b) = (words::settings(&a.settings), words::settings(&b.settings));
    let value = |settings: &[(String, String)], key: &str| {
        settings.iter().find(|(other, _)| other == key).map(|(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = a.iter().map(|(key, _)| key).collect();
    keys.extend(b.iter().map(|(key, _)| key).filter(|key| value(&a, key).is_none()));
    let difference = |key: &String| Difference { key: key.clone(), a: value(&a, key), b: value(&b, key) };
    keys.into_iter().map(difference).filter(|difference| difference.a != difference.b).collect()
}

fn text(a: &SessionSummary, b: &SessionSummary, settings: Vec<Difference>) -> String {
    let mut columns = Columns::new([("", Side::Left), (&a.name, Side::Left), (&b.name, Side::Left)]);
    let mut pair = |label: &str, a: String, b: String| columns.row([label.into(), a, b]);
    pair("state", words::status(a), words::status(b));
    let (Some(a), Some(b)) = (&a.content, &b.content) else { return columns.to_string() };
    pair("model", a.model.name.clone(), b.model.name.clone());
    for Difference { key, a, b } in settings {
        pair(&key, or_dash(a, |a| a), or_dash(b, |b| b));
    }
    let parameters = |of: &SessionContent| {
        let (before, after) = (of.model.parameters_before, of.model.parameters_after);
        format!("{after} ({:.1} % fewer)", 100.0 * (1.0 - after as f64 / before as f64))
    };
    pair("parameters", parameters(a), parameters(b));
    let after = |of: &SessionContent| of.perplexity.as_ref().and_then(|record| record.after);
    let before = |of: &SessionContent| {
        or_dash(of.perplexity.as_ref(), |record| format!("{:.4} on {}", record.before, record.text))
    };
    pair("perplexity before", before(a), before(b));
    // Of two texts, neither perplexity is the better one.
    let evaluation = |of: &SessionContent| {
        of.perplexity.as_ref().map(|of| (of.text.clone(), of.seq_len, of.bos, of.tokens))
    };
    let four = |value: f64| format!("{value:.4}");
    let [after_a, after_b] = match evaluation(a) == evaluation(b) {
        true => marked([after(a), after(b)], four),
        false => [after(a), after(b)].map(|value| or_dash(value, four)),
    };
    pair("perplexity after", after_a, after_b);
    pair("seconds", format!("{:.1}", a.seconds), format!("{:.1}", b.seconds));
    format!("{columns}\n{}* the smaller one\n", layers(a, b))
}

/// A row a layer, both values of each quantity next to each other.
fn layers(a: &SessionContent, b: &SessionContent) -> String {
    let mut columns = Columns::new([
        ("layer", Side::Right),
        ("ratio", Side::Right),
        ("", Side::Left),
        ("attention", Side::Right),
        ("", Side::Left),
        ("channels", Side::Right),
        ("", Side::Left),
        ("attn error", Side::Right),
        ("", Side::Left),
        ("mlp error", Side::Right),
        ("", Side::Left),
        ("output error", Side::Right),
        ("", Side::Left),
        ("", Side::Left),
    ]);
    for index in 0..a.layers.len().max(b.layers.len()) {
        let attempt = |of: &SessionContent| of.layers.get(index).and_then(|layer| layer.active.clone());
        let both = [attempt(a), attempt(b)];
        let each = |value: &dyn Fn(&AttemptSummary) -> String| {
            both.each_ref().map(|attempt| or_dash(attempt.as_ref(), value))
        };
        let errors = |value: &dyn Fn(&AttemptSummary) -> Option<f64>| {
            marked(both.each_ref().map(|attempt| attempt.as_ref().and_then(value)), error)
        };
        let quantities = [
            each(&|attempt| format!("{:.4}", attempt.ratio)),
            each(&|attempt| kept(&attempt.attention)),
            each(&|attempt| kept(&attempt.mlp)),
            errors(&|attempt| Some(attempt.attention.relative_error)),
            errors(&|attempt| Some(attempt.mlp.relative_error)),
            errors(&|attempt| attempt.output_error),
        ];
        let stale = |of: &SessionContent| of.layers.get(index).is_some_and(|layer| layer.stale);
        let stale = match (stale(a), stale(b)) {
            (true, true) => "both stale",
            (true, false) => "the left one stale",
            (false, true) => "the right one stale",
            (false, false) => "",
        };
        let cells = [index.to_string()].into_iter().chain(quantities.into_iter().flatten());
        columns.row(cells.chain([stale.into()]));
    }
    columns.to_string()
}

/// Both values, the smaller one with a star where they differ.
fn marked(values: [Option<f64>; 2], text: impl Fn(f64) -> String) -> [String; 2] {
    let [a, b] = values;
    let smaller = |value: Option<f64>, other: Option<f64>| match (value, other) {
        (Some(value), Some(other)) if value < other => "*",
        (Some(_), Some(_)) => " ",
        (None, _) | (_, None) => "",
    };
    [or_dash(a, &text) + smaller(a, b), or_dash(b, &text) + smaller(b, a)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_two_is_marked_and_equal_ones_are_not() {
        let text = |value: f64| value.to_string();
        assert_eq!(marked([Some(1.0), Some(2.0)], text), ["1*", "2 "]);
        assert_eq!(marked([Some(2.0), Some(2.0)], text), ["2 ", "2 "]);
        assert_eq!(marked([Some(f64::NAN), Some(2.0)], text), ["NaN ", "2 "]);
        assert_eq!(marked([None, Some(2.0)], text), ["-", "2"]);
    }
}
