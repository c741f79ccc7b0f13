//! Texts that both models generated from one prompt, and how well both predict their tokens.

use super::results::ActiveAttempts;
use crate::protocol::{MeasuredToken, Prompt, Side};

/// A text of each model from the same prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct TextPair {
    pub prompt: Prompt,
    pub dense: Writing,
    pub pruned: Writing,
    /// Active attempts when the pruned text began.
    pub written_on: ActiveAttempts,
}

/// The text of one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writing {
    pub text: String,
    pub tokens: usize,
    /// Seconds of this model alone; None until the text is complete.
    pub seconds: Option<f64>,
    /// The generated tokens as both models predict them; empty until both texts are complete.
    pub measured: Vec<MeasuredToken>,
}

/// A token under the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCursor {
    pub side: Side,
    /// Number of the generated token, from 0.
    pub at: usize,
}

impl Default for TokenCursor {
    fn default() -> Self {
        Self { side: Side::Dense, at: 0 }
    }
}

impl TextPair {
    pub fn new(prompt: Prompt) -> Self {
        let written_on = ActiveAttempts::new();
        Self { prompt, dense: Writing::default(), pruned: Writing::default(), written_on }
    }

    pub fn side(&self, side: Side) -> &Writing {
        match side {
            Side::Dense => &self.dense,
            Side::Pruned => &self.pruned,
        }
    }

    pub fn side_mut(&mut self, side: Side) -> &mut Writing {
        match side {
            Side::Dense => &mut self.dense,
            Side::Pruned => &mut self.pruned,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.dense.text.is_empty() && self.pruned.text.is_empty()
    }

    /// The number of the first generated token in which the texts differ; None before both are measured, and if
    /// they are equal.
    pub fn first_difference(&self) -> Option<usize> {
        let (dense, pruned) = (&self.dense.measured, &self.pruned.measured);
        if dense.is_empty() || pruned.is_empty() {
            return None;
        }
        let same = dense.iter().zip(pruned).take_while(|(dense, pruned)| dense.text == pruned.text).count();
        (same < dense.len().max(pruned.len())).then_some(same)
    }
}

impl Writing {
    /// Tokens per second, once the text is complete.
    pub fn speed(&self) -> Option<f64> {
        self.seconds.filter(|&s| s > 0.0).map(|seconds| self.tokens as f64 / seconds)
    }

    /// Mean rise of the loss over the tokens, in nats; None before they are measured.
    pub fn mean_rise(&self) -> Option<f64> {
        let rises: Vec<f64> = self.measured.iter().map(MeasuredToken::rise).collect();
        (!rises.is_empty()).then(|| rises.iter().sum::<f64>() / rises.len() as f64)
    }
}
