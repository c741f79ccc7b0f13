//! Layer-wise structured pruning of LLaMA-family models: SlimGPT (arXiv 2412.18110).
//!
//! Whole attention heads and FFN channels are removed, and the remaining weights are updated in closed form.
//!
//! | to | see |
//! | --- | --- |
//! | open a checkpoint | [`model`] |
//! | draw calibration windows from texts | [`calibration`] |
//! | prune one weight | [`prune`] |
//! | prune the layers of a model in one pass | [`pipeline`] |
//! | measure perplexity, generate text | [`eval`] |
//! | write the pruned model | [`export`] |
//! | distinguish wrong input from other failures | [`failure`] |
//! | set and check the settings of a run | [`config`] |
//! | try all of it on a small trained model | [`demo`] |
//!
//! The other modules make up the program and are private to the crate. A binary is a separate crate, so the hidden
//! module `application` re-exports the items used by the program, its tests and its benches; it is not part of the
//! library's interface.

#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod calibration;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod config;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod demo;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod eval;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod export;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod failure;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod model;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod names;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod pipeline;
#[deny(missing_docs, clippy::missing_errors_doc)]
pub mod prune;

#[doc(hidden)]
pub mod application;

mod cluster;
mod disk;
mod engine;
mod explorer;
mod gguf;
mod headless;
mod plot;
mod product;
mod progress;
mod protocol;
mod recording;
mod report;
mod session;
mod sweep;
mod tui;
mod words;
