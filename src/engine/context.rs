//! The engine's side of the channels to a frontend: commands in, events out.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TryRecvError};

use super::{DraftSaver, Ranks, stopwatch::Stopwatch};
use crate::{
    protocol::{Command, Control, Draft, Event, Pace, Stage, Stamped},
    prune::LayerRatio,
    session::{DraftFile, Journal},
};

/// Minimum time between two progress events of the same stage.
const PROGRESS_EVERY: Duration = Duration::from_millis(33);

/// A job's connection to its frontend. The job emits events here and asks here whether to continue. Controls
/// of the running job are applied between two of its steps; other commands are queued.
pub struct Context {
    run: u64,
    watch: Stopwatch,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Stamped>,
    last_progress: Option<(Stage, Instant)>,
    wanted: Wanted,
    pace: Pace,
    next_batch: NextBatch,
    replanned: Option<Vec<LayerRatio>>,
    skips_dense: bool,
    queue: VecDeque<Command>,
    /// Log of the open session.
    journal: Option<Journal>,
    drafts: DraftSaver,
    /// The ranks that compute with this process.
    ranks: Option<Ranks>,
}

/// Whether the job should continue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Yes,
    Cancelled,
    /// The frontend has closed its channels, so no further job is wanted.
    FrontendClosed,
}

/// The state of a job after its next batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextBatch {
    AsPaced,
    /// A step was requested.
    Halts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Motion {
    Running,
    /// Halted on request.
    Paused,
    /// Halted because a batch was removed.
    BatchRemoved,
}

