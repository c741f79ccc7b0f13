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
    index::index,
    job_starts::JobStarts,
    lines::{Lines, Next},
};
use crate::protocol::{Command, Control, Event, ReplayIndex, ReplayNews, Seek, Stamped};

const EVENTS: usize = 1024;
const COMMANDS: usize = 16;
/// Minimum time between two progress events; those in between are dropped.
const PROGRESS_EVERY: Duration = Duration::from_millis(33);
/// Maximum time that a lecture waits for the next result, in real seconds; a longer phase without results is cut.
const LONGEST_WAIT: f64 = 1.0;

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

/// A replay that also goes back, on its own thread.
pub struct Lecture {
    pub commands: mpsc::Sender<Command>,
    /// Closed if a line cannot be read.
    pub news: mpsc::Receiver<ReplayNews>,
    thread: JoinHandle<Result<(), Error>>,
}

/// The receiver of the events.
enum Sink {
    /// Receives every event once.
    Once(mpsc::Sender<Stamped>),
    /// Receives places as well, and all events again after going back.
    Lecture(mpsc::Sender<ReplayNews>),
}

/// The pace of playback.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// At its recorded time.
    Timed,
    Paused,
    /// Immediately, up to the next removal; then the replay pauses.
    ToNextRemoval,
    /// Immediately, with the picture of the last removal if it is the next event; then the replay pauses.
    AfterRemoval,
    /// Immediately, up to this place; then the replay pauses.
    ToPlace(usize),
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
        let thread = self.start(Sink::Once(event_sender), command_receiver, speed);
        Player { commands, events, thread }
    }

    /// Like [`play`](Self::play), but skips phases without results, handles `ReplaySeek`, and does not end with the last
    /// event.
    pub fn lecture(self, speed: f64) -> Lecture {
        let (commands, command_receiver) = mpsc::channel(COMMANDS);
        let (sender, news) = mpsc::channel(EVENTS);
        let thread = self.start(Sink::Lecture(sender), command_receiver, speed);
        Lecture { commands, news, thread }
    }

    fn start(
        self,
        sink: Sink,
        commands: mpsc::Receiver<Command>,
        speed: f64,
    ) -> JoinHandle<Result<(), Error>> {
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let tape = Tape {
                lines: self.lines,
                commands,
                sink,
                clock: Clock::new(speed),
                speed,
                mode: Mode::Timed,
                last_progress: None,
                place: Place::default(),
                index: ReplayIndex::default(),
            };
            runtime.map_err(Error::Runtime)?.block_on(tape.run(*self.first))
        })
    }
}

impl Lecture {
    /// Waits for the replay to end, and returns its error if it failed. Closes both channels.
    ///
    /// # Errors
    ///
    /// If a line cannot be read.
    pub fn join(self) -> Result<(), Error> {
        let Self { commands, news, thread } = self;
        drop((commands, news));
        thread.join().unwrap_or(Err(Error::Panicked))
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
    sink: Sink,
    clock: Clock,
    speed: f64,
    mode: Mode,
    last_progress: Option<Instant>,
    place: Place,
    /// Empty unless the sink is a lecture.
    index: ReplayIndex,
}

/// The place in the recording. The clock of every job starts at 0; recorded time is the sum over jobs.
#[derive(Default)]
struct Place {
    at: f64,
    /// Recorded seconds since the last result.
    waited: f64,
    run: u64,
    seconds_of: HashMap<u64, f64>,
    starts: JobStarts,
    /// Number of emitted events, progress excluded.
    events: usize,
}

impl Place {
    /// Advances to the time of an event. At most `longest` seconds count since the last result.
    fn advance(&mut self, stamped: &Stamped, longest: f64) {
        self.run = stamped.run;
        let seconds = self.seconds_of.entry(stamped.run).or_insert(0.0);
        let gap = (stamped.at - *seconds).max(0.0);
        *seconds = seconds.max(stamped.at);
        self.at += gap.min((longest - self.waited).max(0.0));
        self.waited += gap;
    }

