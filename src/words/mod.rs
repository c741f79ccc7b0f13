//! Texts shared by both frontends, the reports and the sweeps: numbers, times and ratios, shell arguments,
//! sentences for events, stages and sessions, and the table of exit codes.

mod axis;
mod event;
mod exit_code;
mod notation;
mod numbers;
mod session;
mod shares;
mod shell;
mod stage;
mod times;
mod units;

pub use axis::needs_log_axis;
pub use event::{Level, Place, Sentence, event};
pub use exit_code::{ExitCode, exit_codes};
pub use notation::Notation;
pub use numbers::{
    bytes, count, error, measure, or_dash, ordinal, parameters, perplexity, plural, plus_minus, short, signed,
};
pub use session::{
    is_empty, kept, layers_pruned, part, perplexities, perplexities_and_errors, session_name, session_status,
    session_title,
};
pub use shares::{change, fewer, percent, progress, ratio, relative_error};
pub use shell::{quoted, session_argument};
pub use stage::{stage_fraction, stage_progress};
pub use times::{ago, clock, date, duration};
pub use units::{AttentionUnits, attention_unit};
