//! Measurements on a session: perplexity, error curve, output errors, and texts of both models.

use super::{Output, print_json, print_text, run};
use crate::{
    engine::{self, Error, Measure},
    protocol::{CurvePoint, Event, MeasuredToken, PerplexityRecord, Side},
    prune::{Part, StreamError, StreamErrors},
    words,
};

/// The results, as JSON.
#[derive(Default, serde::Serialize)]
struct Results {
    #[serde(skip_serializing_if = "Option::is_none")]
    perplexity: Option<PerplexityRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    curve: Option<Curve>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<OutputError>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<Text>,
}

#[derive(serde::Serialize)]
struct Curve {
    layer: usize,
    part: Part,
    units: usize,
    points: Vec<CurvePoint>,
}

/// The streams behind a layer.
#[derive(serde::Serialize)]
struct OutputError {
    /// The compared attempt; that of the layer if no attempts are compared.
    attempt: Option<usize>,
    layer: usize,
    relative_error: f64,
    #[serde(flatten)]
    output: StreamError,
}

impl OutputError {
    fn new(layer: usize, attempt: Option<usize>, errors: &StreamErrors) -> Self {
        Self { attempt, layer, relative_error: errors.mlp.relative(), output: errors.mlp }
    }
}

#[derive(serde::Serialize)]
struct Text {
    model: Side,
    text: String,
    tokens: Vec<MeasuredToken>,
}

/// Measures and prints: a sentence for a perplexity, a table of comma-separated values for a curve or output
/// errors, both texts, or
/// JSON.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn measure(job: Measure, output: Output) -> Result<(), Error> {
    let mut results = Results::default();
    let driven = run::drive_and_observe(move |control| engine::measure(job, control), None, &mut |event| {
        results.take(event)
    });
    driven.result?;
    match output {
        Output::Json => print_json(&results),
        Output::Text => print_text(&results.text()),
    }
}

impl Results {
    fn take(&mut self, event: &Event) {
        if let Event::PerplexityMeasured { record } = event {
            self.perplexity = Some(record.clone());
        }
        if let Event::ErrorCurve { layer, part, units, points } = event {
            self.curve = Some(Curve { layer: *layer, part: *part, units: *units, points: points.clone() });
        }
        if let Event::OutputErrorMeasured { layer, attempt, errors, dense_part: _ } = event {
            self.errors.push(OutputError::new(*layer, *attempt, errors));
        }
        if let Event::AttemptCompared { layer: _, attempt, windows: _, behind, errors } = event {
            self.errors.push(OutputError::new(*behind, Some(*attempt), errors));
        }
        if let Event::GeneratedText { side, text } = event {
            self.text_of(*side).text += text;
        }
        if let Event::TokensMeasured { side, tokens } = event {
            self.text_of(*side).tokens.clone_from(tokens);
        }
    }

    fn text_of(&mut self, side: Side) -> &mut Text {
        let at = self.texts.iter().position(|text| text.model == side).unwrap_or_else(|| {
            self.texts.push(Text { model: side, text: String::new(), tokens: Vec::new() });
            self.texts.len() - 1
        });
        &mut self.texts[at]
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(record) = &self.perplexity {
            let bos = if record.bos { "with" } else { "without" };
            text += &format!(
                "perplexity, dense → pruned: {} on {} ({} tokens in windows of {}, {bos} BOS)\n",
                words::perplexities_and_errors(record),
                record.text,
                words::count(record.tokens),
                record.seq_len
            );
        }
        if let Some(curve) = &self.curve {
            text += "removed,ratio,relative_error\n";
            for CurvePoint { removed, relative_error } in &curve.points {
                let ratio = *removed as f64 / curve.units.max(1) as f64;
                text += &format!("{removed},{ratio:.6},{relative_error:e}\n");
            }
        }
        if !self.errors.is_empty() {
            text += "attempt,layer,relative_error,absolute_error,dense_norm,cosine_distance,error_without_largest\n";
        }
        for OutputError { attempt, layer, relative_error, output } in &self.errors {
            let attempt = attempt.map_or("dense".into(), |attempt| attempt.to_string());
            let StreamError { error, norm, cosine, .. } = output;
            let rest = output.relative_rest();
            text += &format!("{attempt},{layer},{relative_error:e},{error:e},{norm:e},{cosine:e},{rest:e}\n");
        }
        for Text { model, text: written, tokens } in &self.texts {
            let model = match model {
                Side::Dense => "dense",
                Side::Pruned => "pruned",
            };
            let rise: f64 = tokens.iter().map(MeasuredToken::rise).sum::<f64>() / tokens.len().max(1) as f64;
            text += &format!("{model} (mean rise of the loss {rise:+.3}):\n{written}\n\n");
        }
        text
    }
}
