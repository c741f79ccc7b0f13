//! Progress of a pass. The observer may cancel between any two steps.

use std::ops::ControlFlow;

use crate::prune::{Part, PartRecord, Progress};

use super::{BlockCut, Error};

/// Progress of a pass.
#[allow(missing_docs, reason = "the comment of each variant explains its fields")]
pub enum Notice<'a> {
    /// Calibration windows that have passed a solved layer on the way to another layer.
    Passing {
        layer: usize,
        done: u64,
        total: u64,
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
    /// Units removed while an error curve is computed.
    Following {
        layer: usize,
        part: Part,
        done: u64,
        total: u64,
    },
    PartDone {
        layer: usize,
        part: Part,
        record: &'a PartRecord,
        /// The cut of this part and of those before it.
        cut: &'a BlockCut,
    },
    PartFailed {
        layer: usize,
        part: Part,
        cause: &'a str,
    },
    /// Calibration windows that have passed the pruned part, on the way to the next part.
    Propagating {
        layer: usize,
        part: Part,
        done: u64,
        total: u64,
    },
}

impl Notice<'_> {
    /// The layer of the notice.
    pub fn layer(&self) -> usize {
        match *self {
            Self::Passing { layer, .. }
            | Self::Calibrating { layer, .. }
            | Self::Solving { layer, .. }
            | Self::Following { layer, .. }
            | Self::PartDone { layer, .. }
            | Self::PartFailed { layer, .. }
            | Self::Propagating { layer, .. } => layer,
        }
    }
}

/// Receives notices; its `Break` cancels the work.
pub type Observer<'o> = dyn FnMut(Notice<'_>) -> ControlFlow<()> + 'o;

/// Reports a notice; fails if the observer breaks.
pub(super) fn emit(observer: &mut Observer<'_>, notice: Notice<'_>) -> Result<(), Error> {
    if observer(notice).is_break() { Err(Error::Cancelled) } else { Ok(()) }
}
