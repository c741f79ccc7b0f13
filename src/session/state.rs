//! What `session.json` holds.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    calibration::TextSource,
    config::{Machine, Settings},
    protocol::{
        Attempt, AttemptSummary, CalibrationRecord, ModelRecord, PartSummary, PerplexityRecord, SearchRecord,
        Seconds, WrittenRecord,
    },
    prune::{LayerRatio, Part},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Rises with every change; of two readable copies the higher one holds.
    pub sequence: u64,
    pub slimgpt_version: String,
    /// Unix seconds.
    pub created: u64,
    pub changed: u64,
    /// Where relative names of texts begin.
    pub base: PathBuf,
    pub model: ModelEntry,
    /// Settings that attempts were made with, the newest last.
    pub setups: Vec<Setup>,
    pub calibrations: Vec<Calibration>,
    /// One a layer.
    pub layers: Vec<LayerEntry>,
    /// How ratios were searched for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRecord>,
    /// The run begun last.
    #[serde(alias = "course")]
    pub run_state: Option<RunState>,
    /// In the order in which they were measured.
    pub perplexities: Vec<Measured>,
    /// The export begun last.
    pub output: Option<Output>,
}

/// The model and the fingerprints of its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    pub place: ModelPlace,
    /// With the sizes of the attempts active.
    pub record: ModelRecord,
    pub files: Vec<Fingerprint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelPlace {
    BuiltIn,
    /// Absolute.
    Directory(PathBuf),
    Hub(String),
}

/// A file as it was, so that a change is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Of a model: its name within the directory. Of a text: its path as it was given.
    pub name: String,
    pub bytes: u64,
    /// Seconds and nanoseconds since 1970; with equal length and time, the content is not read again. None for what is
    /// built in.
    pub modified: Option<(u64, u32)>,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Resolved: windows and both ends of the layers are said.
    pub settings: Settings,
    /// Which of [`State::calibrations`].
    pub calibration: usize,
}

/// Calibration windows and what they were drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    pub sources: Vec<TextSource>,
    pub record: CalibrationRecord,
    /// Tokens in the texts.
    pub text_tokens: usize,
    pub texts: Vec<Fingerprint>,
    /// SHA-256 of the windows' file.
    pub sha256: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerEntry {
    #[serde(alias = "in_force")]
    pub active: Option<usize>,
    /// By their numbers.
    pub attempts: Vec<AttemptEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptEntry {
    pub attempt: Attempt,
    /// Which of [`State::setups`].
    pub setup: usize,
    /// None until it is through.
    pub attention: Option<PartEntry>,
    pub mlp: Option<PartEntry>,
    /// E‖h − h_dense‖² / E‖h_dense‖² behind the layer, where the dense stream was run.
    pub output_error: Option<f64>,
    /// False while parts of it are still to come.
    pub complete: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartEntry {
    pub summary: PartSummary,
    /// The attempt of this layer whose file holds the part: an earlier one where the part was taken over from it.
    pub file: usize,
}

/// A run from a layer to the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub from: usize,
    /// Planned, one a layer.
    pub ratios: Vec<LayerRatio>,
    pub setup: usize,
    /// At work on it, up to the layer finished last.
    pub seconds: Seconds,
    pub finished: bool,
    /// Where its model is to be written; None where nobody has said.
    pub target: Option<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Absolute.
    pub path: PathBuf,
    /// Whether an earlier output is to be replaced.
    pub force: bool,
}

/// A perplexity and what it was measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub text: TextSource,
    pub seq_len: usize,
    pub bos: bool,
    pub machine: Machine,
    /// Of the tokens.
    pub tokens_sha256: String,
    /// The attempts that were active, one a layer; None of the dense model.
    pub of: Option<Vec<Option<usize>>>,
    pub record: PerplexityRecord,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Absolute.
    pub path: PathBuf,
    /// Where it is written until it is whole.
    pub partial: Option<PathBuf>,
    /// SHA-256 of its `run.json`, once that is known.
    pub run_json_sha256: Option<String>,
    /// Of all its files, once it is written.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// The attempts that it is made of, one a layer; empty in sessions of the first versions.
    #[serde(default)]
    pub of: Vec<Option<usize>>,
    /// Its forms, once it is written.
    #[serde(default)]
    pub forms: Vec<WrittenRecord>,
    pub written: bool,
}

impl AttemptEntry {
    /// None until both parts are through.
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
    /// The number active of each layer.
    pub fn active(&self) -> Vec<Option<usize>> {
        self.layers.iter().map(|layer| layer.active).collect()
    }
}
