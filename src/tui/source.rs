//! The peer of the explorer, an engine or a replay, which sends events and receives commands.

use std::{collections::VecDeque, mem, sync::mpsc as std_mpsc, thread, time::Duration};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::Error;
use crate::{
    engine::{DraftSaver, Worker},
    explorer::Msg,
    protocol::{Command, Control, ReplayNews, Seek, Stamped},
    recording::Lecture,
};

/// Maximum time that the worker may take to save its work after the explorer quits.
const PATIENCE: Duration = Duration::from_secs(2);

type Join = Box<dyn FnOnce() -> Result<(), Error> + Send>;

/// The channel of the peer.
enum Events {
    Engine(mpsc::Receiver<Stamped>),
    Replay(mpsc::Receiver<ReplayNews>),
}

pub struct Source {
    commands: mpsc::Sender<Command>,
    events: Events,
    /// Commands that could not be sent because the channel was full.
    waiting: VecDeque<Command>,
    drafts: DraftSaver,
    /// None once the worker has ended.
    join: Option<Join>,
}

impl Source {
    pub fn engine(mut worker: Worker<()>) -> Self {
        let (commands, events) = take(&mut worker.commands, &mut worker.events);
        let drafts = worker.drafts.clone();
        Self { drafts, ..Self::new(commands, Events::Engine(events), Box::new(|| Ok(worker.join()?))) }
    }

    pub fn replay(mut lecture: Lecture) -> Self {
        let (commands, news) = take(&mut lecture.commands, &mut lecture.news);
        Self::new(commands, Events::Replay(news), Box::new(|| Ok(lecture.join()?)))
    }

    fn new(commands: mpsc::Sender<Command>, events: Events, join: Join) -> Self {
        Self { commands, events, waiting: VecDeque::new(), drafts: DraftSaver::default(), join: Some(join) }
    }

    /// Waits for the next event, and meanwhile forwards waiting commands. Returns None once, after the worker
    /// has ended.
    pub async fn next(&mut self) -> Option<Msg> {
        if self.join.is_none() {
            return std::future::pending().await;
        }
        loop {
            tokio::select! {
                permit = self.commands.reserve(), if !self.waiting.is_empty() => {
                    match (permit, self.waiting.pop_front()) {
                        (Ok(permit), Some(command)) => permit.send(command),
                        // The worker has ended, but its last events have not been received yet.
                        (Err(_), _) => self.waiting.clear(),
                        (Ok(_), None) => {}
                    }
                }
                event = self.events.next() => return event,
            }
        }
    }

    /// The next event, if it has already arrived.
    pub fn next_now(&mut self) -> Option<Msg> {
        match &mut self.events {
            Events::Engine(events) => events.try_recv().ok().map(Msg::Engine),
            Events::Replay(news) => news.try_recv().ok().map(Msg::Replay),
        }
    }

    /// Sends a command without waiting. No command is lost, except that it replaces a waiting command that it
    /// makes obsolete.
    pub fn command(&mut self, command: Command) {
        if let Command::SaveDraft { draft } = &command {
            self.drafts.sent(draft);
        }
        if let Some(last) = self.waiting.back_mut()
            && replaces(&command, last)
        {
            *last = command;
        } else if !self.waiting.is_empty() {
            self.waiting.push_back(command);
        } else if let Err(TrySendError::Full(command)) = self.commands.try_send(command) {
            self.waiting.push_back(command);
        }
    }

    /// The result of the worker, after its last event.
    pub fn ended(&mut self) -> Result<(), Error> {
        self.join.take().map_or(Ok(()), |join| join())
    }

    /// Saves a draft that the worker has not yet saved, then asks the worker to end and waits briefly. A
    /// worker in a long step ends with the process.
    pub fn close(self) {
        let Self { commands, events, waiting, drafts, join } = self;
        // The screen is closed, so a failure cannot be shown.
        let _ = drafts.close();
        let Some(join) = join else { return };
        // Closed channels ask the worker to end.
        drop((commands, events, waiting));
        let (done, ended) = std_mpsc::channel();
        thread::spawn(move || done.send(join()));
        // The screen is closed, so a failure cannot be shown.
        let _ = ended.recv_timeout(PATIENCE);
    }
}

impl Events {
    async fn next(&mut self) -> Option<Msg> {
        match self {
            Self::Engine(events) => events.recv().await.map(Msg::Engine),
            Self::Replay(news) => news.recv().await.map(Msg::Replay),
        }
    }
}

