//! Ctrl-Z: back to the shell, until it brings the explorer back.

use std::io;

use super::{guard::Guard, signals::Signals};

/// Leaves the screen, stops the process group as a terminal does on Ctrl-Z, and enters the screen again.
#[cfg(unix)]
pub async fn suspend(guard: &Guard, signals: &mut Signals) -> io::Result<()> {
    use std::time::Duration;

    use rustix::process::{Signal, kill_current_process_group};

    /// A process that no shell waits for is not stopped, and never told to go on.
    const NOT_STOPPED: Duration = Duration::from_millis(200);

    super::guard::restore();
    // What is started along with slimgpt, such as cargo, has to stop too before the shell takes over.
    if kill_current_process_group(Signal::TSTP).is_ok() {
        tokio::select! {
            () = signals.continued() => {}
            () = tokio::time::sleep(NOT_STOPPED) => {}
        }
    }
    guard.enter_again()
}

/// There is no such thing here.
#[cfg(not(unix))]
pub async fn suspend(_: &Guard, _: &mut Signals) -> io::Result<()> {
    Ok(())
}
