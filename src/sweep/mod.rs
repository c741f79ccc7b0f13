//! Runs a grid of settings and tabulates the results.
//!
//! ```text
//! sweep.json       the cells with their settings
//! settings/        a settings file per cell
//! cells/           a session per cell
//! logs/            the output of each cell's process
//! models/          the exported models, if the file sets export = true
//! results.csv      a row per cell
//! summary.csv      a row per group of cells that differ only in their seed
//! results.md, results.html, plots/
//! ```
//!
//! A cell is a separate run: `slimgpt prune` in its own process, on this machine or another. Its session is its
//! only state, so starting a sweep again continues it.

mod charts;
mod collect;
mod command;
mod csv;
mod error;
mod file;
mod markdown;
mod name;
mod page;
mod place;
mod plan;
mod publish;
mod room;
mod spread;
mod summary;
mod table;
mod work;

pub use collect::{CellRecord, Collected, Outcome, collect, record as collect_one};
pub use command::command;
pub use error::Error;
pub use file::{Draft, read};
pub use place::{Place, SessionStatus};
pub use plan::{Cell, Sweep};
pub use publish::publish;
pub use room::{Asked, Share, share};
pub use spread::Spread;
pub use summary::Row;
pub use table::{Side, Table, summary};
pub use work::{News, Work};
