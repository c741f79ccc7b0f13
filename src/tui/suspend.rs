//! Ctrl-Z: stops the explorer until the shell continues it.

use std::io;

use super::{guard::Guard, signals::Signals};

/// Restores the terminal, stops the process group, and sets the terminal up again after the process
/// continues.
#[cfg(unix)]
pub async fn suspend(guard: &Guard, signals: &mut Signals) -> io::Result<()> {
    use std::time::Duration;

    use rustix::process::{Signal, kill_current_process_group};

    /// Time to wait for a stop. Without a waiting shell the process is not stopped and receives no SIGCONT.
    const NOT_STOPPED: Duration = Duration::from_millis(200);

    super::guard::restore();
    // A parent such as cargo must also stop, before the shell takes the terminal.
    if kill_current_process_group(Signal::TSTP).is_ok() {
        tokio::select! {
            () = signals.continued() => {}
            () = tokio::time::sleep(NOT_STOPPED) => {}
        }
    }
    guard.enter_again()
}

/// This system has no job control.
#[cfg(not(unix))]
pub async fn suspend(_: &Guard, _: &mut Signals) -> io::Result<()> {
    Ok(())
}
