//! Layer-wise structured pruning of LLaMA-family models: SlimGPT (arXiv 2412.18110).
//!
//! Arrows run one way: `headless → engine → {export, eval, pipeline} → {prune, calibration, model}`;
//! `config` is used by all and uses nobody. ARCHITECTURE.md tells more.

/// Texts to token windows: plain text, JSON lines, Alpaca JSON, each also gzipped.
pub mod calibration;
/// The settings of a run and of the method, validated once.
pub mod config;
/// The built-in model and the generator of its text.
pub mod demo;
/// A checkpoint: its architecture, its weights, its tokenizer, and one decoder block at a time.
pub mod model;
/// The method itself, pure: second moment, damping, elimination, schedules.
pub mod prune;
