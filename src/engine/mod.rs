//! The worker: obeys Commands, tells Events, and stops between steps when it is asked to.

mod control;
mod error;
mod evaluate;
mod generate;
mod inspect;
mod machine;
mod open;
mod prune;
mod texts;

pub use crate::eval::Draw;
pub use control::{Control, Worker, start};
pub use error::Error;
pub use evaluate::{Evaluate, Evaluation, evaluate};
pub use generate::{Generate, Generated, generate};
pub use inspect::{Inspection, inspect};
pub use machine::use_threads;
pub use open::ModelChoice;
pub use prune::{PruneRun, prune};
