//! Errors of evaluation and generation.

use crate::failure::{Advice, Kind};

#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error(
        "evaluation text {text}: expected at least the {needed} tokens of one window, found {tokens}; use a longer text or a shorter window"
    )]
    TextTooShort { text: String, tokens: usize, needed: usize },
    #[error(
        "evaluation text {text}: the perplexity is not finite, because activations overflow; set dtype to f32"
    )]
    NotFinite { text: String },
    #[error("prompt: it is empty, and the tokenizer adds no BOS token to start from")]
    EmptyPrompt,
    #[error("prompt: expected fewer than {limit} tokens, found {tokens}; shorten it")]
    PromptTooLong { tokens: usize, limit: usize },
    #[error("{key}: expected {expected}, found {found}; choose another value")]
    Draw { key: &'static str, expected: &'static str, found: String },
    #[error("the tokenizer cannot encode or decode: {0}; check tokenizer.json")]
    Tokenizer(String),
    #[error(
        "the logits of the model are not finite, so it writes no text; set dtype to f32, or calibrate on a given text"
    )]
    NoDistribution,
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Model(#[from] crate::model::Error),
    #[error("the tensor computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Model(cause) => cause.kind(),
            Self::NotFinite { .. } | Self::NoDistribution | Self::Tensor(_) => Kind::Failed,
            Self::Cancelled => Kind::Cancelled,
            Self::TextTooShort { .. }
            | Self::EmptyPrompt
            | Self::PromptTooLong { .. }
            | Self::Draw { .. }
            | Self::Tokenizer(_) => Kind::Input,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        matches!(self, Self::EmptyPrompt).then_some(Advice::GivePrompt)
    }
}
