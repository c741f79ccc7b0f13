//! The thread that a job, or the workspace, lives on.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use crate::protocol::{Command, Event, Stamped};

use super::{Control, Error};

/// Events that may wait for a slow face; a worker that has a result to tell then waits too.
const EVENTS: usize = 1024;
const COMMANDS: usize = 64;

/// Work on its own thread.
pub struct Worker<T> {
    pub commands: mpsc::Sender<Command>,
    /// Closed when the work has ended.
    pub events: mpsc::Receiver<Stamped>,
    thread: JoinHandle<Result<T, Error>>,
}

/// Runs a job on its own thread. Numerics block, so they never run on the async runtime.
pub fn start<T: Send + 'static>(
    run: u64,
    job: impl FnOnce(&mut Control) -> Result<T, Error> + Send + 'static,
) -> Worker<T> {
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let (event_sender, events) = mpsc::channel(EVENTS);
    let mut control = Control::new(run, command_receiver, event_sender);
    let thread = thread::spawn(move || {
        let result = job(&mut control);
        if let Err(error) = &result {
            control.emit(ending(error));
        }
        result
    });
    Worker { commands, events, thread }
}

/// How a job that did not come to its end is told.
pub fn ending(error: &Error) -> Event {
    if error.is_cancelled() { Event::RunCancelled } else { Event::RunFailed { message: error.to_string() } }
}

impl<T> Worker<T> {
    /// The result, once the events have ended. Closes both channels: a job that is still at work is cancelled.
    pub fn join(self) -> Result<T, Error> {
        let Self { commands, events, thread } = self;
        drop((commands, events));
        thread.join().unwrap_or(Err(Error::Panicked))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        worker.commands.blocking_send(Command::Cancel { run: 1 }).unwrap();
        assert_eq!(worker.events.blocking_recv().unwrap().event, Event::RunCancelled);
        assert!(worker.join().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_paused_job_waits_and_goes_on() {
        let mut worker = start(1, endless);
        let (pause, resume) = (Command::Pause { run: 1 }, Command::Resume { run: 1 });
        for (command, answer) in [(pause, Event::Paused), (resume, Event::Resumed)] {
            worker.commands.blocking_send(command).unwrap();
            assert_eq!(worker.events.blocking_recv().unwrap().event, answer);
        }
        worker.commands.blocking_send(Command::Pause { run: 1 }).unwrap();
        worker.commands.blocking_send(Command::Cancel { run: 1 }).unwrap();
        assert!(worker.join().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_job_whose_face_has_gone_is_cancelled() {
        let Worker { commands, events, thread } = start(1, endless);
        drop((commands, events));
        assert!(thread.join().unwrap().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_panic_closes_the_events_and_is_an_error() {
        let mut worker = start(1, |_: &mut Control| -> Result<(), Error> { panic!("on purpose") });
        assert_eq!(worker.events.blocking_recv(), None);
        assert!(matches!(worker.join(), Err(Error::Panicked)));
    }
}
