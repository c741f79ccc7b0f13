//! Progress and remaining time of a job, computed from its events: the only place that does so.
//!
//! A job consists of steps. The work of each step follows from the sizes of the model and the number of tokens. The
//! speed of each kind of step is measured while it runs; until then it is derived from the steps that were measured.

mod dense_stream;
mod rates;
mod search;
mod steps;
mod tracker;
mod work;

pub use dense_stream::dense_stream_share;
pub use tracker::Progress;

#[cfg(test)]
mod tests;
