//! Tests of the explorer as scripts of messages.

mod attempts;
mod commands;
pub mod comparing;
mod dialogs;
mod editing;
mod errors;
mod forms;
mod going_on;
mod keys;
mod map;
mod mouse;
pub mod pictures;
mod replaying;
mod restoring;
mod running;
mod script;
mod sessions;
mod side_by_side;
mod start_again;
mod steps;

use script::Script;
