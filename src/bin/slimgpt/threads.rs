//! `--threads`: the number of worker threads of this process.

use slimgpt::application::engine::Error;

/// rayon and candle each read this variable once, at their first use.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// Limits this process to this number of worker threads. It must be called before any other work: on Unix it
/// executes the program again with the variable set, because setting a variable in a running process is
/// unsafe.
pub fn use_threads(threads: Option<usize>) -> Result<(), Error> {
    let Some(threads) = threads else { return Ok(()) };
    if std::env::var(VARIABLE).is_ok_and(|set| set == threads.to_string()) {
        return Ok(());
    }
    restart(threads)
}

#[cfg(unix)]
fn restart(threads: usize) -> Result<(), Error> {
    use std::{env, os::unix::process::CommandExt, process::Command};
    let program = env::current_exe().map_err(|e| Error::Threads(e.to_string()))?;
    let failed = Command::new(program).args(env::args_os().skip(1)).env(VARIABLE, threads.to_string()).exec();
    Err(Error::Threads(failed.to_string()))
}

/// On this system, candle's elementwise operations still use all cores.
#[cfg(not(unix))]
fn restart(threads: usize) -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().map_err(|e| Error::Threads(e.to_string()))
}