    /// The event, and the start of its job before it if the recording lacks it.
    fn pass(&mut self, stamped: Stamped) -> impl Iterator<Item = Stamped> + use<> {
        if !is_progress(&stamped) {
            self.events += 1;
            self.waited = 0.0;
        }
        let kind = self.starts.before(&stamped);
        let start = kind.map(|kind| Stamped { event: Event::JobStarted { kind }, ..stamped });
        start.into_iter().chain([stamped])
    }
}

fn is_progress(stamped: &Stamped) -> bool {
    matches!(stamped.event, Event::Progress { .. })
}

/// The result of waiting for the time of an event.
enum Waited {
    Due,
    /// The replay went back, so the event is not the next one.
    WentBack,
    /// The receiver is gone.
    Closed,
}

impl Tape {
    async fn run(mut self, first: Stamped) -> Result<(), Error> {
        self.place.run = first.run;
        self.place.seconds_of.insert(first.run, first.at);
        // The model is needed to show anything, so even a replay that is paused at once emits it.
        let mut open = self.emit(first).await;
        if let (ControlFlow::Continue(()), Sink::Lecture(news)) = (open, &self.sink) {
            self.index = index(self.lines.path());
            open = sent(news.send(ReplayNews::Index(self.index.clone())).await);
        }
        while open.is_continue() {
            let stamped = match self.lines.next()? {
                Next::Event(stamped) => *stamped,
                Next::CutOff { line } => self.cut_off(line),
                Next::End => match self.at_the_end().await? {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(()) => break,
                },
            };
            self.place.advance(&stamped, self.longest_wait());
            match self.wait(&stamped).await? {
                Waited::Due => open = self.emit(stamped).await,
                Waited::WentBack => {}
                Waited::Closed => break,
            }
        }
        Ok(())
    }

    fn longest_wait(&self) -> f64 {
        match self.sink {
            Sink::Once(_) => f64::INFINITY,
            Sink::Lecture(_) => LONGEST_WAIT * self.speed,
        }
    }

    fn cut_off(&self, line: usize) -> Stamped {
        let path = self.lines.path().display();
        let message = format!(
            "recording {path}, line {line}: the event is incomplete; the recorded run was killed here"
        );
        let at = self.place.seconds_of.get(&self.place.run).copied().unwrap_or(0.0);
        Stamped { run: self.place.run, at, event: Event::Warning { message } }
    }

