//! Recordings: events on disk, one line of JSON each. They are written during a run and replayed later.

mod clock;
mod error;
mod job_starts;
mod lines;
mod recorder;
mod replay;

pub use error::Error;
pub use recorder::Recorder;
pub use replay::{Player, Replay};
