//! What is done on disk beside the event loop: sessions are listed, read and deleted, pictures are saved.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    explorer::{Msg, Picture},
    plot::Chart,
    protocol::SessionSummary,
    session,
};

use super::picture;

/// Answers that may wait; a person asks for one after the other.
const ANSWERS: usize = 16;

pub struct OnDisk {
    /// None where no place for sessions is known.
    root: Option<PathBuf>,
    answer: mpsc::Sender<Msg>,
    answers: mpsc::Receiver<Msg>,
}

impl OnDisk {
    pub fn under(root: Option<PathBuf>) -> Self {
        let (answer, answers) = mpsc::channel(ANSWERS);
        Self { root, answer, answers }
    }

    /// The next answer. There is no last one.
    pub async fn next(&mut self) -> Msg {
        match self.answers.recv().await {
            Some(msg) => msg,
            None => std::future::pending().await,
        }
    }

    /// Has the sessions listed; the one that is open is among them wherever it lies.
    pub fn list(&self, open: Option<PathBuf>) {
        let root = self.root.clone();
        self.begin(move || Msg::Sessions { now: now(), sessions: listed(root.as_deref(), open.as_deref()) });
    }

    /// Has a session read without its lock.
    pub fn read(&self, path: PathBuf) {
        self.begin(move || Msg::SessionRead(session::summary(&path)));
    }

    pub fn delete(&self, path: PathBuf) {
        self.begin(move || Msg::SessionDeleted { result: delete(&path), path });
    }

    /// Writes a picture that was drawn.
    pub fn save(&self, picture: Picture, drawn: Result<Chart, String>) {
        self.begin(move || {
            let result = drawn.and_then(|chart| picture::save(&chart, &picture));
            Msg::PictureSaved { path: picture.path, result }
        });
    }

    fn begin(&self, work: impl FnOnce() -> Msg + Send + 'static) {
        let answer = self.answer.clone();
        spawn_blocking(move || {
            // Nobody listens any more once the explorer is quit.
            let _ = answer.blocking_send(work());
        });
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Newest change first; one that lies elsewhere leads.
fn listed(root: Option<&Path>, open: Option<&Path>) -> Result<Vec<SessionSummary>, String> {
    let Some(root) = root.or(open) else {
        return Err(
            "no home directory is known, and so no place for sessions; set HOME or XDG_STATE_HOME".into()
        );
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
                "session {path} is deleted, but not its directory: {foreign}{others} is not of a session; remove it yourself"
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
    fn a_place_without_sessions_is_an_empty_list() {
        let dir = tempfile::tempdir().unwrap();
        let told = answered(|on_disk| on_disk.list(None), Some(dir.path().join("none yet")));
        let Msg::Sessions { now, sessions } = told else { panic!("{told:?}") };
        assert!(now > 0);
        assert_eq!(sessions, Ok(Vec::new()));
    }

    #[test]
    fn without_a_place_the_reason_is_told() {
        let told = answered(|on_disk| on_disk.list(None), None);
        let Msg::Sessions { sessions: Err(why), .. } = told else { panic!("{told:?}") };
        assert!(why.contains("XDG_STATE_HOME"), "{why}");
    }

    #[test]
    fn what_is_no_session_is_not_deleted() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine.txt"), "mine").unwrap();
        let told = answered(|on_disk| on_disk.delete(dir.path().into()), None);
        let Msg::SessionDeleted { path, result: Err(_) } = told else { panic!("{told:?}") };
        assert!(path.join("mine.txt").exists());
    }
}
