//! The processes of a sweep: begun as there is room, looked after, ended together.

use std::{
    collections::VecDeque,
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Cell, Error, Place, SessionStatus, Share, Sweep, command};

/// From one look at cells in the hands of other processes to the next.
const LOOK_ELSEWHERE: Duration = Duration::from_secs(1);

/// What a frontend is told; numbers are those of the cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Started(usize),
    /// Another process works on it; it is waited for.
    Waits(usize, Option<u32>),
    Done(usize),
    Failed(usize, String),
}

/// Cells at work and those to come.
pub struct Work<'s> {
    sweep: &'s Sweep,
    place: &'s Place,
    share: Share,
    program: PathBuf,
    waiting: VecDeque<usize>,
    /// In the hands of other processes.
    elsewhere: Vec<usize>,
    /// Those of them that a frontend knows of.
    emitted: Vec<usize>,
    looked: Instant,
    running: Vec<(usize, Child)>,
    ended: bool,
}

impl<'s> Work<'s> {
    /// `cells` are those to be run.
    ///
    /// # Errors
    /// Where this program lies cannot be told.
    pub fn new(sweep: &'s Sweep, place: &'s Place, share: Share, cells: Vec<usize>) -> Result<Self, Error> {
        let program = env::current_exe();
        let program = program.map_err(|cause| Error::Start { program: "slimgpt".into(), cause })?;
        Ok(Self {
            sweep,
            place,
            share,
            program,
            waiting: cells.into(),
            elsewhere: Vec::new(),
            emitted: Vec::new(),
            looked: Instant::now(),
            running: Vec::new(),
            ended: false,
        })
    }

    /// Looks after the processes and begins others where there is room; call it again and again until [`Work::is_over`].
    ///
    /// # Errors
    /// This program cannot be begun again, or a log cannot be written.
    pub fn step(&mut self) -> Result<Vec<News>, Error> {
        let mut news = Vec::new();
        let mut still = Vec::with_capacity(self.running.len());
        for (cell, mut child) in std::mem::take(&mut self.running) {
            match child.try_wait() {
                Ok(None) => still.push((cell, child)),
                Ok(Some(status)) if status.success() => news.push(News::Done(cell)),
                // Broken off by us, it is to be gone on with.
                Ok(Some(_)) if self.ended => {}
                Ok(Some(status)) => {
                    let told = self.place.last_error(&self.sweep.cells[cell]);
                    news.push(News::Failed(
                        cell,
                        told.unwrap_or_else(|| format!("its process ended with {status}")),
                    ));
                }
                Err(cause) => news.push(News::Failed(cell, format!("its process was lost: {cause}"))),
            }
        }
        self.running = still;
        if self.looked.elapsed() >= LOOK_ELSEWHERE {
            self.waiting.extend(self.elsewhere.drain(..));
            self.looked = Instant::now();
        }
        while self.running.len() < self.share.jobs && !self.ended {
            let Some(cell) = self.waiting.pop_front() else { break };
            news.extend(self.begin(cell)?);
        }
        Ok(news)
    }

    fn begin(&mut self, index: usize) -> Result<Option<News>, Error> {
        let cell = &self.sweep.cells[index];
        let status = match self.place.status(cell, self.sweep.export) {
            Ok(status) => status,
            Err(error) => return Ok(Some(News::Failed(index, error.to_string()))),
        };
        if let SessionStatus::InUse(pid) = status {
            self.elsewhere.push(index);
            if self.emitted.contains(&index) {
                return Ok(None);
            }
            self.emitted.push(index);
            return Ok(Some(News::Waits(index, pid)));
        }
        if status == SessionStatus::Fresh
            && let Err(error) = self.place.make_room(cell)
        {
            return Ok(Some(News::Failed(index, error.to_string())));
        }
        let Some(line) = command((self.sweep, self.place), cell, status, self.share.threads) else {
            return Ok(Some(News::Done(index)));
        };
        let child = self.start(cell, line.arguments())?;
        self.running.push((index, child));
        Ok(Some(News::Started(index)))
    }

    fn start(&self, cell: &Cell, arguments: &[std::ffi::OsString]) -> Result<Child, Error> {
        let path = self.place.log_of(cell);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::write(parent))?;
        }
        let log = fs::OpenOptions::new().create(true).write(true).truncate(true).open(&path);
        let log = log.map_err(Error::write(&path))?;
        let other = log.try_clone().map_err(Error::write(&path))?;
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(log).stderr(other);
        command.spawn().map_err(|cause| Error::Start { program: self.program.clone(), cause })
    }

    /// True where nothing runs and nothing is to come.
    pub fn is_over(&self) -> bool {
        self.running.is_empty() && (self.ended || self.waiting.is_empty() && self.elsewhere.is_empty())
    }

    pub fn running(&self) -> impl Iterator<Item = &'s Cell> {
        self.running.iter().map(|(cell, _)| &self.sweep.cells[*cell])
    }

    /// Begins nothing more, and asks what runs to end: it does so within a step, and can be gone on with.
    pub fn end(&mut self) {
        self.ended = true;
        self.running.iter_mut().for_each(|(_, child)| ask_to_end(child));
    }
}

impl Drop for Work<'_> {
    /// Whatever ends a sweep, nothing works on behind it.
    fn drop(&mut self) {
        self.end();
        for (_, child) in &mut self.running {
            let _ = child.wait();
        }
    }
}

#[cfg(unix)]
fn ask_to_end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process};
    // One that has ended is not waited for yet, so its number is nobody else's; and then there is nothing to ask.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
}

/// A session survives this as well; what was in work is solved again.
#[cfg(not(unix))]
fn ask_to_end(child: &mut Child) {
    let _ = child.kill();
}
