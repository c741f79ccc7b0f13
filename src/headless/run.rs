//! Drives a job to its end: events to the face and the recorder, Ctrl-C to the worker.

use crate::{
    engine::{Control, Error, start},
    protocol::Command,
};

use super::{Recorder, face::Face};

/// Runs `job` on its own thread until it ends. The first Ctrl-C (or SIGTERM) cancels it; a second one ends the process.
pub fn drive<T: Send + 'static>(
    job: impl FnOnce(&mut Control) -> Result<T, Error> + Send + 'static,
    mut recorder: Option<Recorder>,
) -> Result<T, Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let mut worker = start(1, job);
    let mut face = Face::new();
    runtime.block_on(async {
        let mut asked = false;
        loop {
            tokio::select! {
                event = worker.events.recv() => {
                    let Some(stamped) = event else { break };
                    if let Some(recorder) = &mut recorder {
                        recorder.record(&stamped);
                    }
                    face.show(&stamped.event);
                }
                () = interrupted() => {
                    if asked {
                        std::process::exit(130);
                    }
                    asked = true;
                    face.say("Cancelling after this step; press Ctrl-C again to stop at once.");
                    // Closed or full: the worker has ended or has been told already.
                    let _ = worker.commands.try_send(Command::Cancel);
                }
            }
        }
    });
    face.finish();
    let result = worker.join();
    if let Some(recorder) = recorder {
        recorder.finish()?;
    }
    result
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