    /// A lecture waits behind the last event until it goes back.
    async fn at_the_end(&mut self) -> Result<ControlFlow<()>, Error> {
        let Sink::Lecture(news) = &self.sink else { return Ok(ControlFlow::Break(())) };
        if sent(news.send(ReplayNews::Ended).await).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        loop {
            let Some(command) = self.commands.recv().await else { return Ok(ControlFlow::Break(())) };
            if self.obey(command).await? {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// Waits until the time of the next event, and handles commands meanwhile.
    async fn wait(&mut self, next: &Stamped) -> Result<Waited, Error> {
        loop {
            let command = match self.mode {
                Mode::ToTheEnd | Mode::ToNextRemoval => return Ok(Waited::Due),
                Mode::AfterRemoval => {
                    self.mode = Mode::Paused;
                    if matches!(next.event, Event::StepPictured { .. }) {
                        return Ok(Waited::Due);
                    }
                    continue;
                }
                Mode::ToPlace(_) => return Ok(Waited::Due),
                Mode::Paused => self.commands.recv().await,
                Mode::Timed => match (self.clock.due(self.place.at), self.commands.try_recv()) {
                    (_, Ok(command)) => Some(command),
                    (_, Err(mpsc::error::TryRecvError::Disconnected)) => None,
                    (None, Err(mpsc::error::TryRecvError::Empty)) => return Ok(Waited::Due),
                    (Some(due), Err(mpsc::error::TryRecvError::Empty)) => tokio::select! {
                        command = self.commands.recv() => command,
                        () = tokio::time::sleep_until(due) => continue,
                    },
                },
            };
            match command {
                Some(command) => {
                    if self.obey(command).await? {
                        return Ok(Waited::WentBack);
                    }
                }
                None => return Ok(Waited::Closed),
            }
        }
    }

    fn pause(&mut self) {
        self.clock.stop();
        self.clock.move_to(self.place.at);
        self.mode = Mode::Paused;
    }

    /// Returns true if the replay went back.
    async fn obey(&mut self, command: Command) -> Result<bool, Error> {
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
                Control::SetPace(_) | Control::SkipDense | Control::Replan(_) => {}
            },
            Command::ReplaySpeed(speed) => {
                self.speed = speed;
                self.clock.set_speed(speed);
            }
            Command::ReplaySeek(seek) => return self.seek(seek).await,
            // A recording cannot be changed.
            Command::Start { .. }
            | Command::Activate(_)
            | Command::Label(_)
            | Command::SaveDraft { .. }
            | Command::Reopen { .. } => {}
        }
        Ok(false)
    }

    /// Moves to another place. Forward, the events between are emitted at once; back, all events are read again.
    /// Returns true if the replay went back.
    async fn seek(&mut self, seek: Seek) -> Result<bool, Error> {
        let Sink::Lecture(news) = &self.sink else { return Ok(false) };
        let target = self.index.target(self.place.events, seek);
        if target == self.place.events {
            self.clock.stop();
            self.mode = Mode::Paused;
            return Ok(false);
        }
        if target > self.place.events {
            self.mode = Mode::ToPlace(target);
            return Ok(false);
        }
        let mut lines = Lines::open(self.lines.path())?;
        let (mut place, mut events) = (Place::default(), Vec::new());
        while place.events < target
            && let Next::Event(stamped) = lines.next()?
        {
            place.advance(&stamped, LONGEST_WAIT * self.speed);
            if !is_progress(&stamped) {
                events.extend(place.pass(*stamped));
            }
        }
        // If the receiver is gone, the next command or event finds that out.
        let _ = news.send(ReplayNews::Rebuilt { place: target, events }).await;
        (self.lines, self.place) = (lines, place);
        self.pause();
        Ok(true)
    }

    async fn emit(&mut self, stamped: Stamped) -> ControlFlow<()> {
        if is_progress(&stamped) {
            let hurried = self.mode != Mode::Timed || self.clock.is_boundless();
            if !hurried && self.last_progress.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
                self.last_progress = Some(Instant::now());
                self.sink.try_send(self.place.events, stamped);
            }
            return ControlFlow::Continue(());
        }
        if self.mode == Mode::ToNextRemoval && matches!(stamped.event, Event::UnitsRemoved { .. }) {
            self.pause();
            self.mode = Mode::AfterRemoval;
        }
        let emitted: Vec<Stamped> = self.place.pass(stamped).collect();
        if matches!(self.mode, Mode::ToPlace(place) if self.place.events >= place) {
            self.pause();
        }
        for stamped in emitted {
            if self.sink.send(self.place.events, stamped).await.is_break() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

impl Sink {
    async fn send(&self, place: usize, stamped: Stamped) -> ControlFlow<()> {
        match self {
            Self::Once(events) => sent(events.send(stamped).await),
            Self::Lecture(news) => sent(news.send(ReplayNews::Event { place, stamped }).await),
        }
    }

    /// If the channel is full, a later event will report the progress.
    fn try_send(&self, place: usize, stamped: Stamped) {
        match self {
            Self::Once(events) => drop(events.try_send(stamped)),
            Self::Lecture(news) => drop(news.try_send(ReplayNews::Event { place, stamped })),
        }
    }
}

fn sent<T, E>(result: Result<T, E>) -> ControlFlow<()> {
    if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

#[cfg(test)]
mod tests;
