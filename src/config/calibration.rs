//! Settings of the calibration windows.

use super::{check::at_least, group::settings};
use crate::{calibration::TextSource, prune::TokenWeighting};

settings! {
    /// The texts from which calibration windows are drawn, and the number of windows.
    pub struct Calibration at calibration, CalibrationOptions, Calibration {
        /// Calibration text: plain text, JSON or Parquet, also as .gz or .zst; can be repeated
        #[serde(rename = "calibration")]
        texts ("calibration"): Vec<TextSource> = Vec::new() => {
            value_name: "FILE",
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "calibration", "files, separated by commas: text, JSON, Parquet, .gz, .zst; demo:stories")),
        }
        /// Number of calibration windows
        samples ("samples"): usize = 128, at_least(1) => {
            value_name: "N",
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "samples", "calibration windows")),
        }
        /// Tokens per calibration window
        seq_len ("seq_len"): Option<usize> = None, at_least(2) => {
            value_name: "N",
            default: Some("2048, limited by the context length of the model"),
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "seq-len", "tokens per window; empty: 2048, limited by the context length of the model")),
        }
        /// Seed for the positions of the windows
        seed ("seed"): u64 = 0 => {
            value_name: "N",
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "seed", "for the positions of the windows")),
        }
        /// Start each calibration window with a BOS token, which counts as one of its tokens
        #[serde(rename = "calibration_bos")]
        bos ("calibration_bos"): bool = false => {
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "calibration BOS", "start each calibration window with a BOS token")),
        }
        /// Weights of the calibration tokens in the second moments
        #[serde(rename = "token_weights")]
        weights ("token_weights"): TokenWeighting = TokenWeighting::default() => {
            value_name: "HOW",
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "token weights", "kl: by the divergence of a first pruned model at the token; fisher: by gradients")),
        }
    }
}

/// Tokens of a window if none are given, in a model with a longer context.
const SEQ_LEN: usize = 2048;

impl Calibration {
    /// Tokens per window in a model with this context length.
    pub fn window_length(&self, context: usize) -> usize {
        self.seq_len.unwrap_or(SEQ_LEN.min(context))
    }
}
