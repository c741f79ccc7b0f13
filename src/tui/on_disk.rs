//! Disk work off the event loop: listing, reading and deleting sessions, and saving pictures.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    explorer::{Msg, Picture},
    plot::Chart,
    protocol::{Label, SessionSummary},
    session,
};

use super::picture;

/// Capacity of the channel for answers.
const ANSWERS: usize = 16;

pub struct OnDisk {
    /// The directory of sessions; None if no home directory is known.
    root: Option<PathBuf>,
    answer: mpsc::Sender<Msg>,
    answers: mpsc::Receiver<Msg>,
}

impl OnDisk {
    pub fn under(root: Option<PathBuf>) -> Self {
        let (answer, answers) = mpsc::channel(ANSWERS);
        Self { root, answer, answers }
    }

    /// Waits for the next answer.
    pub async fn next(&mut self) -> Msg {
        match self.answers.recv().await {
            Some(msg) => msg,
            None => std::future::pending().await,
        }
    }

    /// Lists the sessions, including the open one if it is stored elsewhere.
    pub fn list(&self, open: Option<PathBuf>) {
        let root = self.root.clone();
        self.spawn(move || Msg::Sessions { now: now(), sessions: listed(root.as_deref(), open.as_deref()) });
    }

    /// Reads a session without its lock.
    pub fn read(&self, path: PathBuf) {
        self.spawn(move || Msg::SessionRead(session::summary(&path)));
    }

    /// Reads the removed units of a session without its lock.
    pub fn read_removed(&self, path: PathBuf) {
        self.spawn(move || {
            let removed = session::removed_units(&path).map_err(|error| error.to_string());
            Msg::RemovedRead { path, removed }
        });
    }

    pub fn delete(&self, path: PathBuf) {
        self.spawn(move || Msg::SessionDeleted { result: delete(&path), path });
    }

    pub fn label(&self, path: PathBuf, label: Label) {
        self.spawn(move || {
            let result = session::label(&path, label).map_err(|error| error.to_string());
            Msg::SessionLabelled { path, result }
        });
    }

    /// Has no answer.
    pub fn settle(&self, path: PathBuf) {
        spawn_blocking(move || session::settle(&path));
    }

    /// Writes a picture.
    pub fn save(&self, picture: Picture, drawn: Result<Chart, String>) {
        self.spawn(move || {
            let result = drawn.and_then(|chart| picture::save(&chart, &picture));
            Msg::PictureSaved { path: picture.path, result }
        });
    }

    fn spawn(&self, work: impl FnOnce() -> Msg + Send + 'static) {
        let answer = self.answer.clone();
        spawn_blocking(move || {
            // The receiver is gone after the explorer has quit.
            let _ = answer.blocking_send(work());
        });
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The sessions, the most recently changed first. An open session stored elsewhere comes before them.
fn listed(root: Option<&Path>, open: Option<&Path>) -> Result<Vec<SessionSummary>, String> {
    let Some(root) = root.or(open) else {
        return Err("sessions: no home directory is known; set HOME or XDG_STATE_HOME".into());
    };
    let mut sessions = session::list(root).map_err(|error| error.to_string())?;
    if let Some(open) = open.filter(|open| sessions.iter().all(|session| session.path != *open)) {
        sessions.insert(0, session::summary(open));
    }
    Ok(sessions)
}

fn delete(path: &Path) -> Result<(), String> {
    let removed = session::remove(path).map_err(|error| error.to_string())?;
    match removed.foreign.first() {
        None => Ok(()),
        Some(foreign) => {
            let others = match removed.foreign.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let (path, foreign) = (path.display(), foreign.display());
            Err(format!(
                "session {path}: deleted except for its directory, which also contains {foreign}{others}; remove it yourself"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(ask: impl FnOnce(&OnDisk), root: Option<PathBuf>) -> Msg {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut on_disk = OnDisk::under(root);
            ask(&on_disk);
            on_disk.next().await
        })
    }

    #[test]
    fn a_missing_directory_is_an_empty_list() {
        let dir = tempfile::tempdir().unwrap();
        let answer = answered(|on_disk| on_disk.list(None), Some(dir.path().join("none yet")));
        let Msg::Sessions { now, sessions } = answer else { panic!("{answer:?}") };
        assert!(now > 0);
        assert_eq!(sessions, Ok(Vec::new()));
    }

    #[test]
    fn without_a_directory_the_answer_is_an_error() {
        let answer = answered(|on_disk| on_disk.list(None), None);
        let Msg::Sessions { sessions: Err(why), .. } = answer else { panic!("{answer:?}") };
        assert!(why.contains("XDG_STATE_HOME"), "{why}");
    }

    #[test]
    fn a_directory_that_is_not_a_session_is_not_deleted() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine.txt"), "mine").unwrap();
        let answer = answered(|on_disk| on_disk.delete(dir.path().into()), None);
        let Msg::SessionDeleted { path, result: Err(_) } = answer else { panic!("{answer:?}") };
        assert!(path.join("mine.txt").exists());
    }
}
