//! What a session on disk holds, as faces are told of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attempt, CalibrationRecord, ModelRecord, PerplexityRecord, SearchRecord};
use crate::{
    config::Settings,
    prune::{HessianStats, LayerRatio, LayerRecord, MomentPicture, PartRecord},
};

/// What was seen of a part before anything left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    pub stats: HessianStats,
    pub picture: MomentPicture,
    /// One of every unit.
    pub scores: Vec<f32>,
    /// E‖y‖² = tr(W G Wᵀ), what relative errors are told against.
    pub energy: f64,
}

/// A session that was opened again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    pub path: PathBuf,
    /// Of the next run.
    pub settings: Box<Settings>,
    /// Planned, one a layer; empty where nothing was planned yet.
    pub ratios: Vec<LayerRatio>,
    /// One a layer.
    pub layers: Vec<RestoredLayer>,
    pub calibration: Option<CalibrationRecord>,
    /// How ratios were searched for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Box<SearchRecord>>,
    /// In the order in which they were measured.
    pub perplexities: Vec<RestoredPerplexity>,
    /// Layers that the run begun last had still to prune when it ended; None where it came to its end.
    pub unfinished: Option<usize>,
    /// What a frontend had kept with [`Draft`].
    #[serde(alias = "face")]
    pub frontend: Value,
}

/// A perplexity that was measured earlier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoredPerplexity {
    /// The attempts that were active, one a layer; None of the dense model alone.
    pub of: Option<Vec<Option<usize>>>,
    pub record: PerplexityRecord,
}

/// The attempts of a layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RestoredLayer {
    #[serde(alias = "in_force")]
    pub active: Option<usize>,
    /// Those that can be used, by their numbers.
    pub attempts: Vec<RestoredAttempt>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoredAttempt {
    pub attempt: Attempt,
    pub record: LayerRecord,
    /// None where the part was not solved.
    pub attention: Option<Statistics>,
    pub mlp: Option<Statistics>,
}

/// What lies on a person's draft: planned, but not run. Kept in the session whenever it changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Of the next run.
    pub settings: Box<Settings>,
    /// Planned, one a layer.
    pub ratios: Vec<LayerRatio>,
    /// What else the frontend wants to find again, as it wrote it.
    #[serde(alias = "face")]
    pub frontend: Value,
}

/// A session at a glance, read without opening it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionSummary {
    pub path: PathBuf,
    /// The last part of the path.
    pub name: String,
    /// Bytes of its files.
    pub bytes: u64,
    pub status: SessionStatus,
    /// None where the session is damaged.
    pub content: Option<SessionContent>,
}

/// How a session stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SessionStatus {
    /// Its run came to the end.
    Finished,
    /// So many layers were still to be pruned.
    Unfinished { left: usize },
    /// Another process works on it.
    InUse { pid: Option<u32> },
    /// It cannot be read; why.
    Damaged { why: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionContent {
    /// Unix seconds.
    pub created: u64,
    pub changed: u64,
    /// Of the attempts active.
    pub model: ModelRecord,
    /// Of the run begun last.
    pub settings: Settings,
    pub calibration: Option<CalibrationRecord>,
    /// Mean ratio, as [`mean_ratio`](super::mean_ratio) defines it.
    #[serde(default)]
    pub ratio: Option<LayerRatio>,
    pub layers: Vec<LayerSummary>,
    /// Of the attempts active, on the evaluation text of the run.
    pub perplexity: Option<PerplexityRecord>,
    /// Seconds at work.
    pub seconds: f64,
    /// Where the model was written to.
    pub output: Option<PathBuf>,
}

/// A layer with its attempt active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSummary {
    pub attempts: usize,
    /// None where the layer is dense.
    pub active: Option<AttemptSummary>,
    /// It rests on other attempts than those active above it, or has another ratio than is planned now.
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
    pub kept: usize,
    #[serde(deserialize_with = "super::record::nan_from_null")]
    pub relative_error: f64,
}

impl From<&PartRecord> for PartSummary {
    fn from(record: &PartRecord) -> Self {
        Self { units: record.units, kept: record.kept.len(), relative_error: record.relative_error }
    }
}
