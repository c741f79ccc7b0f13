//! Progress on stderr: bars on a terminal, plain lines otherwise.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::say;
use crate::protocol::{Event, LayerRecord, Stage};

/// Least time between two lines about one long stage.
const LINE_EVERY: Duration = Duration::from_secs(10);

pub enum Progress {
    Bars { all: MultiProgress, layers: Option<ProgressBar>, stage: ProgressBar },
    Lines { layers: usize, told: Instant },
}

impl Progress {
    pub fn new() -> Self {
        if std::io::stderr().is_terminal() {
            let all = MultiProgress::new();
            let stage = all.add(ProgressBar::new(0).with_style(style("{msg:28} {bar:20} {percent:>3} %")));
            Self::Bars { all, layers: None, stage }
        } else {
            Self::Lines { layers: 0, told: Instant::now() }
        }
    }

    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Progress { stage, done, total } => self.progress(stage, *done, *total),
            Event::RunStarted { from, model, .. } => {
                self.begin(*from, model.layers);
                let millions = model.parameters_before as f64 / 1e6;
                let from = if *from == 0 { String::new() } else { format!(" from layer {from} on") };
                self.say(&format!(
                    "Pruning {}{from}: {}, {} layers, {millions:.1} M parameters",
                    model.name, model.family, model.layers
                ));
            }
            Event::Calibrated { files, samples, seq_len, text_tokens, seed: _ } => self.say(&format!(
                "Calibrating on {samples} windows of {seq_len} tokens from {} ({text_tokens} tokens)",
                files.join(", ")
            )),
            Event::DampingRaised { layer, part, from, to, reason } => self
                .say(&format!("Layer {layer}, {}: damping raised from {from} to {to}, since {reason}", part)),
            Event::PrecisionRaised { layer, part, reason } => {
                self.say(&format!("Layer {layer}, {part}: solved again in f64, since in f32 {reason}"));
            }
            Event::LayerDone { record, .. } => self.layer_done(record),
            Event::Measured { record } => match record.after {
                None => {
                    self.say(&format!("Perplexity before pruning: {:.4} on {}", record.before, record.text))
                }
                Some(after) => self.say(&format!("Perplexity after pruning: {after:.4} on {}", record.text)),
            },
            Event::Session { path } => self.say(&format!("Session: {}", path.display())),
            Event::Warning { message } => self.say(&format!("Warning: {message}")),
            Event::Tried { tried, best: true } => {
                self.say(&format!("Ratios: {:.4} nats a token by {}", tried.loss, tried.name));
            }
            Event::Written { path, bytes } => {
                self.say(&format!("Wrote {} ({})", path.display(), HumanBytes(*bytes)))
            }
            // Told by the bars, by the table, or by the error that the program ends with.
            Event::Opened { .. }
            | Event::Restored { .. }
            | Event::LayerStarted { .. }
            | Event::Curve { .. }
            | Event::Sensitivity { .. }
            | Event::Tried { best: false, .. }
            | Event::Found { .. }
            | Event::Piece { .. }
            | Event::Wrote { .. }
            | Event::JobDone
            | Event::Hessian { .. }
            | Event::Removed { .. }
            | Event::PartDone { .. }
            | Event::PartFailed { .. }
            | Event::Paused
            | Event::Resumed
            | Event::Chosen { .. }
            | Event::RunDone { .. }
            | Event::RunCancelled
            | Event::RunFailed { .. } => {}
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match self {
            // Without a terminal to draw on, the line goes where the bars would.
            Self::Bars { all, .. } => drop(all.println(line)),
            Self::Lines { .. } => say(line),
        }
    }

    pub fn finish(&self) {
        if let Self::Bars { all, .. } = self {
            let _ = all.clear();
        }
    }

    fn begin(&mut self, from: usize, count: usize) {
        match self {
            Self::Bars { all, layers, .. } => {
                let bar = ProgressBar::new(count as u64)
                    .with_style(style("{msg:28} {bar:20} {pos}/{len}  {elapsed} gone, {eta} left"))
                    .with_message("Layers")
                    .with_position(from as u64);
                *layers = Some(all.insert(0, bar));
            }
            Self::Lines { layers, .. } => *layers = count,
        }
    }

    fn progress(&mut self, stage: &Stage, done: u64, total: u64) {
        let what = match stage {
            Stage::Download { file } => format!("Download {file}"),
            Stage::Tokenise => "Tokenise".into(),
            Stage::Calibrate { layer, part } => format!("Layer {layer}: calibrate {}", part),
            Stage::Propagate { layer, part } => format!("Layer {layer}: propagate {}", part),
            Stage::Approach { layer } => format!("Approach layer {layer}"),
            Stage::Refine { layer, part } => format!("Layer {layer}: swaps in {part}"),
            Stage::Path { layer, part } => format!("Layer {layer}: path of {part}"),
            Stage::Fingerprint => "Fingerprint the model".into(),
            Stage::Sensitivity { layer, part } => format!("Layer {layer}: sensitivity of {part}"),
            Stage::Candidates => "Ratios tried".into(),
            Stage::Export => "Export".into(),
            Stage::Verify => "Verify".into(),
            Stage::Load => "Load".into(),
            Stage::Evaluate { pruned: false } => "Perplexity before".into(),
            Stage::Evaluate { pruned: true } => "Perplexity after".into(),
        };
        match self {
            Self::Bars { stage: bar, .. } => {
                bar.set_message(what);
                bar.set_length(total);
                bar.set_position(done);
            }
            Self::Lines { told, .. } if told.elapsed() >= LINE_EVERY => {
                *told = Instant::now();
                // How many swaps there will be nobody knows.
                let counted = matches!(stage, Stage::Refine { .. });
                let share =
                    if counted { done.to_string() } else { format!("{} %", 100 * done / total.max(1)) };
                say(&format!("{what}: {share}"));
            }
            Self::Lines { .. } => {}
        }
    }

    fn layer_done(&mut self, record: &LayerRecord) {
        match self {
            Self::Bars { layers: Some(bar), .. } => bar.set_position(record.index as u64 + 1),
            Self::Bars { layers: None, .. } => {}
            Self::Lines { layers, told } => {
                *told = Instant::now();
                let (heads, channels) = (&record.attention, &record.mlp);
                // A retry is of one layer, and no run.
                let place = match layers {
                    0 => String::new(),
                    layers => format!(" ({} of {layers})", record.index + 1),
                };
                say(&format!(
                    "Layer {:>2}{place}: ratio {:.3}, attention units {}/{}, channels {}/{}, errors {:.2e} and {:.2e}",
                    record.index,
                    record.ratio,
                    heads.kept.len(),
                    heads.units,
                    channels.kept.len(),
                    channels.units,
                    heads.relative_error,
                    channels.relative_error,
                ));
            }
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
