//! The jobs. To add one, write a file here that implements [`Work`], a line in [`work`], and its parameters in
//! `protocol::job`.

mod companions;
mod compare_attempts;
mod compare_streams;
mod error_curve;
mod export;
mod generate;
mod measure_perplexity;
mod put_back;
mod record_steps;
mod retry;
mod run;
mod run_state;
mod search;
mod verify;

use crate::protocol::{Event, Job};

use super::{
    Announce, Context, Error, Workspace,
    attempt_writer::{AttemptWriter, PartOrigin},
    by_method::plan_by,
    stored_parts::PartFiles,
};

pub use generate::Generators;
pub use run::PruneLayers;

/// A job with its parameters.
trait Work {
    /// Does the job. Returns its final event.
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error>;
}

/// Does a job. Returns its final event.
pub fn work(job: Job, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
    match job {
        Job::Run(job) => job.work(workspace, context),
        Job::Search(job) => job.work(workspace, context),
        Job::Retry(job) => job.work(workspace, context),
        Job::ErrorCurve(job) => job.work(workspace, context),
        Job::CompareStreams(job) => job.work(workspace, context),
        Job::CompareAttempts(job) => job.work(workspace, context),
        Job::RecordSteps(job) => job.work(workspace, context),
        Job::MeasurePerplexity(job) => job.work(workspace, context),
        Job::Generate(job) => job.work(workspace, context),
        Job::Export(job) => job.work(workspace, context),
    }
}
