//! Runs jobs on their own thread: applies commands between two steps of a job, and emits events.

mod calibrate;
mod context;
mod describe;
mod draft_saver;
mod error;
mod evaluate;
mod evaluation;
mod generate;
mod inspect;
mod logits;
mod machine;
mod notices;
mod open;
mod place;
mod publish;
mod ranks;
mod stopwatch;
mod texts;
mod weigh;
mod worker;
mod workspace;
mod written;

pub use crate::eval::Draw;
pub use context::Context;
pub use draft_saver::DraftSaver;
pub use error::Error;
pub use evaluate::{Evaluate, Evaluation, evaluate};
pub use generate::{Generate, Generated, generate};
pub use inspect::{Inspection, forecast, inspect};
pub use logits::{Logits, logits};
pub use open::ModelChoice;
pub use place::SessionPlace;
pub use ranks::{Ranks, follow};
pub use worker::{Worker, start};
pub use workspace::{
    Again, Choose, Export, LayerTries, Measure, Measured, PruneAgain, PruneRun, Report, Resume, Resumed,
    Retry, Tried, choose, export, measure, prune, prune_again, report, resume, retry, workspace,
};
