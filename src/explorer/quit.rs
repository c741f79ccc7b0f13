//! Quitting: what would be lost, and how to go on later.

use crate::words;

use super::{Ask, Confirmed, Effect, Job, Overlay, State, sessions};

pub fn quit(state: &mut State) -> Vec<Effect> {
    let lost = lost(state);
    let asked = matches!(state.overlays.last(), Some(Overlay::Ask(Ask { then: Confirmed::Quit, .. })));
    if lost.is_empty() || asked {
        return vec![Effect::Quit];
    }
    let detail = lost.join(" ");
    state.open(Overlay::Ask(Ask { question: "Quit?".into(), detail, then: Confirmed::Quit }))
}

/// A sentence for each thing; with a session only what is at work counts.
fn lost(state: &State) -> Vec<String> {
    if state.is_replay() {
        return Vec::new();
    }
    let job = state.job().map(|job| at_work(state, job));
    let rest = match &state.session {
        Some(path) => {
            let place = sessions::argument(state, path);
            job.is_some().then(|| {
                format!("slimgpt --session {place} opens it again, slimgpt resume {place} goes on with it.")
            })
        }
        None => state.unsaved.then(|| "What was pruned has not been exported (E); it is lost.".to_string()),
    };
    job.into_iter().chain(rest).collect()
}

fn at_work(state: &State, job: &Job) -> String {
    let name = job.kind.name();
    match &state.session {
        Some(path) if job.is_pruning() => format!(
            "A job is at work ({name}); it ends with the program. Finished layers are kept in session {}.",
            words::session_name(path)
        ),
        Some(path) => format!(
            "A job is at work ({name}); it ends with the program. All that was pruned is kept in session {}.",
            words::session_name(path)
        ),
        None => format!("A job is at work ({name}); it ends with the program."),
    }
}
