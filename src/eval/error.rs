//! What can be wrong with an evaluation.

#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error(
        "evaluation text {text}: holds {tokens} tokens, but one window needs {needed}; give a longer text or a shorter window"
    )]
    TextTooShort { text: String, tokens: usize, needed: usize },
    #[error(
        "evaluation text {text}: the perplexity is not finite; the model's weights overflow in this --dtype, try f32"
    )]
    NotFinite { text: String },
    #[error("prompt: empty, and the model names no BOS token to begin with; give --prompt TEXT")]
    EmptyPrompt,
    #[error("prompt: {tokens} tokens, but the model was made for fewer than {limit}; give a shorter prompt")]
    PromptTooLong { tokens: usize, limit: usize },
    #[error("{key}: expected {expected}, found {found}; give another value")]
    Draw { key: &'static str, expected: &'static str, found: String },
    #[error("the tokenizer cannot encode or decode: {0}; check tokenizer.json")]
    Tokenizer(String),
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Model(#[from] crate::model::Error),
    #[error("tensor work failed: {0}")]
    Tensor(#[from] candle_core::Error),
}
