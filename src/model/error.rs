//! Errors of checkpoints, one sentence each.

use crate::failure::Kind;

/// Errors of opening, loading, cutting or running a checkpoint.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message explains its variant")]
pub enum Error {
    #[error(transparent)]
    Cut(Box<dyn std::error::Error + Send + Sync>),
    #[error("{place} has no {file}; {advice}")]
    Missing { place: String, file: String, advice: &'static str },
    #[error("{file} cannot be read: {cause}")]
    Read { file: String, cause: std::io::Error },
    #[error("{file} is not valid JSON ({cause}); replace it with the one published with the model")]
    NotJson { file: String, cause: serde_json::Error },
    #[error("config.json has no {key:?}; add it or use the file published with the model")]
    MissingKey { key: String },
    #[error("config.json: {key:?} must be {expected}, found {found}")]
    Key { key: String, expected: String, found: String },
    #[error("config.json: {what} is not supported; {supported}")]
    Unsupported { what: String, supported: String },
    #[error(
        "config.json has a \"quantization_config\" ({method}), and quantised weights cannot be pruned; use the \
         unquantised F32, F16 or BF16 checkpoint"
    )]
    Quantised { method: String },
    #[error(
        "{file} is a git-lfs pointer, not the file itself{size}; fetch the files with `git lfs pull` in {place}, or download them"
    )]
    LfsPointer { file: String, size: String, place: String },
    #[error("{file} is truncated or damaged ({cause}); copy or download it again")]
    Damaged { file: String, cause: String },
    #[error("{index} is not a shard index ({cause}); replace it with the one published with the model")]
    Index { index: String, cause: String },
    #[error("{index} puts tensor {tensor} into {shard}, but {place} has no such file; copy or download it")]
    MissingShard { index: String, tensor: String, shard: String, place: String },
    #[error(
        "{place} has no tensor {tensor}, which its configuration requires; check that configuration and weights belong together"
    )]
    MissingTensor { place: String, tensor: String },
    #[error(
        "tensor {tensor} in {file} must have shape {expected:?} according to the configuration, found {found:?}; \
         check that configuration and weights belong together"
    )]
    Shape { tensor: String, file: String, expected: Vec<usize>, found: Vec<usize> },
    #[error(
        "tensor {tensor} in {file} is stored as {found}, expected F32, F16 or BF16 (in a GGUF file also \
         Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or a K-quant); use a checkpoint in one of these types"
    )]
    StorageType { tensor: String, file: String, found: String },
    #[error(
        "tensor {tensor} in {file} has {found} at element {element}, expected finite numbers; copy or download the file again"
    )]
    NotFinite { tensor: String, file: String, element: usize, found: f32 },
    #[error("tensor {tensor} has {found} at element {element}, too large for {dtype}; choose f32 or bf16")]
    TooLarge { tensor: String, element: usize, found: f32, dtype: String },
    #[error(
        "{place} has no tokenizer.json; put the one published with the model there, or save one with `AutoTokenizer.from_pretrained(…).save_pretrained(…)`"
    )]
    NoTokenizer { place: String },
    #[error("{file} is not a tokenizer ({cause}); replace it with the one published with the model")]
    Tokenizer { file: String, cause: String },
    #[error(
        "{file}: {key:?} must be {expected}, found {found}; download the file again or convert the model again"
    )]
    GgufKey { file: String, key: String, expected: String, found: String },
    #[error("{file} has no {key:?}; download the file again or convert the model again")]
    NoGgufKey { file: String, key: String },
    #[error("{file}: {what} is not supported; {supported}")]
    GgufUnsupported { file: String, what: String, supported: String },
    #[error("{file} is shard {number} of {count}; use the first one")]
    NotFirstShard { file: String, number: usize, count: usize },
    #[error("{file} is the first of several shards, but there is no {shard}; copy or download it")]
    MissingGgufShard { file: String, shard: String },
    #[error(
        "{file} has {tokens} tokens, but the embedding has only {rows} rows; use the tokenizer published with the model"
    )]
    Vocabulary { file: String, tokens: usize, rows: usize },
    #[error("the model has layers 0 to {last}, but layer {layer} was requested")]
    NoSuchLayer { layer: usize, last: usize },
    #[error("layer {layer}: the kept {what} must be {expected}, found {found}")]
    Kept { layer: usize, what: &'static str, expected: String, found: String },
    #[error(
        "token {token} is outside the vocabulary of {vocab} tokens; check that the tokenizer belongs to the model"
    )]
    Token { token: u32, vocab: usize },
    #[error(
        "the sequence extends to position {asked}, but the position table ends at {have}; shorten the sequence"
    )]
    Positions { asked: usize, have: usize },
    #[error("windows of tokens must have equal lengths and not be empty, found lengths {found:?}")]
    Windows { found: Vec<usize> },
    #[error("the tensor computation failed: {0}")]
    Compute(#[from] candle_core::Error),
}

impl Error {
    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Read { cause, .. } => Kind::of_io(cause),
            Self::Compute(_) => Kind::Failed,
            Self::Cut(_)
            | Self::Missing { .. }
            | Self::NotJson { .. }
            | Self::MissingKey { .. }
            | Self::Key { .. }
            | Self::Unsupported { .. }
            | Self::Quantised { .. }
            | Self::LfsPointer { .. }
            | Self::Damaged { .. }
            | Self::Index { .. }
            | Self::MissingShard { .. }
            | Self::MissingTensor { .. }
            | Self::Shape { .. }
            | Self::StorageType { .. }
            | Self::NotFinite { .. }
            | Self::TooLarge { .. }
            | Self::NoTokenizer { .. }
            | Self::Tokenizer { .. }
            | Self::GgufKey { .. }
            | Self::NoGgufKey { .. }
            | Self::GgufUnsupported { .. }
            | Self::NotFirstShard { .. }
            | Self::MissingGgufShard { .. }
            | Self::Vocabulary { .. }
            | Self::NoSuchLayer { .. }
            | Self::Kept { .. }
            | Self::Token { .. }
            | Self::Positions { .. }
            | Self::Windows { .. } => Kind::Input,
        }
    }
}

/// The result of functions of this module.
pub type Result<T> = std::result::Result<T, Error>;
