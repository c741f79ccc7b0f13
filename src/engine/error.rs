//! What can end a job, and the exit code that it means.

use std::path::PathBuf;

use crate::{calibration, config, eval, export, model, pipeline, recording, session};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] config::Error),
    #[error(transparent)]
    Model(#[from] model::Error),
    #[error("model {name}: no directory of that name is here, and from the hub: {cause}")]
    Hub { name: String, cause: model::hub::Error },
    #[error("model {0}: is a file; give the directory that holds config.json and the safetensors files")]
    NotADirectory(String),
    #[error("layer {layer}: layer {above} above it has no attempt yet; run from layer {above} on first")]
    MissingAttempt { layer: usize, above: usize },
    #[error("layer {layer}: expected one of its attempts ({known}), found {attempt}; choose one of them")]
    NoSuchAttempt { layer: usize, attempt: usize, known: String },
    #[error("layer {layer}: no part to solve was named; name attention, mlp or both")]
    NoPart { layer: usize },
    #[error("stdout: cannot be written ({0}); check where it leads")]
    Stdout(std::io::Error),
    #[error(transparent)]
    Recording(#[from] recording::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(
        "session {}: {what}; put back what it was, or begin a new session", session.display()
    )]
    Changed { session: PathBuf, what: String },
    #[error(
        "session {}: its model cannot be opened ({cause}); say with --model where it is now", session.display()
    )]
    ModelGone { session: PathBuf, cause: Box<Self> },
    #[error("session {}: nothing was begun in it; remove it with `slimgpt sessions remove`, and run again", .0.display())]
    NothingRun(PathBuf),
    #[error(
        "format {format}: read back, its logits differ by up to {largest:.3e} from the pruned model's in memory, expected at most {tolerance:.3e}; nothing was published and the session is as it was: try another format, and report this"
    )]
    NotAsMeant { format: export::Format, largest: f64, tolerance: f64 },
    #[error("the current directory cannot be told ({0}); change into one that exists")]
    CurrentDir(std::io::Error),
    #[error(transparent)]
    Calibration(#[from] calibration::Error),
    #[error(transparent)]
    Pipeline(#[from] pipeline::Error),
    #[error(transparent)]
    Eval(#[from] eval::Error),
    #[error(transparent)]
    Export(#[from] export::Error),
    #[error(
        "model {0}: neither a directory nor a hub id; give a directory with config.json and safetensors files, or an id such as Qwen/Qwen3-0.6B"
    )]
    NoSuchModel(String),
    #[error(
        "calibration: no text was given; name one with --calibration FILE (plain text, JSON lines with \"text\", Alpaca JSON), or use {0}"
    )]
    NoCalibration(crate::calibration::TextSource),
    #[error(
        "ratio: no mean of the schedule {schedule} takes {share} of the parameters away; lower the ratio, or choose another schedule"
    )]
    NoMean { schedule: String, share: f64 },
    #[error("evaluation: no text was given; name one with --text FILE, or use {0}")]
    NoEvalText(crate::calibration::TextSource),
    #[error(
        "text {text}: expected {asked} windows of {seq_len} tokens, found {found}; give a longer text, or a smaller --windows or --seq-len"
    )]
    TooFewWindows { text: String, asked: usize, seq_len: usize, found: usize },
    #[error(
        "{key}: expected at most {limit} tokens, as far as this model's positions reach, found {asked}; give a smaller one"
    )]
    TooLong { key: &'static str, asked: usize, limit: usize },
    #[error("BOS: config.json of {0} names no bos_token_id; leave --bos out")]
    NoBos(String),
    #[error(
        "device {device}: {cause}; this program uses cpu, or cuda and metal where it was built with that feature"
    )]
    Device { device: crate::model::ComputeDevice, cause: String },
    #[error("threads: cannot be set ({0}); leave --threads out and set RAYON_NUM_THREADS")]
    Threads(String),
    #[error("the event loop cannot start ({0}); free some file descriptors and try again")]
    Runtime(std::io::Error),
    #[error("cancelled")]
    Cancelled,
    #[error("the worker stopped unexpectedly; the report above says where, please pass it on")]
    Panicked,
}

impl Error {
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Cancelled => true,
            Self::Pipeline(e) => e.is_cancelled(),
            Self::Eval(e) => matches!(e, eval::Error::Cancelled),
            Self::Calibration(e) => matches!(e, calibration::Error::Cancelled),
            Self::Hub { cause, .. } => matches!(cause, model::hub::Error::Cancelled),
            Self::Settings(_)
            | Self::Model(_)
            | Self::Export(_)
            | Self::NoSuchModel(_)
            | Self::NotADirectory(_)
            | Self::MissingAttempt { .. }
            | Self::NoSuchAttempt { .. }
            | Self::NoPart { .. }
            | Self::Stdout(_)
            | Self::Recording(_)
            | Self::Session(_)
            | Self::Changed { .. }
            | Self::NothingRun(_)
            | Self::ModelGone { .. }
            | Self::NotAsMeant { .. }
            | Self::CurrentDir(_)
            | Self::NoCalibration(_)
            | Self::NoMean { .. }
            | Self::NoEvalText(_)
            | Self::TooFewWindows { .. }
            | Self::TooLong { .. }
            | Self::NoBos(_)
            | Self::Device { .. }
            | Self::Threads(_)
            | Self::Runtime(_)
            | Self::Panicked => false,
        }
    }

    /// 2 bad usage, settings or input; 130 cancelled; 1 everything else.
    pub fn exit_code(&self) -> u8 {
        if self.is_cancelled() {
            return 130;
        }
        match self {
            Self::Panicked | Self::Runtime(_) | Self::Stdout(_) | Self::NotAsMeant { .. } => 1,
            Self::Recording(e) => e.exit_code(),
            Self::Session(e) => e.exit_code(),
            Self::Eval(eval::Error::Tensor(_)) => 1,
            Self::Pipeline(e) if !e.is_bad_input() => 1,
            _ => 2,
        }
    }
}
