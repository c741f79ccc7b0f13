//! Errors that end a job.

use std::path::PathBuf;

use crate::{
    calibration, cluster, config, eval, export,
    failure::{Advice, Kind},
    model, pipeline, recording, session,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] config::Error),
    #[error(transparent)]
    Model(#[from] model::Error),
    #[error("model {name}: there is no such directory or GGUF file, and the hub did not provide it: {cause}")]
    Hub { name: String, cause: model::hub::Error },
    #[error(
        "model {0}: expected a directory with config.json and safetensors files or a GGUF file, found another file"
    )]
    NotAModel(String),
    #[error(
        "layer {layer}: its inputs need an attempt at layer {above}, which has none; run layer {above} first"
    )]
    MissingAttempt { layer: usize, above: usize },
    #[error("layer {layer}: expected one of its attempts ({known}), found {attempt}")]
    NoSuchAttempt { layer: usize, attempt: usize, known: String },
    #[error("layer {layer}: expected a part to solve, found none; name attention, mlp or both")]
    NoPart { layer: usize },
    #[error("stdout cannot be written ({0})")]
    Stdout(std::io::Error),
    #[error(transparent)]
    Recording(#[from] recording::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(
        "session {}: {what}; restore the original, or start a new session", session.display()
    )]
    Changed { session: PathBuf, what: String },
    #[error(
        "session {}: its model cannot be opened ({cause})", session.display()
    )]
    ModelGone { session: PathBuf, cause: Box<Self> },
    #[error(
        "guard {text}: expected at least {needed} tokens for the windows of the search, found {found}; name a longer text"
    )]
    ShortGuard { text: String, found: usize, needed: usize },
    #[error("session {}: no run was started in it", .0.display())]
    NothingRun(PathBuf),
    #[error(
        "format {format}: the logits of the written model differ from those of the pruned model by up to {largest:.3e}, expected at most {tolerance:.3e}; nothing was written; try another format, and report this"
    )]
    VerificationFailed { format: export::Format, largest: f64, tolerance: f64 },
    #[error("the current directory cannot be read ({0}); change into one that exists")]
    CurrentDir(std::io::Error),
    #[error(
        "model {0}: this rank finds other files there than the first rank; give every rank the same files"
    )]
    OtherModel(String),
    #[error(
        "device: expected cpu, because {ranks} ranks compute, found {device}; use the processor, or a single process"
    )]
    RanksOnDevice { ranks: usize, device: model::ComputeDevice },
    #[error(transparent)]
    Ranks(#[from] cluster::Error),
    #[error(transparent)]
    Calibration(#[from] calibration::Error),
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    #[error(transparent)]
    Eval(#[from] eval::Error),
    #[error(transparent)]
    Export(#[from] export::Error),
    #[error(
        "model {0}: expected a directory with config.json and safetensors files, or a hub id such as Qwen/Qwen3-0.6B"
    )]
    NoSuchModel(String),
    #[error("calibration: expected a text, found none")]
    NoCalibration,
    #[error("evaluation: expected a text, found none")]
    NoEvalText,
    #[error(
        "text {text}: expected {asked} windows of {seq_len} tokens, found {found}; use a longer text, or fewer or shorter windows"
    )]
    TooFewWindows { text: String, asked: usize, seq_len: usize, found: usize },
    #[error("{key}: expected at most {limit} tokens, the context length of this model, found {asked}")]
    TooLong { key: &'static str, asked: usize, limit: usize },
    #[error("{key}: neither the tokenizer nor config.json of {model} names a BOS token; turn {key} off")]
    NoBos { key: &'static str, model: String },
    #[error(
        "calibration: the model writes {written} windows, and samples is {samples}; expected equal numbers without another text, and fewer written ones with one; change either number"
    )]
    WrittenWindows { written: usize, samples: usize },
    #[error(
        "token_weights: the first pruned model predicts as the dense one, or not at all; set token_weights to none"
    )]
    NoWeights,
    #[error("text: {0} is written by the model, which is for calibration only; name a file")]
    WrittenOnly(String),
    #[error("chat: the model {0} has no chat template; turn chat off")]
    NoChatTemplate(String),
    #[error("chat: the chat template of {model} cannot be used: {cause}; turn chat off")]
    ChatTemplate { model: String, cause: String },
    #[error("device {device}: {cause}; use cpu, or a build with the feature cuda or metal")]
    Device { device: crate::model::ComputeDevice, cause: String },
    #[error("threads: cannot be set ({0}); set RAYON_NUM_THREADS instead")]
    Threads(String),
    #[error("the event loop cannot start ({0}); free some file descriptors and try again")]
    Runtime(std::io::Error),
    #[error("cancelled")]
    Cancelled,
    #[error("the worker stopped unexpectedly; please report the message above")]
    Panicked,
}

