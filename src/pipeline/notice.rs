//! What a pass tells while it works; whoever hears it may break it off between any two steps.

use std::ops::ControlFlow;

use crate::{
    config::Part,
    model::StoredTensor,
    prune::{LayerRecord, PartRecord, Progress},
};

/// 'c is the checkpoint: tensors that stay as they are lie in its files.
pub enum Notice<'a, 'c> {
    LayerStarted {
        layer: usize,
    },
    /// Calibration windows whose inputs of the scored weight have been measured.
    Calibrating {
        layer: usize,
        part: Part,
        done: u64,
        total: u64,
    },
    Solving {
        layer: usize,
        part: Part,
        progress: Progress<'a>,
    },
    PartDone {
        layer: usize,
        part: Part,
        record: &'a PartRecord,
    },
    PartFailed {
        layer: usize,
        part: Part,
        cause: &'a str,
    },
    /// Calibration windows that have passed the pruned part.
    Propagating {
        layer: usize,
        part: Part,
        done: u64,
        total: u64,
    },
    /// `tensors` are the finished block in the checkpoint's own number types.
    LayerDone {
        record: &'a LayerRecord,
        tensors: Vec<StoredTensor<'c>>,
    },
}

/// Hears notices.
pub type Observer<'o, 'c> = dyn FnMut(Notice<'_, 'c>) -> ControlFlow<()> + 'o;
