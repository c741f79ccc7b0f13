//! The worker's side of the two channels between it and a face.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TryRecvError};

use super::stopwatch::Stopwatch;
use crate::{
    protocol::{Command, Draft, Event, Pace, Stage, Stamped},
    prune::LayerRatio,
    session::Journal,
};

/// Least time between two progress events of one stage.
const PROGRESS_EVERY: Duration = Duration::from_millis(33);

/// Obeys the commands to the job at work, keeps the others in their order, and tells events.
pub struct Control {
    run: u64,
    watch: Stopwatch,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Stamped>,
    last_progress: Option<(Stage, Instant)>,
    wanted: Wanted,
    pace: Pace,
    next_batch: NextBatch,
    replanned: Option<Vec<LayerRatio>>,
    waiting: VecDeque<Command>,
    /// Of the session that is open.
    journal: Option<Journal>,
}

/// Whether the job is to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Yes,
    Cancelled,
    /// The face has gone away, so nothing more is wanted.
    Gone,
}

/// What comes after the next batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextBatch {
    AsPaced,
    /// A step was asked for.
    Halts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Motion {
    Going,
    /// On request.
    Paused,
    /// Since a batch has left.
    BatchLeft,
}

impl Control {
    pub(super) fn new(run: u64, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Stamped>) -> Self {
        Self {
            run,
            watch: Stopwatch::started(),
            commands,
            events,
            last_progress: None,
            wanted: Wanted::Yes,
            pace: Pace::Free,
            next_batch: NextBatch::AsPaced,
            replanned: None,
            waiting: VecDeque::new(),
            journal: None,
        }
    }

    /// The number of the job at work.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Seconds that the job has been at work, without those in which it was halted.
    pub fn seconds(&self) -> f64 {
        self.watch.seconds()
    }

    /// Adds what a piece of work took, without the time in which the job was halted.
    pub(super) fn timed<T>(&mut self, seconds: &mut f64, work: impl FnOnce(&mut Self) -> T) -> T {
        let began = self.seconds();
        let result = work(self);
        *seconds += self.seconds() - began;
        result
    }

    /// Tells a result. Never dropped: waits while the face is behind.
    pub fn emit(&mut self, event: Event) {
        let stamped = self.stamp(event);
        self.write_down(&stamped);
        self.send(stamped);
    }

    /// From now on what is told is written down there too, or no longer.
    pub(super) fn set_journal(&mut self, journal: Option<Journal>) {
        self.journal = journal;
    }

    /// Writes to the journal alone what was told before it was there.
    pub(super) fn catch_up(&mut self, stamped: &Stamped) {
        self.write_down(stamped);
    }

    fn write_down(&mut self, stamped: &Stamped) {
        let Some(journal) = &mut self.journal else { return };
        if let Err(cause) = journal.append(stamped) {
            // The results lie in files of their own; the log of them is no reason to end.
            self.journal = None;
            self.emit(Event::Warning { message: format!("{cause}; the run goes on without its log") });
        }
    }

    pub(super) fn keep(&mut self, draft: &Draft) {
        let Some(journal) = &mut self.journal else { return };
        if let Err(cause) = journal.save_draft(draft) {
            self.emit(Event::Warning { message: cause.to_string() });
        }
    }

    /// Tells how far a stage is, not more often than a screen can show, then looks for commands.
    pub fn progress(&mut self, stage: Stage, done: u64, total: u64) -> ControlFlow<()> {
        let now = Instant::now();
        let due = match &self.last_progress {
            Some((last, at)) => *last != stage || done >= total || now - *at >= PROGRESS_EVERY,
            None => true,
        };
        if due {
            self.last_progress = Some((stage.clone(), now));
            let stamped = self.stamp(Event::Progress { stage, done, total });
            // Full: a later one will tell.
            let _ = self.events.try_send(stamped);
        }
        self.checkpoint()
    }

    /// Obeys what has been commanded since the last step. While paused it waits here.
    pub fn checkpoint(&mut self) -> ControlFlow<()> {
        self.obey(Motion::Going)
    }

    /// As [`Control::checkpoint`], after a batch has left: a stepwise job waits for what comes next.
    pub fn batch_left(&mut self) -> ControlFlow<()> {
        match (self.pace, self.next_batch) {
            (Pace::Free, NextBatch::AsPaced) => self.checkpoint(),
            (Pace::Stepwise, _) | (_, NextBatch::Halts) => {
                self.next_batch = NextBatch::AsPaced;
                self.halt();
                self.obey(Motion::BatchLeft)
            }
        }
    }

    /// The ratios that have been commanded last, once.
    pub fn replanned(&mut self) -> Option<Vec<LayerRatio>> {
        self.replanned.take()
    }

