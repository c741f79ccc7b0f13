//! Puts back what was active before a run that was cancelled.

use crate::{
    config::Settings,
    protocol::{Event, Seconds},
    session::RunState,
};

use super::{Context, Error, Workspace};

/// The active attempts and the last run when a run begins.
pub struct Before {
    /// Indexed by layer.
    active: Vec<Option<usize>>,
    settings: Settings,
    seconds: Seconds,
    run_state: Option<RunState>,
}

impl Before {
    pub fn of(workspace: &Workspace<'_>) -> Self {
        let state = workspace.session.get().map(|session| session.state());
        Self {
            active: workspace.attempts.numbers().to_vec(),
            settings: workspace.settings.clone(),
            seconds: workspace.seconds,
            run_state: state.and_then(|state| state.run_state.clone()),
        }
    }
}

impl Workspace<'_> {
    /// Activates the attempts that were active before the run, and forgets the run. Its attempts remain.
    pub fn put_back(&mut self, before: Before, context: &mut Context) -> Result<(), Error> {
        let Before { active, settings, seconds, run_state } = before;
        let now = self.attempts.numbers();
        let changed = active.iter().zip(now).enumerate().filter(|(_, (before, now))| before != now);
        let choices: Vec<(usize, Option<usize>)> =
            changed.map(|(layer, (&before, _))| (layer, before)).collect();
        self.save_choices_and(&choices, |state| (state.run_state, state.pending) = (run_state, None))?;
        (self.settings, self.seconds) = (settings, seconds);
        for (layer, attempt) in choices {
            context.emit(Event::AttemptActivated { layer, attempt });
        }
        Ok(())
    }
}
