//! Quitting: a question if work would be lost, and the command for resuming later.

use crate::words;

use super::{Asked, Confirm, Confirmed, Dialog, Effect, Job, State, sessions_on_disk::argument};

pub fn quit(state: &mut State) -> Vec<Effect> {
    let lost = lost(state);
    let asked = matches!(state.dialogs.last(), Some(Dialog::Confirm(Confirm { then: Confirmed::Quit, .. })));
    if lost.is_empty() || asked {
        return vec![Effect::Quit];
    }
    let detail = lost.join(" ");
    state.open(Dialog::Confirm(Confirm { question: "Quit?".into(), detail, then: Confirmed::Quit }))
}

/// One sentence for each loss. With a session, only the running job counts.
fn lost(state: &State) -> Vec<String> {
    if state.is_replay() {
        return Vec::new();
    }
    let asked_for = state.job().filter(|job| job.asked == Asked::User);
    let job = asked_for.map(|job| at_work(state, job));
    let rest = match &state.sessions.open {
        Some(path) => {
            let place = argument(state, path);
            job.is_some()
                .then(|| format!("slimgpt --session {place} reopens it, slimgpt resume {place} resumes it."))
        }
        None => state
            .unsaved
            .then(|| "The pruned layers have not been exported (E); they would be lost.".to_string()),
    };
    job.into_iter().chain(rest).collect()
}

fn at_work(state: &State, job: &Job) -> String {
    let job_name = job.kind.name();
    match &state.sessions.open {
        Some(path) if job.is_pruning() => format!(
            "A job is running ({job_name}); it ends with the program. Finished layers are kept in session {}.",
            words::session_name(path)
        ),
        Some(path) => format!(
            "A job is running ({job_name}); it ends with the program. All pruned layers are kept in session {}.",
            words::session_name(path)
        ),
        None => format!("A job is running ({job_name}); it ends with the program."),
    }
}
