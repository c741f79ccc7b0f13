//! Job starts that a recording lacks: format 1 has none, and a session's log begins with its first run.

use crate::protocol::{Event, JobKind, Stamped};

/// Follows a recording and derives the start of a job from its first events.
#[derive(Debug, Default)]
pub struct JobStarts {
    /// Number of the running job.
    running: Option<u64>,
}

impl JobStarts {
    /// The job that begins with this event, if the recording lacks its start.
    pub fn before(&mut self, Stamped { run, event, .. }: &Stamped) -> Option<JobKind> {
        match event {
            Event::JobStarted { .. } => {
                self.running = Some(*run);
                None
            }
            Event::RunDone { .. } | Event::JobDone | Event::JobCancelled | Event::JobFailed { .. } => {
                self.running.take_if(|running| running == run);
                None
            }
            _ if self.running == Some(*run) => None,
            event => {
                let kind = first_event_of(event)?;
                self.running = Some(*run);
                Some(kind)
            }
        }
    }
}

/// The job that emits this event first; None for events of several jobs. New events are not listed, because
/// recordings that contain them also contain the job starts.
fn first_event_of(event: &Event) -> Option<JobKind> {
    match event {
        Event::RunStarted { .. } => Some(JobKind::Run),
        Event::LayerStarted { .. } => Some(JobKind::Retry),
        Event::ErrorCurve { .. } => Some(JobKind::ErrorCurve),
        Event::PerplexityMeasured { .. } => Some(JobKind::MeasurePerplexity),
        Event::GeneratedText { .. } | Event::GenerationFinished { .. } | Event::TokensMeasured { .. } => {
            Some(JobKind::Generate)
        }
        Event::SensitivityMeasured { .. } | Event::RatiosTried { .. } | Event::RatiosFound { .. } => {
            Some(JobKind::Search)
        }
        _ => None,
    }
}
