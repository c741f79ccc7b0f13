//! From the machine's settings to candle's device and number type.

use candle_core::{DType, Device};

use crate::{
    config::Machine,
    model::{ComputeDevice, Precision},
};

use super::Error;

/// The variable that rayon and candle both take their number of threads from, each once, when first used.
const THREADS: &str = "RAYON_NUM_THREADS";

/// Makes this process one with so many worker threads. On Unix the program begins again with the variable set, since a
/// variable cannot be set safely in a running one; so call this before anything else is done.
pub fn use_threads(threads: Option<usize>) -> Result<(), Error> {
    let Some(threads) = threads else { return Ok(()) };
    if std::env::var(THREADS).is_ok_and(|set| set == threads.to_string()) {
        return Ok(());
    }
    begin_again(threads)
}

#[cfg(unix)]
fn begin_again(threads: usize) -> Result<(), Error> {
    use std::{env, os::unix::process::CommandExt, process::Command};
    let program = env::current_exe().map_err(|e| Error::Threads(e.to_string()))?;
    let failed = Command::new(program).args(env::args_os().skip(1)).env(THREADS, threads.to_string()).exec();
    Err(Error::Threads(failed.to_string()))
}

/// Elementwise work of candle keeps to all cores here.
#[cfg(not(unix))]
fn begin_again(threads: usize) -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().map_err(|e| Error::Threads(e.to_string()))
}

/// The device and number type of a forward pass.
pub fn forward_on(machine: &Machine) -> Result<(Device, DType), Error> {
    let device = match machine.device {
        ComputeDevice::Cpu => Ok(Device::Cpu),
        ComputeDevice::Cuda(index) => Device::new_cuda(index),
        ComputeDevice::Metal => Device::new_metal(0),
    };
    let device = device.map_err(|e| Error::Device {
        device: machine.device,
        cause: e.to_string().lines().next().unwrap_or("not available").to_string(),
    })?;
    let dtype = match machine.dtype {
        Precision::F32 => DType::F32,
        Precision::F16 => DType::F16,
        Precision::BF16 => DType::BF16,
    };
    Ok((device, dtype))
}

/// Largest resident size of this process so far, in bytes; None where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
