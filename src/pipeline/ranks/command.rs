//! The commands that the first rank sends to the others before an operation of a pass.

use serde::{Deserialize, Serialize};

use crate::{
    calibration::{TokenWeights, WeightSpread, Windows},
    cluster::packet,
    config::Settings,
    pipeline::{BlockCut, LayerTask, Propagate, Removals, Task},
    prune::AttentionUnit,
};

use super::{Share, cut_bytes};

/// An operation on dealt streams.
#[derive(Serialize, Deserialize)]
pub enum Asked {
    /// Embed the windows. The blocks of the message contain their tokens, and the weights of the tokens if there are any.
    Enter { samples: usize, seq_len: usize, weights: Option<WeightSpread> },
    /// Measure, prune and propagate a layer. The blocks contain the cuts of parts to reuse.
    Layer { layer: usize, unit: AttentionUnit, attention: Treatment, mlp: Treatment, to_output: bool },
    /// Pass a solved layer. The block contains its cut.
    Through { layer: usize },
    /// Predict the costs of all parts. The blocks contain the tokens of the windows for fitting and for gradients, and the
    /// weights of the former.
    Costs { samples: usize, seq_len: usize, budget: u64, weights: Option<WeightSpread> },
    /// Compare the predictions of streams behind the last block with those of the dense model's streams, which have this number.
    Judge { dense: u64 },
}

/// The treatment of a part, as far as other ranks need to know it.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Treatment {
    Solve { units: usize, scheduled: usize },
    Keep,
    Reuse,
}

#[derive(Serialize, Deserialize)]
pub struct Command {
    pub asked: Asked,
    pub settings: Settings,
    /// The streams that the operation reads; 0 if there are none.
    pub from: u64,
    /// Whether these streams are needed again.
    pub keeps: bool,
    /// The number of the streams that result.
    pub into: u64,
    /// Streams that are no longer needed.
    pub ended: Vec<u64>,
}

/// The weights of the tokens of windows as a block of a message; empty without weights.
pub fn weight_bytes(windows: &Windows, weights: Option<&TokenWeights>) -> Vec<u8> {
    weights.map(|weights| windows.to_safetensors_with(weights)).unwrap_or_default()
}

impl Treatment {
    fn of(task: &Task<'_>) -> Self {
        match task {
            Task::Solve { removals: Removals { units, scheduled }, solver: _ } => {
                Self::Solve { units: *units, scheduled: *scheduled }
            }
            Task::Keep => Self::Keep,
            Task::Reuse { .. } => Self::Reuse,
        }
    }
}

impl Asked {
    /// The operation of a layer's task, and the cuts to reuse.
    pub fn layer(task: &LayerTask<'_>) -> (Self, Vec<Vec<u8>>) {
        let LayerTask { layer, ratio: _, unit, attention, mlp, propagate } = task;
        let to_output = match propagate {
            Propagate::ToOutput => true,
            Propagate::RecordOnly => false,
        };
        let cuts = [attention, mlp].map(|task| match task {
            Task::Reuse { record: _, cut } => cut_bytes(cut),
            Task::Solve { .. } | Task::Keep => Vec::new(),
        });
        let (attention, mlp) = (Treatment::of(attention), Treatment::of(mlp));
        (Self::Layer { layer: *layer, unit: *unit, attention, mlp, to_output }, cuts.into())
    }

    /// The operation that passes a solved layer, and the cut.
    pub fn through(layer: usize, cut: Option<&BlockCut>) -> (Self, Vec<Vec<u8>>) {
        (Self::Through { layer }, vec![cut_bytes(cut.unwrap_or(&BlockCut::new(layer)))])
    }

    /// The message that asks for this operation on streams, and the share of the streams that result.
    pub fn command(self, settings: &Settings, of: &Share, blocks: &[Vec<u8>]) -> (Vec<u8>, Share) {
        let into = match &self {
            Self::Enter { .. } | Self::Judge { .. } | Self::Costs { .. } => of.clone(),
            Self::Layer { .. } | Self::Through { .. } => of.renumbered(super::share::next_number()),
        };
        let keeps = match &self {
            Self::Judge { .. } => true,
            Self::Enter { .. } | Self::Costs { .. } | Self::Layer { .. } | Self::Through { .. } => {
                of.is_shared()
            }
        };
        let (from, into_number, ended) = (of.number(), into.number(), of.group.forgotten());
        let command =
            Command { asked: self, settings: settings.clone(), from, keeps, into: into_number, ended };
        let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        (packet(&command, &blocks), into)
    }

    /// The message that asks for this operation, which makes no streams.
    pub fn command_on(self, settings: &Settings, of: &Share) -> Vec<u8> {
        self.command(settings, of, &[]).0
    }
}
