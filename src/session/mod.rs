//! Sessions: a run on disk with its settings and the attempts of every layer. A run can be resumed from it after a crash.
//!
//! ```text
//! session.json            settings, fingerprints, attempts and which are active; session.copy.json is a copy
//! calibration.safetensors the token windows
//! attempts/               one file for each solved part of each attempt
//! draft.json              unsaved plans and undo history of the frontend
//! events.jsonl            the log of events
//! streams/                layer inputs; may be removed at any time
//! lock                    held by the process that works on the session
//! ```
//!
//! Files appear complete or not at all. Each has a format version and a checksum, which reveal damage. A file is
//! written before the state that refers to it, so all files named by the state exist whenever a process ends. A
//! damaged attempt does not affect the others.

mod envelope;
mod error;
mod fingerprint;
mod journal;
mod lock;
mod mirrored_file;
mod names;
mod opened;
mod part_file;
mod state;
mod store;
mod stream_cache;
mod summary;
mod tensor_file;
mod whole_file;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use fingerprint::{Check, StampCheck};
pub use journal::{DraftFile, Journal};
pub use opened::Session;
pub use opened::{label, settle};
pub use part_file::{Bias, PartHead, PartPlace, Weight};
pub use state::*;
pub use store::{clear_other_streams, find, list, remove};
pub use stream_cache::{StreamCache, Tensor};
pub use summary::{last_record, look, look_at_part, planned_ratios, removed_units, summary};

/// Format version of all files of a session.
pub const FORMAT: u64 = 1;
