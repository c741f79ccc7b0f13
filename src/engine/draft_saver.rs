//! Saves the draft. The engine saves it between two steps of a job; if the frontend closes during a long step, the
//! frontend saves it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    protocol::Draft,
    session::{DraftFile, Error},
};

/// State shared by the engine and its frontend.
#[derive(Clone, Debug, Default)]
pub struct DraftSaver(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Draft file of the open session.
    file: Option<DraftFile>,
    /// The newest draft that the frontend has sent and the engine has not yet saved.
    pending: Option<Draft>,
    /// The frontend has closed. A draft still in the engine's channel is older than the saved one.
    closed: bool,
}

impl DraftSaver {
    /// Records a draft that the frontend sends to the engine.
    pub fn sent(&self, draft: &Draft) {
        self.state().pending = Some(draft.clone());
    }

    /// Called by the frontend when it closes: saves a draft that the engine has not yet saved.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn close(&self) -> Result<(), Error> {
        let mut state = self.state();
        state.closed = true;
        match (state.pending.take(), &state.file) {
            (Some(draft), Some(file)) => file.save(&draft),
            (None, _) | (_, None) => Ok(()),
        }
    }

    /// From now on, saves drafts in this file; None drops them.
    pub fn enter(&self, file: Option<DraftFile>) {
        self.state().file = file;
    }

    /// Saves a draft that the engine has received. Without a session it is dropped.
    pub(super) fn save(&self, draft: &Draft) -> Result<(), Error> {
        let mut state = self.state();
        if state.closed {
            return Ok(());
        }
        state.pending.take_if(|pending| pending == draft);
        state.file.as_ref().map_or(Ok(()), |file| file.save(draft))
    }

    /// A panic of another thread does not make the state inconsistent, so a poisoned lock is usable.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, Settings};

    fn draft(ratio: f64) -> Draft {
        let settings = Box::new(Settings::new(Options::default()).unwrap());
        Draft { settings, ratios: vec![ratio.into()], frontend: serde_json::Value::Null }
    }

    #[test]
    fn closing_saves_a_draft_only_if_the_engine_has_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = DraftFile::of_session(dir.path());
        let saver = DraftSaver::default();
        saver.enter(Some(file.clone()));
        saver.sent(&draft(0.1));
        saver.save(&draft(0.1)).unwrap();
        file.save(&draft(0.9)).unwrap();
        saver.close().unwrap();
        assert_eq!(file.read().unwrap(), Some(draft(0.9)));
    }

    #[test]
    fn a_draft_found_after_closing_does_not_replace_the_newer_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = DraftFile::of_session(dir.path());
        let saver = DraftSaver::default();
        saver.enter(Some(file.clone()));
        for ratio in [0.1, 0.2] {
            saver.sent(&draft(ratio));
        }
        saver.close().unwrap();
        saver.save(&draft(0.1)).unwrap();
        assert_eq!(file.read().unwrap(), Some(draft(0.2)));
    }
}
