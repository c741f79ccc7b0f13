//! Content of `session.json`.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    calibration::TextSource,
    config::{Evaluation, Machine, Settings, Tracking},
    protocol::{
        Attempt, AttemptSummary, CalibrationRecord, Label, ModelRecord, PartSummary, PerplexityRecord,
        SearchRecord, Seconds, WrittenRecord,
    },
    prune::{LayerRatio, Part, StreamErrors},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Increases with every change. Of two readable copies, the one with the higher number is valid.
    pub sequence: u64,
    pub slimgpt_version: String,
    /// Time of creation in seconds since 1970, like `changed`.
    pub created: u64,
    pub changed: u64,
    /// Name and note given by the user.
    #[serde(default, skip_serializing_if = "Label::is_empty")]
    pub label: Label,
    /// Directory for resolving relative paths of texts.
    pub base: PathBuf,
    pub model: ModelEntry,
    /// Settings of the attempts, the newest last.
    pub setups: Vec<Setup>,
    pub calibrations: Vec<Calibration>,
    /// Entries of the layers, indexed by layer.
    pub layers: Vec<LayerEntry>,
    /// The last ratio search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// The last run.
    #[serde(alias = "course")]
    pub run_state: Option<RunState>,
    /// A newer run that has started but has not read its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingRun>,
    /// Measured perplexities, oldest first.
    pub perplexities: Vec<Measured>,
    /// The last export.
    pub output: Option<Output>,
}

/// The model and the fingerprints of its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    pub place: ModelPlace,
    /// The model, with the sizes of the active attempts.
    pub record: ModelRecord,
    pub files: Vec<Fingerprint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelPlace {
    BuiltIn,
    /// Absolute path.
    Directory(PathBuf),
    Hub(String),
    /// Absolute path of a GGUF file.
    File(PathBuf),
}

/// Identifies the content of a file and so detects changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Name of a model's file in its directory, or path of a text as given by the user.
    pub name: String,
    pub bytes: u64,
    /// Modification time in seconds and nanoseconds since 1970. A file with equal length and time is not read again. None
    /// for a built-in file.
    pub modified: Option<(u64, u32)>,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Settings with the window length and both ends of the layer range filled in.
    pub settings: Settings,
    /// Index into [`State::calibrations`].
    pub calibration: usize,
}

/// Calibration windows and their texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    pub sources: Vec<TextSource>,
    pub record: CalibrationRecord,
    /// Tokens encoded to draw the windows.
    pub text_tokens: usize,
    pub texts: Vec<Fingerprint>,
    /// SHA-256 of the windows' file.
    pub sha256: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerEntry {
    #[serde(alias = "in_force")]
    pub active: Option<usize>,
    /// Attempts in ascending order of their numbers.
    pub attempts: Vec<AttemptEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptEntry {
    pub attempt: Attempt,
    /// Index into [`State::setups`].
    pub setup: usize,
    /// None until the part is solved.
    pub attention: Option<PartEntry>,
    pub mlp: Option<PartEntry>,
    /// E‖h − h_dense‖² / E‖h_dense‖² of the layer's output, if the dense stream was computed.
    pub output_error: Option<f64>,
    /// Both streams behind each part, if the dense stream was computed. Earlier versions did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_errors: Option<StreamErrors>,
    /// False until both parts are saved.
    pub complete: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartEntry {
    pub summary: PartSummary,
    /// Number of the attempt whose file contains the part. It is an earlier attempt if the part was copied.
    pub file: usize,
}

/// A run from layer `from` to the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub from: usize,
    /// Planned ratios, indexed by layer.
    pub ratios: Vec<LayerRatio>,
    pub setup: usize,
    /// Time used up to the last finished layer.
    pub seconds: Seconds,
    pub finished: bool,
    /// Output of the model; None if none was requested.
    pub target: Option<Target>,
}

/// A run before its calibration windows exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingRun {
    /// Settings with the window length and both ends of the layer range filled in.
    pub settings: Settings,
    /// Planned ratios, one per layer; empty until a search has found them.
    pub ratios: Vec<LayerRatio>,
    /// As in [`RunState`].
    pub target: Option<Target>,
    /// The calibration texts in files. They have no fingerprints before they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<FileStamp>,
}

/// Length and time of a file that has not been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Path as given by the user.
    pub name: String,
    pub bytes: u64,
    /// As in [`Fingerprint`].
    pub modified: Option<(u64, u32)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Absolute path.
    pub path: PathBuf,
    /// Whether to replace an earlier output.
    pub force: bool,
}

/// A measured perplexity and its inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    #[serde(flatten, deserialize_with = "evaluation")]
    pub evaluation: Evaluation,
    pub machine: Machine,
    /// SHA-256 of the tokens.
    pub tokens_sha256: String,
    /// Numbers of the active attempts, indexed by layer; None for the dense model.
    pub of: Option<Vec<Option<usize>>>,
    pub record: PerplexityRecord,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Absolute path.
    pub path: PathBuf,
    /// Temporary path until the export is complete.
    pub partial: Option<PathBuf>,
    /// SHA-256 of its `run.json`, once written.
    pub run_json_sha256: Option<String>,
    /// Size of its files, once complete.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Numbers of its attempts, indexed by layer; empty in sessions written by the first versions.
    #[serde(default)]
    pub of: Vec<Option<usize>>,
    /// Its forms, once complete.
    #[serde(default)]
    pub forms: Vec<WrittenRecord>,
    pub written: bool,
}

/// The evaluation of a perplexity. The first versions wrote three fields with other names.
fn evaluation<'de, D: Deserializer<'de>>(from: D) -> Result<Evaluation, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        First { text: TextSource, seq_len: usize, bos: bool },
        Now(Evaluation),
    }
    Ok(match Written::deserialize(from)? {
        Written::First { text, seq_len, bos } => {
            let track_errors = Tracking::Off;
            Evaluation { text: Some(text), seq_len, bos, track_errors, ..Evaluation::default() }
        }
        Written::Now(evaluation) => evaluation,
    })
}

impl AttemptEntry {
    /// The summary; None until both parts are saved.
    pub fn summary(&self) -> Option<AttemptSummary> {
        Some(AttemptSummary {
            number: self.attempt.number,
            ratio: self.attempt.method.ratio,
            attention: self.attention.as_ref()?.summary,
            mlp: self.mlp.as_ref()?.summary,
            output_error: self.output_error,
        })
    }

    pub fn part(&self, part: Part) -> Option<&PartEntry> {
        match part {
            Part::Attention => self.attention.as_ref(),
            Part::Mlp => self.mlp.as_ref(),
        }
    }

    pub fn part_mut(&mut self, part: Part) -> &mut Option<PartEntry> {
        match part {
            Part::Attention => &mut self.attention,
            Part::Mlp => &mut self.mlp,
        }
    }
}

impl State {
    /// Output of the newest run.
    pub fn target(&self) -> Option<&Target> {
        match (&self.pending, &self.run_state) {
            (Some(pending), _) => pending.target.as_ref(),
            (None, Some(run_state)) => run_state.target.as_ref(),
            (None, None) => None,
        }
    }

    /// True if a run has started, which can then be resumed.
    pub fn has_run(&self) -> bool {
        self.pending.is_some() || self.run_state.is_some()
    }

    /// Numbers of the active attempts, indexed by layer.
    pub fn active(&self) -> Vec<Option<usize>> {
        self.layers.iter().map(|layer| layer.active).collect()
    }
}
