//! Recordings: events on disk, one line of JSON each. They are written during a run and replayed later.

mod clock;
mod error;
mod index;
mod job_starts;
mod lines;
mod recorder;
mod replay;

pub use error::Error;
pub use recorder::Recorder;
pub use replay::{Lecture, Replay};
