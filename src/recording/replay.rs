//! Plays a recording into channels like those of an engine.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::Path,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    Error,
    clock::Clock,
    job_starts::JobStarts,
    lines::{Lines, Next},
};
use crate::protocol::{Command, Control, Event, Stamped};

const EVENTS: usize = 1024;
const COMMANDS: usize = 16;
/// Minimum time between two progress events; those in between are dropped.
const PROGRESS_EVERY: Duration = Duration::from_millis(33);

/// An open recording, read up to its first event.
#[derive(Debug)]
pub struct Replay {
    lines: Lines,
    first: Box<Stamped>,
}

/// A replay on its own thread.
pub struct Player {
    pub commands: mpsc::Sender<Command>,
    /// Closed after the last event.
    pub events: mpsc::Receiver<Stamped>,
    thread: JoinHandle<Result<(), Error>>,
}

/// The pace of playback.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// At its recorded time.
    Timed,
    Paused,
    /// Immediately, up to the next removal; then the replay pauses.
    ToNextRemoval,
    /// Immediately, up to the end.
    ToTheEnd,
}

impl Replay {
    /// Opens a recording and reads its first event.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or it is not a recording of a format that this version reads.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut lines = Lines::open(path)?;
        match lines.next()? {
            Next::Event(first) if matches!(first.event, Event::ModelOpened { .. }) => {
                Ok(Self { lines, first })
            }
            Next::Event(_) => Err(Error::NoBeginning { path: path.into(), line: lines.line() }),
            Next::CutOff { line } => {
                Err(Error::NoEvent { path: path.into(), line, found: "an incomplete event".into() })
            }
            Next::End => Err(Error::Empty(path.into())),
        }
    }

    pub fn path(&self) -> &Path {
        self.lines.path()
    }

    /// Plays the recording on its own thread, at `speed` recorded seconds per second; with infinity, as fast
    /// as the receiver reads. Handles `Pause`, `Resume`, `Step` (plays up to the next removal), `Cancel`
    /// (plays the rest at once) and `ReplaySpeed`, for any job number.
    pub fn play(self, speed: f64) -> Player {
        let (commands, command_receiver) = mpsc::channel(COMMANDS);
        let (event_sender, events) = mpsc::channel(EVENTS);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let tape = Tape {
                lines: self.lines,
                commands: command_receiver,
                events: event_sender,
                clock: Clock::new(speed),
                mode: Mode::Timed,
                last_progress: None,
                starts: JobStarts::default(),
            };
            runtime.map_err(Error::Runtime)?.block_on(tape.run(*self.first))
        });
        Player { commands, events, thread }
    }
}

impl Player {
    /// Waits for the replay to end, and returns its error if it failed. Closes both channels.
    ///
    /// # Errors
    ///
    /// If a line cannot be read.
    pub fn join(self) -> Result<(), Error> {
        let Self { commands, events, thread } = self;
        drop((commands, events));
        thread.join().unwrap_or(Err(Error::Panicked))
    }
}

/// A recording during playback.
struct Tape {
    lines: Lines,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Stamped>,
    clock: Clock,
    mode: Mode,
    last_progress: Option<Instant>,
    starts: JobStarts,
}

impl Tape {
    async fn run(mut self, first: Stamped) -> Result<(), Error> {
        // The clock of every job starts at 0; recorded time is the sum over jobs.
        let (mut at, mut run) = (0.0, first.run);
        let mut seconds_of = HashMap::from([(run, first.at)]);
        // The model is needed to show anything, so even a replay that is paused at once emits it.
        let mut open = self.emit(first, at).await;
        while open.is_continue() {
            let stamped = match self.lines.next()? {
                Next::Event(stamped) => *stamped,
                Next::CutOff { line } => {
                    self.cut_off(line, run, seconds_of.get(&run).copied().unwrap_or(0.0))
                }
                Next::End => break,
            };
            run = stamped.run;
            let seconds = seconds_of.entry(run).or_insert(0.0);
            at += (stamped.at - *seconds).max(0.0);
            *seconds = seconds.max(stamped.at);
            open = self.wait(at).await;
            if let (ControlFlow::Continue(()), Some(kind)) = (open, self.starts.before(&stamped)) {
                let start = Stamped { event: Event::JobStarted { kind }, ..stamped };
                open = self.emit(start, at).await;
            }
            if open.is_continue() {
                open = self.emit(stamped, at).await;
            }
        }
        Ok(())
    }

    fn cut_off(&self, line: usize, run: u64, at: f64) -> Stamped {
        let path = self.lines.path().display();
        let message = format!(
            "recording {path}, line {line}: the event is incomplete; the recorded run was killed here"
        );
        Stamped { run, at, event: Event::Warning { message } }
    }

    /// Waits until the recorded time is `at`, and handles commands meanwhile. Breaks if the receiver is gone.
    async fn wait(&mut self, at: f64) -> ControlFlow<()> {
        loop {
            let command = match self.mode {
                Mode::ToTheEnd | Mode::ToNextRemoval => return ControlFlow::Continue(()),
                Mode::Paused => self.commands.recv().await,
                Mode::Timed => match (self.clock.due(at), self.commands.try_recv()) {
                    (_, Ok(command)) => Some(command),
                    (_, Err(mpsc::error::TryRecvError::Disconnected)) => None,
                    (None, Err(mpsc::error::TryRecvError::Empty)) => return ControlFlow::Continue(()),
                    (Some(due), Err(mpsc::error::TryRecvError::Empty)) => tokio::select! {
                        command = self.commands.recv() => command,
                        () = tokio::time::sleep_until(due) => continue,
                    },
                },
            };
            match command {
                Some(command) => self.obey(command),
                None => return ControlFlow::Break(()),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Control { control, .. } => match control {
                Control::Pause => {
                    self.clock.stop();
                    self.mode = Mode::Paused;
                }
                Control::Resume => {
                    self.clock.resume();
                    self.mode = Mode::Timed;
                }
                Control::Step => self.mode = Mode::ToNextRemoval,
                Control::Cancel => self.mode = Mode::ToTheEnd,
                Control::SetPace(_) | Control::Replan(_) => {}
            },
            Command::ReplaySpeed(speed) => self.clock.set_speed(speed),
            // A recording cannot be changed.
            Command::Start { .. }
            | Command::Activate(_)
            | Command::SaveDraft { .. }
            | Command::Reopen { .. } => {}
        }
    }

    async fn emit(&mut self, stamped: Stamped, at: f64) -> ControlFlow<()> {
        if matches!(stamped.event, Event::Progress { .. }) {
            let hurried = self.mode != Mode::Timed || self.clock.is_boundless();
            if !hurried && self.last_progress.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
                self.last_progress = Some(Instant::now());
                // If the channel is full, a later event will report the progress.
                let _ = self.events.try_send(stamped);
            }
            return ControlFlow::Continue(());
        }
        if self.mode == Mode::ToNextRemoval && matches!(stamped.event, Event::UnitsRemoved { .. }) {
            self.clock.stop();
            self.clock.move_to(at);
            self.mode = Mode::Paused;
        }
        match self.events.send(stamped).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

#[cfg(test)]
mod tests;
