//! The worker's thread, and the two channels between it and a face.

use std::{
    ops::ControlFlow,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TryRecvError};

use crate::protocol::{Command, Event, Stage, Stamped};

use super::Error;

/// Events that may wait for a slow face; a worker that has a result to tell then waits too.
const EVENTS: usize = 1024;
const COMMANDS: usize = 16;
/// Least time between two progress events of one stage.
const PROGRESS_EVERY: Duration = Duration::from_millis(33);

/// A job on its own thread.
pub struct Worker<T> {
    pub commands: mpsc::Sender<Command>,
    /// Closed when the job has ended.
    pub events: mpsc::Receiver<Stamped>,
    thread: JoinHandle<Result<T, Error>>,
}

/// The worker's side of the channels.
pub struct Control {
    run: u64,
    began: Instant,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Stamped>,
    last_progress: Option<(Stage, Instant)>,
    cancelled: bool,
}

/// Runs a job on its own thread. Numerics block, so they never run on the async runtime.
pub fn start<T: Send + 'static>(
    run: u64,
    job: impl FnOnce(&mut Control) -> Result<T, Error> + Send + 'static,
) -> Worker<T> {
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let (event_sender, events) = mpsc::channel(EVENTS);
    let mut control = Control {
        run,
        began: Instant::now(),
        commands: command_receiver,
        events: event_sender,
        last_progress: None,
        cancelled: false,
    };
    let thread = thread::spawn(move || {
        let result = job(&mut control);
        match &result {
            Ok(_) => {}
            Err(error) if error.is_cancelled() => control.tell(Event::RunCancelled),
            Err(error) => control.tell(Event::RunFailed { message: error.to_string() }),
        }
        result
    });
    Worker { commands, events, thread }
}

impl<T> Worker<T> {
    /// The job's result, once its events have ended.
    pub fn join(self) -> Result<T, Error> {
        self.thread.join().unwrap_or(Err(Error::Panicked))
    }
}

impl Control {
    /// Seconds since the job began.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Tells a result. Never dropped: waits while the face is behind.
    pub fn tell(&mut self, event: Event) {
        let stamped = self.stamp(event);
        // A face that has gone away no longer wants the run.
        self.cancelled |= self.events.blocking_send(stamped).is_err();
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
        let mut paused = false;
        loop {
            let command = match (self.cancelled, paused) {
                (true, _) => return ControlFlow::Break(()),
                (false, true) => self.commands.blocking_recv().ok_or(TryRecvError::Disconnected),
                (false, false) => self.commands.try_recv(),
            };
            match command {
                Ok(Command::Pause) if !paused => {
                    paused = true;
                    self.tell(Event::Paused);
                }
                Ok(Command::Resume) if paused => {
                    paused = false;
                    self.tell(Event::Resumed);
                }
                Ok(Command::Cancel) | Err(TryRecvError::Disconnected) => self.cancelled = true,
                Ok(_) => {}
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
            }
        }
    }

    fn stamp(&self, event: Event) -> Stamped {
        Stamped { run: self.run, at: self.seconds(), event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endless(control: &mut Control) -> Result<(), Error> {
        loop {
            if control.checkpoint().is_break() {
                return Err(Error::Cancelled);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_cancelled_job_ends_and_says_so() {
        let mut worker = start(1, endless);
        worker.commands.blocking_send(Command::Cancel).unwrap();
        assert_eq!(worker.events.blocking_recv().unwrap().event, Event::RunCancelled);
        assert!(worker.join().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_paused_job_waits_and_goes_on() {
        let mut worker = start(1, endless);
        for (command, answer) in [(Command::Pause, Event::Paused), (Command::Resume, Event::Resumed)] {
            worker.commands.blocking_send(command).unwrap();
            assert_eq!(worker.events.blocking_recv().unwrap().event, answer);
        }
        worker.commands.blocking_send(Command::Pause).unwrap();
        worker.commands.blocking_send(Command::Cancel).unwrap();
        assert!(worker.join().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_job_whose_face_has_gone_is_cancelled() {
        let Worker { commands, events, thread } = start(1, endless);
        drop((commands, events));
        assert!(thread.join().unwrap().unwrap_err().is_cancelled());
    }
}
