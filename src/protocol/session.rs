//! Content of a session on disk, as the engine reports it to frontends.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attempt, CalibrationRecord, ModelRecord, PerplexityRecord, SearchRecord};
use crate::{
    config::Settings,
    prune::{
        AttentionUnit, HessianStats, LayerRatio, LayerRecord, MomentPicture, Part, PartRecord, StreamErrors,
    },
};

/// Statistics of a part before the first removal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    pub stats: HessianStats,
    pub picture: MomentPicture,
    /// Score of each unit.
    pub scores: Vec<f32>,
    /// Output energy E‖y‖² = tr(W G Wᵀ) per token; relative errors are divided by it. None for a large weight
    /// until its part is solved.
    pub energy: Option<f64>,
}

/// Content of a session that was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    pub path: PathBuf,
    /// Settings of the next run.
    pub settings: Box<Settings>,
    /// Planned ratios, indexed by layer; empty if nothing is planned yet.
    pub ratios: Vec<LayerRatio>,
    /// Contents of the layers, indexed by layer.
    pub layers: Vec<RestoredLayer>,
    pub calibration: Option<CalibrationRecord>,
    /// The last ratio search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Box<SearchRecord>>,
    /// Measured perplexities, oldest first.
    pub perplexities: Vec<RestoredPerplexity>,
    /// Computing time of the last run so far, in seconds.
    #[serde(default)]
    pub seconds: f64,
    /// Number of layers that the last run still has to prune; None if it is finished.
    pub unfinished: Option<usize>,
    /// The frontend's part of the saved [`Draft`].
    #[serde(alias = "face")]
    pub frontend: Value,
}

/// A perplexity measured earlier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoredPerplexity {
    /// Numbers of the active attempts, indexed by layer; None if only the dense model was measured.
    pub of: Option<Vec<Option<usize>>>,
    pub record: PerplexityRecord,
}

/// The attempts of a layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RestoredLayer {
    #[serde(alias = "in_force")]
    pub active: Option<usize>,
    /// The usable attempts in ascending order of their numbers.
    pub attempts: Vec<RestoredAttempt>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoredAttempt {
    pub attempt: Attempt,
    pub record: LayerRecord,
    /// Both streams behind each part, if the dense stream was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_errors: Option<StreamErrors>,
    /// None if the part is not pruned.
    pub attention: Option<Statistics>,
    pub mlp: Option<Statistics>,
}

/// Unsaved plans and undo history. The frontend sends a draft after every change, and the session stores it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Settings of the next run.
    pub settings: Box<Settings>,
    /// Planned ratios, indexed by layer.
    pub ratios: Vec<LayerRatio>,
    /// Other data that the frontend restores, in its own format.
    #[serde(alias = "face")]
    pub frontend: Value,
}

/// Summary of a session, read without opening it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    pub path: PathBuf,
    /// Last component of the path.
    pub name: String,
    /// Size of its files.
    pub bytes: u64,
    pub status: SessionStatus,
    /// True if its last process was killed.
    #[serde(default)]
    pub killed: bool,
    /// None if the session is damaged.
    pub content: Option<SessionContent>,
}

/// Status of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SessionStatus {
    /// Its last run is finished, and no layer is stale.
    Finished,
    /// `left` layers have to be pruned.
    Unfinished { left: usize },
    /// A process holds its lock. The process ID is None if unknown.
    InUse { pid: Option<u32> },
    /// It cannot be read.
    Damaged { why: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionContent {
    /// Time of creation in seconds since 1970, like `changed`.
    pub created: u64,
    pub changed: u64,
    #[serde(default, skip_serializing_if = "Label::is_empty")]
    pub label: Label,
    /// The model with the active attempts.
    pub model: ModelRecord,
    /// Settings of the last run.
    pub settings: Settings,
    pub calibration: Option<CalibrationRecord>,
    /// Mean ratio as defined by `mean_ratio`.
    #[serde(default)]
    pub ratio: Option<LayerRatio>,
    pub layers: Vec<LayerSummary>,
    /// Perplexity with the active attempts, on the evaluation text of the settings.
    pub perplexity: Option<PerplexityRecord>,
    /// The same on the second text; None if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<PerplexityRecord>,
    /// Seconds taken by the last run, over all processes.
    pub seconds: f64,
    /// Path of the last export.
    pub output: Option<PathBuf>,
}

/// A name and a note that a user gives to a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Shown in place of the directory's name; empty if none was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Label {
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.note.is_empty()
    }
}

/// Summary of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// Number of attempts.
    pub attempts: usize,
    /// The active attempt; None if the layer is dense.
    pub active: Option<AttemptSummary>,
    /// True if the active attempt is stale as defined by [`Attempt::is_stale`].
    pub stale: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptSummary {
    pub number: usize,
    pub ratio: LayerRatio,
    pub attention: PartSummary,
    pub mlp: PartSummary,
    pub output_error: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartSummary {
    pub units: usize,
    /// The unit of an attention; None for channels, and in sessions of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<AttentionUnit>,
    pub kept: usize,
    #[serde(deserialize_with = "super::record::nan_from_null")]
    pub relative_error: f64,
}

/// The removed units of an active attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemovedUnits {
    pub attention: RemovedFrom,
    pub mlp: RemovedFrom,
}

/// The removed units of one part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemovedFrom {
    /// Units before pruning.
    pub units: usize,
    pub removed: Vec<usize>,
}

impl RemovedUnits {
    pub fn of(&self, part: Part) -> &RemovedFrom {
        match part {
            Part::Attention => &self.attention,
            Part::Mlp => &self.mlp,
        }
    }
}

impl From<PartRecord> for RemovedFrom {
    fn from(record: PartRecord) -> Self {
        Self { units: record.units, removed: record.removed }
    }
}

impl From<&PartRecord> for PartSummary {
    fn from(record: &PartRecord) -> Self {
        let PartRecord { units, unit, relative_error, .. } = *record;
        Self { units, unit, kept: record.kept.len(), relative_error }
    }
}
