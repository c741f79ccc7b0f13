//! The sentence of an event: a line of the explorer's log and of the command line's progress.

use super::{
    Notation, bytes, duration, error, fewer, parameters, perplexities, perplexities_and_errors, ratio,
    session_name,
};
use crate::protocol::{
    Event, LayerPart, PerplexityRecord, RunRecord, SearchRecord, SensitivityCurve, TriedRatios,
};

/// The importance of a sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A single removal or measurement.
    #[default]
    Step,
    Info,
    Warning,
    Error,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The next level; after the most important one, the first.
    pub fn next(self) -> Self {
        match self {
            Self::Step => Self::Info,
            Self::Info => Self::Warning,
            Self::Warning => Self::Error,
            Self::Error => Self::Step,
        }
    }
}

/// The places that show the sentence of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the log only: the command line has a bar, a result or a final error message for it.
    Log,
    /// In the log and in the progress of the command line.
    LogAndProgress,
}

/// An event as one line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub level: Level,
    pub place: Place,
    /// The layer of the event, if it concerns one layer.
    pub layer: Option<usize>,
    pub text: String,
}

/// The sentence of an event, with relative errors in this notation; None for progress and for events displayed in other ways.
pub fn event(event: &Event, notation: Notation) -> Option<Sentence> {
    let relative_error = |fraction| notation.relative(fraction);
    use Level::{Error, Info, Step, Warning};
    use Place::{Log, LogAndProgress};
    let (level, place, layer, text) = match event {
        Event::ModelOpened { model, .. } => {
            let text = format!("Opened {}: {}, {} layers", model.name, model.family, model.layers);
            (Info, Log, None, text)
        }
        Event::SessionOpened { path } => (
            Info,
            LogAndProgress,
            None,
            format!("Saving to session {} ({})", session_name(path), path.display()),
        ),
        Event::RunStarted { from, model, .. } => {
            let from = if *from == 0 { String::new() } else { format!(" from layer {from} on") };
            let size = parameters(model.parameters_before);
            let (name, family, layers) = (&model.name, &model.family, model.layers);
            (
                Info,
                LogAndProgress,
                None,
                format!("Pruning {name}{from}: {family}, {layers} layers, {size} parameters"),
            )
        }
        Event::CalibrationReady {
            files,
            samples,
            seq_len,
            text_tokens,
            seed: _,
            bos,
            written: _,
            weights,
            drawn: _,
        } => {
            let files = files.join(", ");
            let bos = if bos.is_some() { ", with a BOS," } else { "" };
            let weights = weights.as_ref().map_or(String::new(), |of| format!("; {}", of.spread));
            let text = format!(
                "Calibrating on {samples} windows of {seq_len} tokens{bos} from {files} ({text_tokens} tokens encoded){weights}"
            );
            (Info, LogAndProgress, None, text)
        }
        Event::EvaluationReady { text, windows, seq_len, dense: _, divergence: _ } => {
            let text = format!("Evaluating on {windows} windows of {seq_len} tokens from {text}");
            (Info, Log, None, text)
        }
        Event::LayerStarted { layer, attempt, method } => {
            let text = format!("Layer {layer}: attempt {attempt} started, ratio {}", ratio(method.ratio));
            (Info, Log, Some(*layer), text)
        }
        Event::HessianStatistics { layer, part, stats, .. } => {
            let text = format!(
                "Layer {layer}, {part}: condition {:.1e}, damping {}, {} dead inputs",
                stats.condition, stats.damping_used, stats.dead
            );
            (Step, Log, Some(*layer), text)
        }
        Event::DampingRaised { layer, part, from, to, reason } => {
            let text = format!("Layer {layer}, {part}: damping raised from {from} to {to}, because {reason}");
            (Warning, LogAndProgress, Some(*layer), text)
        }
        Event::PrecisionRaised { layer, part, reason } => {
            let text = format!("Layer {layer}, {part}: solved again in f64, because in f32 {reason}");
            (Warning, LogAndProgress, Some(*layer), text)
        }
        Event::UnitsRemoved { layer, part, step, units, error } => {
            let removed = match units[..] {
                [unit] => format!("unit {unit} removed"),
                _ => format!("batch {}, {} units removed", step + 1, units.len()),
            };
            (
                Step,
                Log,
                Some(*layer),
                format!("Layer {layer}, {part}: {removed}, error {}", self::error(*error)),
            )
        }
        Event::PartFailed { layer, part, cause } => {
            (Error, Log, Some(*layer), format!("Layer {layer}, {part}: {cause}"))
        }
        Event::LayerDone { record, .. } => {
            let index = record.index;
            let (attention, mlp) = (&record.attention, &record.mlp);
            let text = format!(
                "Layer {index}: done, ratio {}, attention units {}/{}, channels {}/{}, relative errors {} and {}",
                ratio(record.ratio),
                attention.kept.len(),
                attention.units,
                mlp.kept.len(),
                mlp.units,
                relative_error(attention.relative_error),
                relative_error(mlp.relative_error),
            );
            (Info, LogAndProgress, Some(index), text)
        }
        Event::ErrorCurve { layer, part, .. } => {
            (Info, Log, Some(*layer), format!("Layer {layer}, {part}: error curve computed"))
        }
        Event::OutputErrorMeasured { layer, dense_part, errors, attempt: _ } => {
            let output = relative_error(errors.mlp.relative());
            let text = match dense_part {
                None => format!("Layer {layer}: output error {output}"),
                Some(LayerPart { layer: dense, part }) => {
                    format!("Layer {layer}: output error {output} with {part} of layer {dense} dense")
                }
            };
            (Step, Log, Some(*layer), text)
        }
        Event::AttemptCompared { layer, attempt, windows: _, behind, errors } => {
            let output = relative_error(errors.mlp.relative());
            let text =
                format!("Layer {behind}: output error {output} with attempt {attempt} of layer {layer}");
            (Step, Log, Some(*layer), text)
        }
        Event::SensitivityMeasured { curve } => (Step, Log, Some(curve.layer), sensitivity(curve)),
        Event::RatiosTried { tried, best } => {
            let (level, place, rank) =
                if *best { (Info, LogAndProgress, ", the best so far") } else { (Step, Log, "") };
            (level, place, None, format!("Ratios by {}{}{rank}", tried.name, divergence(tried)))
        }
        Event::RatiosFound { record } => (Info, Log, None, found(record)),
        Event::PerplexityMeasured { record } => (Info, LogAndProgress, None, measured(record)),
        Event::Warning { message } => (Warning, LogAndProgress, None, message.clone()),
        Event::ExportWritten { path, bytes } => {
            (Info, LogAndProgress, None, format!("Wrote {} ({})", path.display(), self::bytes(*bytes)))
        }
        Event::RunDone { record } => (Info, Log, None, run_done(record, notation)),
        Event::JobCancelled => (Warning, Log, None, "Cancelled".into()),
        Event::JobFailed { message, .. } => (Error, Log, None, message.clone()),
        Event::Progress { .. }
        | Event::SessionRestored { .. }
        | Event::JobStarted { .. }
        | Event::StepPictured { .. }
        | Event::PartDone { .. }
        | Event::AttemptActivated { .. }
        | Event::GeneratedText { .. }
        | Event::GenerationFinished { .. }
        | Event::TokensMeasured { .. }
        | Event::Paused
        | Event::Resumed
        | Event::JobDone => return None,
    };
    Some(Sentence { level, place, layer, text })
}

