//! Many runs that differ in what a file says, and the tables of what came of them.
//!
//! ```text
//! sweep.json       what the sweep is: its cells with their settings
//! settings/        a settings file for each cell
//! cells/           a session for each cell
//! logs/            what each cell's process said
//! models/          what the cells wrote, where the file says export = true
//! results.csv      a row a cell
//! summary.csv      a row for what differs in the seed alone
//! results.md, results.html, plots/
//! ```
//!
//! A cell is a run of its own: `slimgpt prune` in another process, here or elsewhere. Nothing but its session tells how it
//! stands, so a sweep is gone on with by beginning it again.

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
