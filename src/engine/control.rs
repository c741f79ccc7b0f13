//! The worker's side of the two channels between it and a face.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TryRecvError};

use crate::protocol::{Command, Event, Pace, Stage, Stamped};

/// Least time between two progress events of one stage.
const PROGRESS_EVERY: Duration = Duration::from_millis(33);

/// Obeys the commands to the job at work, keeps the others in their order, and tells events.
pub struct Control {
    run: u64,
    began: Instant,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Stamped>,
    last_progress: Option<(Stage, Instant)>,
    wanted: Wanted,
    pace: Pace,
    replanned: Option<Vec<f64>>,
    waiting: VecDeque<Command>,
}

/// Whether the job is to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Yes,
    Cancelled,
    /// The face has gone away, so nothing more is wanted.
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Motion {
    Going,
    Halted,
}

impl Control {
    pub(super) fn new(run: u64, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Stamped>) -> Self {
        Self {
            run,
            began: Instant::now(),
            commands,
            events,
            last_progress: None,
            wanted: Wanted::Yes,
            pace: Pace::Free,
            replanned: None,
            waiting: VecDeque::new(),
        }
    }

    /// Seconds since the job began.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Tells a result. Never dropped: waits while the face is behind.
    pub fn tell(&mut self, event: Event) {
        let stamped = self.stamp(event);
        if self.events.blocking_send(stamped).is_err() {
            self.wanted = Wanted::Gone;
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
        match self.pace {
            Pace::Free => self.checkpoint(),
            Pace::Stepwise => {
                self.tell(Event::Paused);
                self.obey(Motion::Halted)
            }
        }
    }

    /// The ratios that have been commanded last, once.
    pub fn replanned(&mut self) -> Option<Vec<f64>> {
        self.replanned.take()
    }

    /// What the next job is to be; None when the face has gone away. Waits without work. What was meant for a job that has
    /// ended is dropped.
    pub(super) fn next(&mut self) -> Option<Command> {
        if self.wanted == Wanted::Gone {
            return None;
        }
        while let Ok(command) = self.commands.try_recv() {
            if begins_work(&command) {
                self.waiting.push_back(command);
                break;
            }
        }
        if let Some(command) = self.waiting.pop_front() {
            return Some(command);
        }
        loop {
            match self.commands.blocking_recv() {
                Some(command) if begins_work(&command) => return Some(command),
                Some(_) => {}
                None => return None,
            }
        }
    }

    /// A new job: its number, its own clock, its pace.
    pub(super) fn begin(&mut self, run: u64, pace: Pace) {
        (self.run, self.began, self.pace) = (run, Instant::now(), pace);
        (self.last_progress, self.replanned) = (None, None);
        match self.wanted {
            Wanted::Yes | Wanted::Cancelled => self.wanted = Wanted::Yes,
            Wanted::Gone => {}
        }
    }

    fn obey(&mut self, mut motion: Motion) -> ControlFlow<()> {
        loop {
            let command = match (self.wanted, motion) {
                (Wanted::Cancelled | Wanted::Gone, _) => return ControlFlow::Break(()),
                (Wanted::Yes, Motion::Halted) => {
                    self.commands.blocking_recv().ok_or(TryRecvError::Disconnected)
                }
                (Wanted::Yes, Motion::Going) => self.commands.try_recv(),
            };
            match command {
                Ok(Command::Pause) => match motion {
                    Motion::Going => {
                        motion = Motion::Halted;
                        self.tell(Event::Paused);
                    }
                    Motion::Halted => {}
                },
                Ok(Command::Resume) => motion = self.go_on(Pace::Free, motion),
                Ok(Command::Step) => motion = self.go_on(Pace::Stepwise, motion),
                Ok(Command::Cancel) => self.wanted = Wanted::Cancelled,
                Ok(Command::Replan { ratios }) => self.replanned = Some(ratios),
                Ok(Command::Speed(_)) => {}
                Ok(
                    later @ (Command::Run { .. }
                    | Command::Retry { .. }
                    | Command::Choose { .. }
                    | Command::Curve { .. }
                    | Command::Measure { .. }
                    | Command::Write { .. }
                    | Command::Export { .. }),
                ) => self.waiting.push_back(later),
                Err(TryRecvError::Disconnected) => self.wanted = Wanted::Gone,
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
            }
        }
    }

    fn go_on(&mut self, pace: Pace, motion: Motion) -> Motion {
        self.pace = pace;
        match motion {
            Motion::Halted => self.tell(Event::Resumed),
            Motion::Going => {}
        }
        Motion::Going
    }

    fn stamp(&self, event: Event) -> Stamped {
        Stamped { run: self.run, at: self.seconds(), event }
    }
}

/// False for what goes to the job at work.
fn begins_work(command: &Command) -> bool {
    match command {
        Command::Pause
        | Command::Resume
        | Command::Step
        | Command::Cancel
        | Command::Replan { .. }
        | Command::Speed(_) => false,
        Command::Run { .. }
        | Command::Retry { .. }
        | Command::Choose { .. }
        | Command::Curve { .. }
        | Command::Measure { .. }
        | Command::Write { .. }
        | Command::Export { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> (Control, mpsc::Sender<Command>, mpsc::Receiver<Stamped>) {
        let (commands, command_receiver) = mpsc::channel(16);
        let (event_sender, events) = mpsc::channel(16);
        (Control::new(0, command_receiver, event_sender), commands, events)
    }

    fn choose(attempt: usize) -> Command {
        Command::Choose { layer: 0, attempt }
    }

    #[test]
    fn what_begins_work_waits_in_its_order_and_a_late_cancel_hits_nothing() {
        let (mut control, commands, _events) = control();
        control.begin(1, Pace::Free);
        for command in [choose(1), Command::Replan { ratios: vec![0.5] }, choose(2)] {
            commands.blocking_send(command).unwrap();
        }
        assert!(control.checkpoint().is_continue());
        assert_eq!(control.replanned(), Some(vec![0.5]));
        assert_eq!(control.replanned(), None);
        for command in [Command::Cancel, Command::Pause, choose(3)] {
            commands.blocking_send(command).unwrap();
        }
        for attempt in 1..=3 {
            assert_eq!(control.next(), Some(choose(attempt)));
            control.begin(2, Pace::Free);
            assert!(control.checkpoint().is_continue());
        }
        drop(commands);
        assert_eq!(control.next(), None);
    }

    #[test]
    fn a_stepwise_job_halts_after_each_batch_and_a_step_lets_one_more_leave() {
        let (mut control, commands, mut events) = control();
        control.begin(1, Pace::Stepwise);
        for command in [Command::Step, Command::Resume, Command::Step, Command::Cancel] {
            assert!(control.checkpoint().is_continue());
            commands.blocking_send(command.clone()).unwrap();
            let broken = control.batch_left().is_break();
            assert_eq!(broken, command == Command::Cancel);
        }
        let told: Vec<Event> = std::iter::from_fn(|| events.try_recv().ok()).map(|told| told.event).collect();
        let (halt, on) = (Event::Paused, Event::Resumed);
        // The third batch leaves freely; the step that is found behind it halts the fourth.
        assert_eq!(told, [&halt, &on, &halt, &on, &halt].map(Clone::clone));
    }
}