/// The cost of a part with half of its units removed, predicted or measured.
fn sensitivity(curve: &SensitivityCurve) -> String {
    let SensitivityCurve { layer, part, units, points, .. } = curve;
    let half = points.iter().find(|point| 2 * point.removed >= *units);
    match half {
        Some(point) => format!(
            "Layer {layer}, {part}: {} of {units} units cost {:.4} nats per token",
            point.removed, point.rise
        ),
        None => format!("Layer {layer}, {part}: no units can be removed"),
    }
}

fn found(record: &SearchRecord) -> String {
    let best = record.tried.get(record.best);
    let best = best.map_or(String::new(), |best| format!(" by {}{}", best.name, divergence(best)));
    let dense =
        record.dense_loss.map_or(String::new(), |loss| format!("; the dense model has a loss of {loss:.4}"));
    format!("Ratios found{best}{dense}")
}

/// The divergence and the loss of a candidate, as far as they are known.
fn divergence(tried: &TriedRatios) -> String {
    let guard = tried.guard.map_or(String::new(), |guard| format!(", on the guard {guard:.4}"));
    match (tried.divergence, tried.loss) {
        (Some(divergence), Some(loss)) => {
            format!(": KL {divergence:.4}{guard}, loss {loss:.4} nats per token")
        }
        (Some(divergence), None) => format!(": KL {divergence:.4}{guard} nats per token"),
        (None, Some(loss)) => format!(": loss {loss:.4} nats per token"),
        (None, None) => String::new(),
    }
}

fn measured(record: &PerplexityRecord) -> String {
    let phase = if record.after.is_none() { " before pruning" } else { "" };
    format!("Perplexity{phase}: {} on {}", perplexities_and_errors(record), record.text)
}

/// A finished run: its time, the removed parameters, the perplexity, and the cost of rounded sizes.
fn run_done(record: &RunRecord, notation: Notation) -> String {
    let mut text = format!(
        "Done in {}: {} fewer parameters",
        duration(record.seconds.total),
        fewer(record.model.parameters_before, record.model.parameters_after)
    );
    if let Some(perplexity) = record.perplexity.as_ref().filter(|record| record.after.is_some()) {
        text += &format!(", perplexity {}", perplexities(perplexity));
    }
    if let Some(cost) = record.rounding_cost() {
        let (error, scheduled) = (notation.relative(cost.error), notation.relative(cost.scheduled));
        text += &format!(", mean error {error} instead of {scheduled} at the scheduled sizes");
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::Part;

    #[test]
    fn a_removal_names_its_unit_or_its_batch() {
        let removed = |units: Vec<usize>| {
            let event = Event::UnitsRemoved { layer: 3, part: Part::Mlp, step: 4, units, error: 0.00125 };
            super::event(&event, Notation::PerCent)
                .map(|sentence| (sentence.level, sentence.layer, sentence.text))
        };
        let sentence = |text: &str| Some((Level::Step, Some(3), text.to_string()));
        assert_eq!(removed(vec![7]), sentence("Layer 3, mlp: unit 7 removed, error 1.25e-3"));
        assert_eq!(removed(vec![7, 9]), sentence("Layer 3, mlp: batch 5, 2 units removed, error 1.25e-3"));
    }

    #[test]
    fn progress_has_no_sentence() {
        let progress = Event::Progress { stage: crate::protocol::Stage::Export, done: 1, total: 2 };
        assert_eq!(event(&progress, Notation::PerCent), None);
    }
}
