//! Tells when the terminal has gone away, also where no SIGHUP says so.

use std::thread;

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    stdio::stdin,
};
use tokio::sync::mpsc;

/// Says once that stdin's terminal has hung up. The thread sleeps in the kernel until then: it asks for no readiness, and
/// a hang-up is told unasked.
pub fn listen() -> mpsc::Receiver<()> {
    let (gone, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        let mut fds = [PollFd::from_borrowed_fd(stdin(), PollFlags::empty())];
        while let Err(Errno::INTR) = poll(&mut fds, None) {}
        if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            // The explorer may have ended by itself.
            let _ = gone.blocking_send(());
        }
    });
    receiver
}
