//! The command-line frontend: runs a job to its end, shows progress on stderr and prints results on stdout.

mod advice;
mod columns;
mod inspect;
mod measure;
mod on_model;
mod on_session;
mod output;
mod progress;
mod run;
mod sessions;
mod sweep;
mod table;

pub use advice::advice;
pub use inspect::inspect;
pub use measure::measure;
pub use on_model::{evaluate, generate, logits, prune, prune_again};
pub use on_session::{choose, export, report, resume, retry};
pub use output::{Output, print_text, say};
#[cfg(feature = "mpi")]
pub use run::without_interrupts;
pub use sessions::{
    Confirmation, Removal, compare as compare_sessions, list as list_sessions,
    prune_old as prune_old_sessions, remove as remove_sessions, show as show_session,
};
pub use sweep::{collect as collect_sweep, commands as sweep_commands, run as run_sweep};

use output::print_json;
