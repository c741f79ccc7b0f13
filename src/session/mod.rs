//! A run on disk: settings, attempts of every layer, and what goes on after a crash.
//!
//! ```text
//! session.json            settings, fingerprints, attempts and which are active; session.copy.json is its double
//! calibration.safetensors the token windows
//! attempts/               one file for each solved part of each attempt
//! draft.json               what is planned but not run, kept by the frontend
//! events.jsonl            everything that was told
//! streams/                layer inputs; may be removed at any time
//! lock                    held by the process at work
//! ```
//!
//! A file appears whole or not at all, and states a format and a checksum, so that what is damaged is noticed. Files are
//! written before the state that names them: whenever a process ends, the state and all that it names are there. One damaged
//! attempt costs no other.

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
pub use fingerprint::Check;
pub use journal::{DraftFile, Journal};
pub use opened::Session;
pub use part_file::{Bias, PartHead, PartPlace, Weight};
pub use state::*;
pub use store::{clear_other_streams, find, list, remove};
pub use stream_cache::{StreamCache, Tensor};
pub use summary::{last_record, look, look_at_part, planned_ratios, summary};

/// The version of all files of a session.
pub const FORMAT: u64 = 1;
