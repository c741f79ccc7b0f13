//! Layer-wise structured pruning of LLaMA-family models: SlimGPT (arXiv 2412.18110).
//!
//! Arrows run one way: `headless → engine → {export, eval, pipeline} → {prune, calibration, model}`;
//! `config` is used by all and uses nobody. ARCHITECTURE.md tells more.

// Texts to token windows: plain text, JSON lines, Alpaca JSON, each also gzipped.
pub mod calibration;
// The settings of a run, checked once.
pub mod config;
// The built-in model and the generator of its text.
pub mod demo;
// Files that do not have their names yet.
pub mod disk;
// The worker: jobs on their own thread that obey commands and tell events.
pub mod engine;
// Perplexity and generation.
pub mod eval;
// Writing a pruned model.
pub mod export;
// The engine without a screen.
pub mod headless;
// A checkpoint: its architecture, its weights, its tokenizer, and one decoder block at a time.
pub mod model;
// Enums whose variants have names that people type.
pub mod names;
// One pass over the blocks: measure, solve, propagate.
pub mod pipeline;
// The explorer: messages in, effects out, and the state drawn.
pub mod explorer;
// The explorer on a terminal: input, event loop, and the terminal left as it was found.
pub mod tui;
// Charts from plain numbers, as SVG and as PNG.
pub mod plot;
// What the engine and its faces say to each other.
pub mod protocol;
// What came of a run, for people: figures, a page, a table, a model card.
pub mod report;
// Numbers, times, sessions, events and stages in words.
pub mod words;
// Many runs that differ in what a file says, and their tables.
pub mod sweep;
// A run on disk: settings, attempts of every layer, and what goes on after a crash.
pub mod session;
// Events on disk: written while they happen, and played again.
pub mod recording;
// The method itself, pure: second moment, damping, elimination, schedules.
pub mod prune;