impl Context {
    pub(super) fn new(
        run: u64,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Stamped>,
        drafts: DraftSaver,
    ) -> Self {
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
            skips_dense: false,
            queue: VecDeque::new(),
            journal: None,
            drafts,
            ranks: None,
        }
    }

    /// From now on, leads these ranks.
    pub fn use_ranks(&mut self, ranks: Option<Ranks>) {
        self.ranks = ranks;
    }

    /// The ranks that compute with this process, if there are any.
    pub(super) fn ranks(&self) -> Option<&Ranks> {
        self.ranks.as_ref()
    }

    /// Number of the running job.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Seconds since the job began, excluding halts.
    pub fn seconds(&self) -> f64 {
        self.watch.seconds()
    }

    /// Adds the duration of `work` to `seconds`, excluding halts of the job.
    pub(super) fn timed<T>(&mut self, seconds: &mut f64, work: impl FnOnce(&mut Self) -> T) -> T {
        let began = self.seconds();
        let result = work(self);
        *seconds += self.seconds() - began;
        result
    }

    /// Emits a result. Results are never dropped: the call waits while the channel is full.
    pub fn emit(&mut self, event: Event) {
        let stamped = self.stamp(event);
        self.log(&stamped);
        self.send(stamped);
    }

    /// From now on, logs events to the journal of a session and saves drafts in the session.
    pub(super) fn enter_session(&mut self, journal: Journal, draft: DraftFile) {
        self.journal = Some(journal);
        self.drafts.enter(Some(draft));
    }

    /// From now on, logs no events and saves no drafts.
    pub(super) fn leave_session(&mut self) {
        self.journal = None;
        self.drafts.enter(None);
    }

    /// Appends an event to the journal without sending it. It was sent before the journal was open.
    pub(super) fn log(&mut self, stamped: &Stamped) {
        let Some(journal) = &mut self.journal else { return };
        if let Err(cause) = journal.append(stamped) {
            // The job does not depend on the log, because results have their own files.
            self.journal = None;
            self.emit(Event::Warning { message: format!("{cause}; the run continues without its log") });
        }
    }

    pub(super) fn save_draft(&mut self, draft: &Draft) {
        if let Err(cause) = self.drafts.save(draft) {
            self.emit(Event::Warning { message: cause.to_string() });
        }
    }

    /// Reports the progress of a stage, no more often than a screen can show it, then applies commands.
    pub fn progress(&mut self, stage: Stage, done: u64, total: u64) -> ControlFlow<()> {
        let now = Instant::now();
        let due = match &self.last_progress {
            Some((last, at)) => *last != stage || done >= total || now - *at >= PROGRESS_EVERY,
            None => true,
        };
        if due {
            self.last_progress = Some((stage.clone(), now));
            let stamped = self.stamp(Event::Progress { stage, done, total });
            // If the channel is full, a later event will report the progress.
            let _ = self.events.try_send(stamped);
        }
        self.checkpoint()
    }

    /// Applies the commands received since the last step. Waits while the job is paused. Breaks if the job
    /// should end.
    pub fn checkpoint(&mut self) -> ControlFlow<()> {
        self.obey(Motion::Running)
    }

    /// True if the job halts after the batch that was removed just now.
    pub(super) fn halts_next(&self) -> bool {
        match (self.pace, self.next_batch) {
            (Pace::Free, NextBatch::AsPaced) => false,
            (Pace::Stepwise, _) | (_, NextBatch::Halts) => true,
        }
    }

    /// Like [`Context::checkpoint`], after a batch was removed: a stepwise job halts.
    pub fn batch_removed(&mut self) -> ControlFlow<()> {
        if !self.halts_next() {
            return self.checkpoint();
        }
        self.next_batch = NextBatch::AsPaced;
        self.halt();
        self.obey(Motion::BatchRemoved)
    }

    /// The latest ratios sent with `Replan`. Each are returned once.
    pub fn replanned(&mut self) -> Option<Vec<LayerRatio>> {
        self.replanned.take()
    }

    /// True once the frontend has asked to leave out the perplexity of the dense model.
    pub fn skips_dense(&self) -> bool {
        self.skips_dense
    }

    /// Waits for the next command that is not a control; None if the frontend has closed its channels. The
    /// clock is stopped meanwhile. Controls of ended jobs are dropped.
    pub(super) fn next(&mut self) -> Option<Command> {
        self.watch.stop();
        if self.wanted == Wanted::FrontendClosed {
            return None;
        }
        if let Some(command) = self.queue.pop_front() {
            return Some(command);
        }
        loop {
            match self.commands.blocking_recv()? {
                Command::SaveDraft { draft } => self.save_draft(&draft),
                Command::Control { .. } | Command::ReplaySpeed(_) | Command::ReplaySeek(_) => {}
                command @ (Command::Start { .. }
                | Command::Activate(_)
                | Command::Label(_)
                | Command::Reopen { .. }) => {
                    return Some(command);
                }
            }
        }
    }

    /// Begins a job: sets its number, clock and pace.
    pub(super) fn begin(&mut self, run: u64, pace: Pace) {
        (self.run, self.watch) = (run, Stopwatch::started());
        (self.pace, self.next_batch) = (pace, NextBatch::AsPaced);
        (self.last_progress, self.replanned, self.skips_dense) = (None, None, false);
        match self.wanted {
            Wanted::Yes | Wanted::Cancelled => self.wanted = Wanted::Yes,
            Wanted::FrontendClosed => {}
        }
    }

    fn obey(&mut self, mut motion: Motion) -> ControlFlow<()> {
        loop {
            let command = match (self.wanted, motion) {
                (Wanted::Cancelled | Wanted::FrontendClosed, _) => return ControlFlow::Break(()),
                (Wanted::Yes, Motion::Paused | Motion::BatchRemoved) => {
                    self.commands.blocking_recv().ok_or(TryRecvError::Disconnected)
                }
                (Wanted::Yes, Motion::Running) => self.commands.try_recv(),
            };
            match command {
                Ok(Command::Control { run, control }) if run == self.run => {
                    motion = self.control(control, motion);
                }
                Ok(Command::Control { run, control: Control::Cancel }) => self.cancel_queued(run),
                Ok(Command::Control { .. } | Command::ReplaySpeed(_) | Command::ReplaySeek(_)) => {}
                Ok(Command::SaveDraft { draft }) => self.save_draft(&draft),
                Ok(
                    later @ (Command::Start { .. }
                    | Command::Activate(_)
                    | Command::Label(_)
                    | Command::Reopen { .. }),
                ) => {
                    self.queue.push_back(later);
                }
                Err(TryRecvError::Disconnected) => self.wanted = Wanted::FrontendClosed,
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
            }
        }
    }

    fn control(&mut self, control: Control, motion: Motion) -> Motion {
        match (control, motion) {
            (Control::Pause, Motion::Running) => {
                self.halt();
                Motion::Paused
            }
            (Control::Pause, Motion::Paused | Motion::BatchRemoved) => motion,
            (Control::Resume, _) => self.resume(motion),
            (Control::Step, _) => {
                self.next_batch = NextBatch::Halts;
                self.resume(motion)
            }
            (Control::SetPace(pace), _) => {
                (self.pace, self.next_batch) = (pace, NextBatch::AsPaced);
                match (pace, motion) {
                    (Pace::Free, Motion::BatchRemoved) => self.resume(motion),
                    (Pace::Free, Motion::Running | Motion::Paused) | (Pace::Stepwise, _) => motion,
                }
            }
            (Control::Cancel, _) => {
                self.wanted = Wanted::Cancelled;
                motion
            }
            (Control::SkipDense, _) => {
                self.skips_dense = true;
                motion
            }
            (Control::Replan(ratios), _) => {
                self.replanned = Some(ratios);
                motion
            }
        }
    }

    fn halt(&mut self) {
        self.watch.stop();
        self.emit(Event::Paused);
    }

    fn resume(&mut self, motion: Motion) -> Motion {
        match motion {
            Motion::Paused | Motion::BatchRemoved => {
                self.watch.resume();
                self.emit(Event::Resumed);
            }
            Motion::Running => {}
        }
        Motion::Running
    }

    /// Removes a job from the queue. Does nothing for a job that has ended.
    fn cancel_queued(&mut self, run: u64) {
        let before = self.queue.len();
        self.queue.retain(|command| !matches!(command, Command::Start { run: of, .. } if *of == run));
        if self.queue.len() < before {
            self.send(Stamped { run, at: 0.0, event: Event::JobCancelled });
        }
    }

    fn send(&mut self, stamped: Stamped) {
        if self.events.blocking_send(stamped).is_err() {
            self.wanted = Wanted::FrontendClosed;
        }
    }

    pub(super) fn stamp(&self, event: Event) -> Stamped {
        Stamped { run: self.run, at: self.seconds(), event }
    }
}

#[cfg(test)]
mod tests;