    /// What the next job is to be; None when the face has gone away. Waits without work, while the clock stands still. What
    /// was meant for a job that has ended is dropped.
    pub(super) fn next(&mut self) -> Option<Command> {
        self.watch.stop();
        if self.wanted == Wanted::Gone {
            return None;
        }
        if let Some(command) = self.waiting.pop_front() {
            return Some(command);
        }
        loop {
            match self.commands.blocking_recv() {
                Some(Command::SaveDraft { draft }) => self.keep(&draft),
                Some(command) if begins_work(&command) => return Some(command),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// A new job: its number, its own clock, its pace.
    pub(super) fn begin(&mut self, run: u64, pace: Pace) {
        (self.run, self.watch) = (run, Stopwatch::started());
        (self.pace, self.next_batch) = (pace, NextBatch::AsPaced);
        (self.last_progress, self.replanned) = (None, None);
        match self.wanted {
            Wanted::Yes | Wanted::Cancelled => self.wanted = Wanted::Yes,
            Wanted::Gone => {}
        }
    }

    /// As before the first job: what is told now belongs to none.
    pub(super) fn at_rest(&mut self, run: u64) {
        self.begin(run, Pace::Free);
    }

    fn obey(&mut self, mut motion: Motion) -> ControlFlow<()> {
        loop {
            let command = match (self.wanted, motion) {
                (Wanted::Cancelled | Wanted::Gone, _) => return ControlFlow::Break(()),
                (Wanted::Yes, Motion::Paused | Motion::BatchLeft) => {
                    self.commands.blocking_recv().ok_or(TryRecvError::Disconnected)
                }
                (Wanted::Yes, Motion::Going) => self.commands.try_recv(),
            };
            match command {
                Ok(Command::Cancel { run }) if run != self.run => self.cancel_waiting(run),
                Ok(
                    Command::Pause { run }
                    | Command::Resume { run }
                    | Command::Step { run }
                    | Command::Pace { run, .. }
                    | Command::Replan { run, .. },
                ) if run != self.run => {}
                Ok(Command::Pause { .. }) => match motion {
                    Motion::Going => {
                        motion = Motion::Paused;
                        self.halt();
                    }
                    Motion::Paused | Motion::BatchLeft => {}
                },
                Ok(Command::Resume { .. }) => motion = self.go_on(motion),
                Ok(Command::Step { .. }) => {
                    self.next_batch = NextBatch::Halts;
                    motion = self.go_on(motion);
                }
                Ok(Command::Pace { pace, .. }) => {
                    (self.pace, self.next_batch) = (pace, NextBatch::AsPaced);
                    motion = match (pace, motion) {
                        (Pace::Free, Motion::BatchLeft) => self.go_on(motion),
                        (Pace::Free, Motion::Going | Motion::Paused) | (Pace::Stepwise, _) => motion,
                    };
                }
                Ok(Command::Cancel { .. }) => self.wanted = Wanted::Cancelled,
                Ok(Command::Replan { ratios, .. }) => self.replanned = Some(ratios),
                Ok(Command::SaveDraft { draft }) => self.keep(&draft),
                Ok(Command::Speed(_)) => {}
                Ok(
                    later @ (Command::Run { .. }
                    | Command::Search { .. }
                    | Command::Retry { .. }
                    | Command::Choose { .. }
                    | Command::Curve { .. }
                    | Command::Measure { .. }
                    | Command::Write { .. }
                    | Command::Export { .. }
                    | Command::Reopen { .. }),
                ) => self.waiting.push_back(later),
                Err(TryRecvError::Disconnected) => self.wanted = Wanted::Gone,
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
            }
        }
    }

    fn halt(&mut self) {
        self.watch.stop();
        self.emit(Event::Paused);
    }

    fn go_on(&mut self, motion: Motion) -> Motion {
        match motion {
            Motion::Paused | Motion::BatchLeft => {
                self.watch.go_on();
                self.emit(Event::Resumed);
            }
            Motion::Going => {}
        }
        Motion::Going
    }

    /// A job that waits never begins; of one that has ended there is nothing to cancel.
    fn cancel_waiting(&mut self, run: u64) {
        let before = self.waiting.len();
        self.waiting.retain(|command| number(command) != Some(run));
        if self.waiting.len() < before {
            let cancelled = Stamped { run, at: 0.0, event: Event::RunCancelled };
            self.send(cancelled);
        }
    }

    fn send(&mut self, stamped: Stamped) {
        if self.events.blocking_send(stamped).is_err() {
            self.wanted = Wanted::Gone;
        }
    }

    pub(super) fn stamp(&self, event: Event) -> Stamped {
        Stamped { run: self.run, at: self.seconds(), event }
    }
}

/// False for what goes to a job that is there already.
fn begins_work(command: &Command) -> bool {
    number(command).is_some() || matches!(command, Command::Choose { .. } | Command::Reopen { .. })
}

/// The number of the job that a command begins.
fn number(command: &Command) -> Option<u64> {
    match command {
        Command::Run { run, .. }
        | Command::Search { run, .. }
        | Command::Retry { run, .. }
        | Command::Curve { run, .. }
        | Command::Measure { run, .. }
        | Command::Write { run, .. }
        | Command::Export { run, .. } => Some(*run),
        Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Step { .. }
        | Command::Pace { .. }
        | Command::Cancel { .. }
        | Command::Replan { .. }
        | Command::Choose { .. }
        | Command::SaveDraft { .. }
        | Command::Reopen { .. }
        | Command::Speed(_) => None,
    }
}

#[cfg(test)]
mod tests;