impl Error {
    pub fn is_cancelled(&self) -> bool {
        self.kind() == Kind::Cancelled
    }

    /// The kind of the error: input, failure or cancellation.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Settings(cause) => cause.kind(),
            Self::Model(cause) => cause.kind(),
            Self::Hub { cause, .. } => cause.kind(),
            Self::Recording(cause) => cause.kind(),
            Self::Session(cause) => cause.kind(),
            Self::ModelGone { cause, .. } => cause.kind(),
            Self::Calibration(cause) => cause.kind(),
            Self::Pipeline(cause) => cause.kind(),
            Self::Eval(cause) => cause.kind(),
            Self::Export(cause) => cause.kind(),
            Self::Ranks(cause) => cause.kind(),
            Self::Cancelled => Kind::Cancelled,
            Self::Stdout(_) | Self::VerificationFailed { .. } | Self::Runtime(_) | Self::Panicked => {
                Kind::Failed
            }
            Self::NotAModel(_)
            | Self::MissingAttempt { .. }
            | Self::NoSuchAttempt { .. }
            | Self::NoPart { .. }
            | Self::Changed { .. }
            | Self::NothingRun(_)
            | Self::CurrentDir(_)
            | Self::OtherModel(_)
            | Self::RanksOnDevice { .. }
            | Self::NoSuchModel(_)
            | Self::NoCalibration
            | Self::NoEvalText
            | Self::ShortGuard { .. }
            | Self::TooFewWindows { .. }
            | Self::TooLong { .. }
            | Self::NoBos { .. }
            | Self::WrittenWindows { .. }
            | Self::WrittenOnly(_)
            | Self::NoWeights
            | Self::NoChatTemplate(_)
            | Self::ChatTemplate { .. }
            | Self::Device { .. }
            | Self::Threads(_) => Kind::Input,
        }
    }

    /// Advice whose wording depends on the frontend.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Recording(cause) => cause.advice(),
            Self::Session(cause) => cause.advice(),
            Self::Eval(cause) => cause.advice(),
            Self::Export(cause) => cause.advice(),
            Self::ModelGone { .. } => Some(Advice::LocateModel),
            Self::NothingRun(dir) => Some(Advice::RemoveSession(dir.clone())),
            Self::NoCalibration => Some(Advice::NameCalibration),
            Self::NoEvalText => Some(Advice::NameEvaluationText),
            Self::Settings(_)
            | Self::Model(_)
            | Self::Hub { .. }
            | Self::NotAModel(_)
            | Self::MissingAttempt { .. }
            | Self::NoSuchAttempt { .. }
            | Self::NoPart { .. }
            | Self::Stdout(_)
            | Self::Changed { .. }
            | Self::VerificationFailed { .. }
            | Self::CurrentDir(_)
            | Self::OtherModel(_)
            | Self::RanksOnDevice { .. }
            | Self::Ranks(_)
            | Self::Calibration(_)
            | Self::Pipeline(_)
            | Self::NoSuchModel(_)
            | Self::ShortGuard { .. }
            | Self::TooFewWindows { .. }
            | Self::TooLong { .. }
            | Self::NoBos { .. }
            | Self::WrittenWindows { .. }
            | Self::WrittenOnly(_)
            | Self::NoWeights
            | Self::NoChatTemplate(_)
            | Self::ChatTemplate { .. }
            | Self::Device { .. }
            | Self::Threads(_)
            | Self::Runtime(_)
            | Self::Cancelled
            | Self::Panicked => None,
        }
    }
}
