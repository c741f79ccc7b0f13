//! A run on disk: settings, attempts of every layer, and what goes on after a crash.
//!
//! ```text
//! session.json            settings, fingerprints, attempts and which are in force; session.copy.json is its double
//! calibration.safetensors the token windows
//! attempts/               one file for each solved part of each attempt
//! desk.json               what is planned but not run, kept by the face
//! events.jsonl            everything that was told
//! streams/                layer inputs; may be removed at any time
//! lock                    held by the process at work
//! ```

mod state;

pub use state::*;
