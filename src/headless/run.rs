//! Runs a job to its end. Events go to the progress display and the recorder, interrupts to the worker.

use std::path::PathBuf;

use crate::{
    engine::{Context, Error, start},
    protocol::{Command, Control, Event},
    recording::Recorder,
};

use super::progress::Progress;

/// The number of the only job.
const RUN: u64 = 1;

/// The result of a job.
pub struct Driven<T> {
    pub result: Result<T, Error>,
    /// The session that recorded it.
    pub session: Option<PathBuf>,
    pub begun: Begun,
}

/// Whether a job started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    Run,
    NoRun,
}

/// Runs `job` on its own thread until it ends. Ctrl-C, SIGTERM and SIGHUP cancel it; then it ends within one
/// step and removes incomplete output.
pub fn drive<T: Send + 'static>(
    job: impl FnOnce(&mut Context) -> Result<T, Error> + Send + 'static,
    recorder: Option<&mut Recorder>,
) -> Driven<T> {
    drive_and_observe(job, recorder, &mut |_| {})
}

/// Like [`drive`], and passes every event to `observe`.
pub fn drive_and_observe<T: Send + 'static>(
    job: impl FnOnce(&mut Context) -> Result<T, Error> + Send + 'static,
    recorder: Option<&mut Recorder>,
    observe: &mut dyn FnMut(&Event),
) -> Driven<T> {
    let (mut session, mut begun) = (None, Begun::NoRun);
    let result = follow(job, recorder, &mut |event| {
        observe(event);
        if let Event::SessionOpened { path } = event {
            session = Some(path.clone());
        }
        if let Event::RunStarted { .. } = event {
            begun = Begun::Run;
        }
    });
    Driven { result, session, begun }
}

fn follow<T: Send + 'static>(
    job: impl FnOnce(&mut Context) -> Result<T, Error> + Send + 'static,
    mut recorder: Option<&mut Recorder>,
    observe: &mut dyn FnMut(&Event),
) -> Result<T, Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(async {
        // Signal handlers are installed before the worker starts, so no signal kills the process.
        let mut interrupts = Interrupts::listen().map_err(Error::Runtime)?;
        let mut worker = start(RUN, job);
        let mut progress = Progress::new();
        loop {
            tokio::select! {
                event = worker.events.recv() => {
                    let Some(stamped) = event else { break };
                    if let Some(recorder) = &mut recorder {
                        recorder.record(&stamped);
                    }
                    observe(&stamped.event);
                    progress.show(&stamped);
                }
                () = interrupts.next() => {
                    progress.say("Cancelling after the current step.");
                    // A closed or full channel means that the worker has already ended or been cancelled.
                    let _ = worker.commands.try_send(Command::control(RUN, Control::Cancel));
                }
            }
        }
        progress.finish();
        worker.join()
    })
}

/// Runs `work`, which no signal interrupts: the signals that request a process to terminate have no effect until it returns.
///
/// # Errors
/// Those of `work`, and [`Error::Runtime`].
#[cfg(feature = "mpi")]
pub fn without_interrupts<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    // The handlers stay installed for the life of the process.
    let _interrupts = runtime.block_on(async { Interrupts::listen() }).map_err(Error::Runtime)?;
    work()
}

/// The signals that request a process to terminate.
#[cfg(unix)]
pub struct Interrupts([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Interrupts {
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    pub async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
pub struct Interrupts;

#[cfg(not(unix))]
impl Interrupts {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
