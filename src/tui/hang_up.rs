//! Detects that the terminal was closed, even without SIGHUP.

use std::thread;

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    stdio::stdin,
};
use tokio::sync::mpsc;

/// Sends once when the terminal of stdin hangs up. Until then the thread sleeps in the kernel: it polls for
/// no events, but hang-ups are always reported.
pub fn listen() -> mpsc::Receiver<()> {
    let (gone, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        let mut fds = [PollFd::from_borrowed_fd(stdin(), PollFlags::empty())];
        while let Err(Errno::INTR) = poll(&mut fds, None) {}
        if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            // The explorer may have already ended.
            let _ = gone.blocking_send(());
        }
    });
    receiver
}
