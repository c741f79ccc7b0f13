//! The thread for a job or the workspace.

use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use crate::{
    failure::Kind,
    protocol::{Command, Event, Stamped},
};

use super::{Context, DraftSaver, Error};

/// Maximum number of events waiting for a slow frontend. A worker that emits another result blocks.
const EVENTS: usize = 1024;
const COMMANDS: usize = 64;

/// Work running on its own thread.
pub struct Worker<T> {
    pub commands: mpsc::Sender<Command>,
    /// Closed when the work ends.
    pub events: mpsc::Receiver<Stamped>,
    pub drafts: DraftSaver,
    thread: JoinHandle<Result<T, Error>>,
}

/// Runs a job with the number `run` on its own thread, because blocking numerics must not run on the async
/// runtime.
pub fn start<T: Send + 'static>(
    run: u64,
    job: impl FnOnce(&mut Context) -> Result<T, Error> + Send + 'static,
) -> Worker<T> {
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let (event_sender, events) = mpsc::channel(EVENTS);
    let drafts = DraftSaver::default();
    let mut context = Context::new(run, command_receiver, event_sender, drafts.clone());
    let thread = thread::spawn(move || {
        let result = job(&mut context);
        if let Err(error) = &result {
            context.emit(ending(error));
        }
        result
    });
    Worker { commands, events, drafts, thread }
}

/// The final event of a cancelled or failed job.
pub fn ending(error: &Error) -> Event {
    match error.kind() {
        Kind::Cancelled => Event::JobCancelled,
        Kind::Input | Kind::Failed => Event::JobFailed { message: error.to_string(), advice: error.advice() },
    }
}

impl<T> Worker<T> {
    /// Waits for the result. Closes both channels, which cancels a running job.
    ///
    /// # Errors
    ///
    /// The error that ended the work, or [`Error::Panicked`].
    pub fn join(self) -> Result<T, Error> {
        let Self { commands, events, drafts: _, thread } = self;
        drop((commands, events));
        thread.join().unwrap_or(Err(Error::Panicked))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::Control;

    fn endless(context: &mut Context) -> Result<(), Error> {
        loop {
            if context.checkpoint().is_break() {
                return Err(Error::Cancelled);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_cancelled_job_ends_with_an_event() {
        let mut worker = start(1, endless);
        worker.commands.blocking_send(Command::control(1, Control::Cancel)).unwrap();
        assert_eq!(worker.events.blocking_recv().unwrap().event, Event::JobCancelled);
        assert!(worker.join().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_paused_job_waits_until_it_is_resumed() {
        let mut worker = start(1, endless);
        let (pause, resume) = (Command::control(1, Control::Pause), Command::control(1, Control::Resume));
        for (command, answer) in [(pause, Event::Paused), (resume, Event::Resumed)] {
            worker.commands.blocking_send(command).unwrap();
            assert_eq!(worker.events.blocking_recv().unwrap().event, answer);
        }
        worker.commands.blocking_send(Command::control(1, Control::Pause)).unwrap();
        worker.commands.blocking_send(Command::control(1, Control::Cancel)).unwrap();
        assert!(worker.join().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_job_is_cancelled_when_its_frontend_closes_the_channels() {
        let Worker { commands, events, drafts: _, thread } = start(1, endless);
        drop((commands, events));
        assert!(thread.join().unwrap().unwrap_err().is_cancelled());
    }

    #[test]
    fn a_panic_closes_the_events_and_is_an_error() {
        let mut worker = start(1, |_: &mut Context| -> Result<(), Error> { panic!("on purpose") });
        assert_eq!(worker.events.blocking_recv(), None);
        assert!(matches!(worker.join(), Err(Error::Panicked)));
    }
}
