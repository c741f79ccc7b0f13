//! The device and number type of forward passes, and the memory of the process.

use candle_core::{DType, Device};

use crate::{
    config::Machine,
    model::{ComputeDevice, Precision},
};

use super::Error;

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
    Ok((device, number_type(machine.dtype)))
}

/// The number type of a forward pass.
pub fn number_type(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::F16 => DType::F16,
        Precision::BF16 => DType::BF16,
    }
}

/// Peak resident size of this process in bytes; None if the system does not report it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
