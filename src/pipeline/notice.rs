//! What a pass tells while it works; whoever hears it may break it off between any two steps.

use std::ops::ControlFlow;

use crate::prune::{Part, PartRecord, Progress};

use super::{BlockCut, Error};

pub enum Notice<'a> {
    /// Calibration windows that have passed a layer again, on their way to another one.
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
    /// Units that have left on the way to the end of an error curve.
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
        /// With this part, and those before it.
        cut: &'a BlockCut,
    },
    PartFailed {
        layer: usize,
        part: Part,
        cause: &'a str,
    },
    /// Calibration windows that have passed the pruned part, towards the next.
    Propagating {
        layer: usize,
        part: Part,
        done: u64,
        total: u64,
    },
}

/// Hears notices.
pub type Observer<'o> = dyn FnMut(Notice<'_>) -> ControlFlow<()> + 'o;

/// Tells, and ends the work where whoever hears it breaks it off.
pub(super) fn emit(observer: &mut Observer<'_>, notice: Notice<'_>) -> Result<(), Error> {
    if observer(notice).is_break() { Err(Error::Cancelled) } else { Ok(()) }
}
