//! The worker: obeys Commands, tells Events, and stops between steps when it is asked to.

mod calibrate;
mod control;
mod describe;
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
mod stopwatch;
mod texts;
mod worker;
mod workspace;

pub use crate::eval::Draw;
pub use control::Control;
pub use error::Error;
pub use evaluate::{Evaluate, Evaluation, evaluate};
pub use generate::{Generate, Generated, generate};
pub use inspect::{Inspection, forecast, inspect};
pub use logits::{Logits, logits};
pub use machine::use_threads;
pub use open::ModelChoice;
pub use place::SessionPlace;
pub use worker::{Worker, start};
pub use workspace::{
    Choose, Export, LayerTries, MethodChange, PruneRun, Report, Resume, Resumed, Retry, Tried, choose,
    export, prune, report, resume, retry, workspace,
};
