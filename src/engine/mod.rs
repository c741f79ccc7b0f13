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

/// STAND-IN until the resident engine lands.
pub fn workbench(model: ModelChoice, settings: crate::config::Settings) -> Worker<()> {
    start(0, move |control| {
        let dir = std::env::temp_dir().join(format!("slimgpt-stand-in-{}", std::process::id()));
        let done = prune(PruneRun { model, settings, out: dir.clone(), force: true }, control).map(drop);
        let _ = std::fs::remove_dir_all(dir);
        done?;
        while control.checkpoint().is_continue() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Ok(())
    })
}
