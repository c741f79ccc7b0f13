//! `--threads`: the number of worker threads of this process.

use slimgpt::{
    application::{engine::Error, headless},
    model::Kernels,
};

/// rayon and candle each read this variable once, at their first use.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// Limits this process to this number of worker threads, and to the number of cores, because more threads only wait
/// for each other. It must be called before any other work: on Unix it executes the program again with the
/// variable set, because setting a variable in a running process is unsafe.
pub fn use_threads(threads: Option<usize>) -> Result<(), Error> {
    let set: Option<usize> = std::env::var(VARIABLE).ok().and_then(|set| set.parse().ok());
    // 0 means all cores to rayon.
    let Some(asked) = threads.or(set.filter(|&set| set > 0)) else { return ready() };
    let cores = std::thread::available_parallelism().map_or(asked, usize::from);
    let used = asked.min(cores);
    let is_ready = set == Some(used);
    // The second execution has the same flag, and the variable is already reduced.
    if asked > used && (is_ready || threads.is_none()) {
        headless::say(&format!(
            "threads: {asked} requested, {used} used, the number of cores of this machine."
        ));
    }
    if is_ready { ready() } else { restart(used) }
}

fn ready() -> Result<(), Error> {
    if let Some(refused) = Kernels::refused() {
        headless::say(&refused);
    }
    Ok(())
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
