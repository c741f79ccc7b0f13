//! Settings of the evaluation.

use super::{
    Error, Tracking,
    check::{at_least, given_text},
    group::settings,
};
use crate::calibration::TextSource;

settings! {
    /// Measurements other than pruning itself.
    pub struct Evaluation at evaluation, EvaluationOptions, Evaluation {
        /// Run the dense model as well and report the output error of every layer; auto: if that adds at most a quarter of the run's operations or some seconds, and both streams fit into the memory budget
        track_errors ("track_errors"): Tracking = Tracking::Auto => {
            scope: Scope::Layer,
            form: Some(FormField::new(SettingsForm::Run, "track errors", "run the dense model as well: output error of every layer; auto: if time and memory allow").with_choices(&[("auto", "auto"), ("on", "true"), ("off", "false")])),
        }
        /// Text for the perplexity, measured before and after pruning
        #[serde(rename = "eval")]
        text ("eval"): Option<TextSource> = None, given_text() => {
            value_name: "FILE",
            form: Some(FormField::new(SettingsForm::Run, "evaluation", "text for the perplexity, measured before and after pruning; empty: none; demo:held-out")),
        }
        /// Second text for the perplexity, measured beside the first with the same windows: a guard against settings that fit one text
        #[serde(rename = "guard")]
        guard ("guard"): Option<TextSource> = None, given_text() => {
            value_name: "FILE",
            form: Some(FormField::new(SettingsForm::Run, "guard", "second text for the perplexity; empty: none")),
        }
        /// Tokens per evaluation window
        #[serde(rename = "eval_seq_len")]
        seq_len ("eval_seq_len"): usize = 128, at_least(2) => {
            value_name: "N",
            form: Some(FormField::new(SettingsForm::Run, "eval seq-len", "tokens per evaluation window")),
        }
        /// Number of evaluation windows, drawn from the text by --eval-seed; all windows if not given
        #[serde(rename = "eval_windows")]
        windows ("eval_windows"): Option<usize> = None, at_least(1) => {
            value_name: "N",
            default: Some("all"),
            form: Some(FormField::new(SettingsForm::Run, "eval windows", "evaluation windows, drawn from the text; empty: all")),
        }
        /// Measure KL(dense ‖ pruned) on the evaluation texts as well; the dense model runs over them once more
        #[serde(rename = "eval_kl")]
        divergence ("eval_kl"): bool = false => {
            form: Some(FormField::new(SettingsForm::Run, "eval KL", "measure KL(dense ‖ pruned) on the evaluation texts as well")),
        }
        /// Seed for drawing evaluation windows
        #[serde(rename = "eval_seed")]
        seed ("eval_seed"): u64 = 0 => {
            value_name: "N",
            applies: |settings| settings.evaluation.windows.is_some(),
        }
        /// Start each evaluation window with a BOS token
        bos ("bos"): bool = false => {
            form: Some(FormField::new(SettingsForm::Run, "BOS", "start each evaluation window with a BOS token")),
        }
    }
}

impl Evaluation {
    /// The settings with the given options.
    ///
    /// # Errors
    /// If a value is not allowed.
    pub fn changed(&self, options: EvaluationOptions) -> Result<Self, Error> {
        Self::fill(options.or(self.options()))
    }

    /// The settings that affect a perplexity; None without a text.
    pub(crate) fn of_perplexity(&self) -> Option<Self> {
        self.text.as_ref()?;
        let seed = if self.windows.is_some() { self.seed } else { 0 };
        Some(Self { track_errors: Tracking::Off, seed, guard: None, ..self.clone() })
    }

    /// The same evaluation of the second text; None without one.
    pub(crate) fn of_guard(&self) -> Option<Self> {
        let text = Some(self.guard.clone()?);
        Self { text, ..self.clone() }.of_perplexity()
    }
}
