//! Settings of the evaluation.

use super::{check::at_least, group::settings};
use crate::calibration::TextSource;

settings! {
    /// The measurements beside the pruning.
    pub struct Evaluation at evaluation, EvaluationOptions, Evaluation {
        /// Run the dense model as well and report the output error of every layer
        track_errors ("track_errors"): bool = false => {
            scope: Scope::Layer,
            form: Some(FormField {
                form: SettingsForm::Run,
                label: "track errors",
                hint: "run the dense model as well and report the output error of every layer",
                choices: &[],
            }),
        }
        /// Text for the perplexity, measured before and after
        #[serde(rename = "eval")]
        text ("eval"): Option<TextSource> = None => {
            value_name: "FILE",
            form: Some(FormField {
                form: SettingsForm::Run,
                label: "evaluation",
                hint: "text for the perplexity, measured before and after; empty: none; demo:held-out",
                choices: &[],
            }),
        }
        /// Tokens per evaluation window
        #[serde(rename = "eval_seq_len")]
        seq_len ("eval_seq_len"): usize = 128, at_least(2) => {
            value_name: "N",
            form: Some(FormField {
                form: SettingsForm::Run,
                label: "eval seq-len",
                hint: "tokens per evaluation window",
                choices: &[],
            }),
        }
        /// Put a BOS token before each evaluation window
        bos ("bos"): bool = false => {
            form: Some(FormField {
                form: SettingsForm::Run,
                label: "BOS",
                hint: "put a BOS token before each evaluation window",
                choices: &[],
            }),
        }
    }
}
