//! Runs the cells of a sweep as processes: starts them within the limits, polls them, and ends them together.

use std::{
    collections::VecDeque,
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Cell, Error, Place, SessionStatus, Share, Sweep, command};

/// Interval at which cells in use by other processes are checked again.
const CHECK_OTHERS_EVERY: Duration = Duration::from_secs(1);

/// A change in the state of a cell, by its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Started(usize),
    /// The sweep waits for another process (with this PID, if known) that is working on the cell.
    Waits(usize, Option<u32>),
    Done(usize),
    Failed(usize, String),
}

/// The running and the waiting cells.
pub struct Work<'s> {
    sweep: &'s Sweep,
    place: &'s Place,
    share: Share,
    program: PathBuf,
    waiting: VecDeque<usize>,
    /// Cells on which other processes are working.
    elsewhere: Vec<usize>,
    /// Cells of `elsewhere` that the frontend has been notified of.
    notified: Vec<usize>,
    looked: Instant,
    running: Vec<(usize, Child)>,
    ended: bool,
}

impl<'s> Work<'s> {
    /// `cells` are the indices of the cells to run.
    ///
    /// # Errors
    /// If the path of this program is unknown.
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
            notified: Vec::new(),
            looked: Instant::now(),
            running: Vec::new(),
            ended: false,
        })
    }

    /// Polls the running processes and starts waiting cells within the limits. Call it until [`Work::is_over`].
    ///
    /// # Errors
    /// If a process cannot be started or a log cannot be written.
    pub fn step(&mut self) -> Result<Vec<News>, Error> {
        let mut news = Vec::new();
        let mut still = Vec::with_capacity(self.running.len());
        for (cell, mut child) in std::mem::take(&mut self.running) {
            match child.try_wait() {
                Ok(None) => still.push((cell, child)),
                Ok(Some(status)) if status.success() => news.push(News::Done(cell)),
                // This sweep ended the process; the cell continues the next time.
                Ok(Some(_)) if self.ended => {}
                Ok(Some(status)) => {
                    let error = self.place.last_error(&self.sweep.cells[cell]);
                    news.push(News::Failed(
                        cell,
                        error.unwrap_or_else(|| format!("its process ended with {status}")),
                    ));
                }
                Err(cause) => news.push(News::Failed(cell, format!("its process was lost: {cause}"))),
            }
        }
        self.running = still;
        if self.looked.elapsed() >= CHECK_OTHERS_EVERY {
            self.waiting.extend(self.elsewhere.drain(..));
            self.looked = Instant::now();
        }
        while self.running.len() < self.share.jobs && !self.ended {
            let Some(cell) = self.waiting.pop_front() else { break };
            news.extend(self.start_cell(cell)?);
        }
        Ok(news)
    }

    fn start_cell(&mut self, index: usize) -> Result<Option<News>, Error> {
        let cell = &self.sweep.cells[index];
        let status = match self.place.status(cell, self.sweep.export) {
            Ok(status) => status,
            Err(error) => return Ok(Some(News::Failed(index, error.to_string()))),
        };
        if let SessionStatus::InUse(pid) = status {
            self.elsewhere.push(index);
            if self.notified.contains(&index) {
                return Ok(None);
            }
            self.notified.push(index);
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

    /// Whether no cell is running or waiting.
    pub fn is_over(&self) -> bool {
        self.running.is_empty() && (self.ended || self.waiting.is_empty() && self.elsewhere.is_empty())
    }

    pub fn running(&self) -> impl Iterator<Item = &'s Cell> {
        self.running.iter().map(|(cell, _)| &self.sweep.cells[*cell])
    }

    /// Starts no more cells and asks the running ones to end, which they do within one step. They can be
    /// continued later.
    pub fn end(&mut self) {
        self.ended = true;
        self.running.iter_mut().for_each(|(_, child)| ask_to_end(child));
    }
}

impl Drop for Work<'_> {
    /// No process outlives the sweep.
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
    // A child that has ended is not reaped yet, so its PID is not reused. Signalling it has no effect.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
}

/// Kills the process. The session survives; the part that was being solved is solved again.
#[cfg(not(unix))]
fn ask_to_end(child: &mut Child) {
    let _ = child.kill();
}
