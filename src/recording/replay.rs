//! Plays a recording into the same kind of channels that an engine has.

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
    lines::{Lines, Next},
};
use crate::protocol::{Command, Event, Stamped};

const EVENTS: usize = 1024;
const COMMANDS: usize = 16;
/// Least time between two progress events; those between are left out.
const PROGRESS_EVERY: Duration = Duration::from_millis(33);

/// A recording whose beginning has been found good.
#[derive(Debug)]
pub struct Replay {
    lines: Lines,
    first: Box<Stamped>,
}

/// A replay on its own thread.
pub struct Player {
    pub commands: mpsc::Sender<Command>,
    /// Closed when everything has been told.
    pub events: mpsc::Receiver<Stamped>,
    thread: JoinHandle<Result<(), Error>>,
}

/// How it goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As time passes.
    Timed,
    Paused,
    /// At once up to the next removal, then paused.
    ToNextRemoval,
    /// At once up to the end.
    ToTheEnd,
}

impl Replay {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut lines = Lines::open(path)?;
        match lines.next()? {
            Next::Event(first) if matches!(first.event, Event::Opened { .. }) => Ok(Self { lines, first }),
            Next::Event(_) => Err(Error::NoBeginning { path: path.into(), line: lines.line() }),
            Next::CutOff { line } => {
                Err(Error::NoEvent { path: path.into(), line, found: "the beginning of one".into() })
            }
            Next::End => Err(Error::Empty(path.into())),
        }
    }

    pub fn path(&self) -> &Path {
        self.lines.path()
    }

    /// Plays it at so many recorded seconds a second; infinitely many are as fast as it is listened to. Obeys Pause, Resume,
    /// Step (up to the next removal), Cancel (tells all that is left at once) and Speed, whatever job they name.
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
            };
            runtime.map_err(Error::Runtime)?.block_on(tape.run(*self.first))
        });
        Player { commands, events, thread }
    }
}

impl Player {
    /// How it ended, once its events have.
    pub fn join(self) -> Result<(), Error> {
        let Self { commands, events, thread } = self;
        drop((commands, events));
        thread.join().unwrap_or(Err(Error::Panicked))
    }
}

/// The recording as it plays.
struct Tape {
    lines: Lines,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Stamped>,
    clock: Clock,
    mode: Mode,
    last_progress: Option<Instant>,
}

impl Tape {
    async fn run(mut self, first: Stamped) -> Result<(), Error> {
        // Every job counts its seconds from its own beginning; recorded time is what adds up.
        let (mut at, mut run) = (0.0, first.run);
        let mut seconds_of = HashMap::from([(run, first.at)]);
        // Without the model there is nothing to see, so it is told even where the replay is paused at once.
        let mut told = self.emit(first, at).await;
        while told.is_continue() {
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
            told = self.wait(at).await;
            if told.is_continue() {
                told = self.emit(stamped, at).await;
            }
        }
        Ok(())
    }

    fn cut_off(&self, line: usize, run: u64, at: f64) -> Stamped {
        let path = self.lines.path().display();
        let message =
            format!("recording {path}, line {line}: is cut off; the run was ended here from outside");
        Stamped { run, at, event: Event::Warning { message } }
    }

    /// Waits until the recorded time is `at`, obeying commands. Breaks where nobody is there any more.
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
            Command::Pause { .. } => {
                self.clock.stop();
                self.mode = Mode::Paused;
            }
            Command::Resume { .. } => {
                self.clock.go_on();
                self.mode = Mode::Timed;
            }
            Command::Step { .. } => self.mode = Mode::ToNextRemoval,
            Command::Cancel { .. } => self.mode = Mode::ToTheEnd,
            Command::Speed(speed) => self.clock.set_speed(speed),
            // A recording can only be watched.
            Command::Pace { .. }
            | Command::Replan { .. }
            | Command::Run { .. }
            | Command::Search { .. }
            | Command::Retry { .. }
            | Command::Choose { .. }
            | Command::Curve { .. }
            | Command::Measure { .. }
            | Command::Write { .. }
            | Command::Export { .. }
            | Command::SaveDraft { .. }
            | Command::Reopen { .. } => {}
        }
    }

    async fn emit(&mut self, stamped: Stamped, at: f64) -> ControlFlow<()> {
        if matches!(stamped.event, Event::Progress { .. }) {
            let hurried = self.mode != Mode::Timed || self.clock.is_boundless();
            if !hurried && self.last_progress.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
                self.last_progress = Some(Instant::now());
                // Full: a later one will tell.
                let _ = self.events.try_send(stamped);
            }
            return ControlFlow::Continue(());
        }
        if self.mode == Mode::ToNextRemoval && matches!(stamped.event, Event::Removed { .. }) {
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