fn replaces(new: &Command, old: &Command) -> bool {
    match (new, old) {
        (
            Command::Control { run, control: Control::Replan(_) },
            Command::Control { run: of, control: Control::Replan(_) },
        ) => run == of,
        (Command::ReplaySeek(Seek::Place(_)), Command::ReplaySeek(Seek::Place(_)))
        | (Command::ReplaySpeed(_), Command::ReplaySpeed(_))
        | (Command::SaveDraft { .. }, Command::SaveDraft { .. }) => true,
        (_, _) => false,
    }
}

/// Takes the open ends of the channels and leaves closed ones, so joining the worker does not wait for them.
fn take<T>(
    commands: &mut mpsc::Sender<Command>,
    events: &mut mpsc::Receiver<T>,
) -> (mpsc::Sender<Command>, mpsc::Receiver<T>) {
    (mem::replace(commands, mpsc::channel(1).0), mem::replace(events, mpsc::channel(1).1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Options, Settings},
        engine,
        protocol::{Draft, Event},
        session::DraftFile,
    };

    const PAUSE: Command = Command::Control { run: 1, control: Control::Pause };
    const RESUME: Command = Command::Control { run: 1, control: Control::Resume };

    fn ratios(ratio: f64) -> Command {
        Command::control(1, Control::Replan(vec![ratio.into()]))
    }

    fn source(commands: mpsc::Sender<Command>) -> Source {
        Source::new(commands, Events::Engine(mpsc::channel(1).1), Box::new(|| Ok(())))
    }

    #[test]
    fn commands_that_do_not_fit_into_the_channel_wait_in_order() {
        let (commands, mut obeyed) = mpsc::channel(1);
        let mut source = source(commands);
        for command in [PAUSE, ratios(0.1), ratios(0.2), RESUME] {
            source.command(command);
        }
        assert_eq!(source.waiting, [ratios(0.2), RESUME]);
        assert_eq!(obeyed.try_recv().unwrap(), PAUSE);
    }

    #[test]
    fn waiting_commands_are_forwarded_as_soon_as_the_channel_has_room() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (commands, mut obeyed) = mpsc::channel(1);
        let (events, receiver) = mpsc::channel(1);
        let mut source = Source::new(commands, Events::Engine(receiver), Box::new(|| Ok(())));
        source.command(PAUSE);
        source.command(RESUME);
        runtime.block_on(async {
            tokio::join!(source.next(), async {
                assert_eq!(obeyed.recv().await, Some(PAUSE));
                assert_eq!(obeyed.recv().await, Some(RESUME));
                events.send(Stamped { run: 0, at: 0.0, event: Event::JobDone }).await.unwrap();
            });
        });
    }

    #[test]
    fn closing_cancels_the_worker_and_waits_for_it() {
        let (ended, is_ended) = std_mpsc::channel();
        let worker = engine::start(0, move |control| {
            while control.checkpoint().is_continue() {
                thread::sleep(Duration::from_millis(1));
            }
            ended.send(()).map_err(|_| engine::Error::Cancelled)
        });
        Source::engine(worker).close();
        is_ended.try_recv().unwrap();
    }

    #[test]
    fn closing_saves_the_draft_of_a_worker_in_a_long_step() {
        let dir = tempfile::tempdir().unwrap();
        let file = DraftFile::of_session(dir.path());
        let worker = engine::start(0, |_| {
            thread::sleep(Duration::from_millis(100));
            Ok(())
        });
        worker.drafts.enter(Some(file.clone()));
        let mut source = Source::engine(worker);
        let settings = Box::new(Settings::new(Options::default()).unwrap());
        let draft = |ratio: f64| Draft {
            settings: settings.clone(),
            ratios: vec![ratio.into()],
            frontend: serde_json::Value::Null,
        };
        for ratio in [0.1, 0.2] {
            source.command(Command::SaveDraft { draft: Box::new(draft(ratio)) });
        }
        source.close();
        assert_eq!(file.read().unwrap(), Some(draft(0.2)));
    }

    #[test]
    fn closing_does_not_wait_long_for_a_worker_that_does_not_answer() {
        let worker = engine::start(0, |_| {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        });
        let began = std::time::Instant::now();
        Source::engine(worker).close();
        assert!(began.elapsed() < 2 * PATIENCE);
    }
}
