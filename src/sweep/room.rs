//! Determines the number of cells that run at once, given the available memory and cores.

use std::{collections::BTreeMap, fs, thread};

use super::{Cell, Error};
use crate::{
    config::ByteSize,
    engine::{self, Context},
    model::ComputeDevice,
};

/// The resources for the processes of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Number of concurrent cells.
    pub jobs: usize,
    /// Worker threads per cell; None if the settings of the cells determine them.
    pub threads: Option<usize>,
    /// Expected peak memory of the largest cell, in bytes.
    pub needs: u64,
    /// Memory available to all cells, in bytes; None if the system does not report it.
    pub room: Option<u64>,
}

/// The limits set by the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub jobs: Option<usize>,
    pub threads: Option<usize>,
    pub memory: Option<ByteSize>,
}

/// Divides memory and cores among the cells. Opens every model once, which downloads it if necessary.
///
/// # Errors
/// If a model cannot be opened or settings do not fit it; the error names the cell.
pub fn share(cells: &[&Cell], asked: Asked, control: &mut Context) -> Result<Share, Error> {
    let mut forecasts: BTreeMap<Vec<(String, String)>, u64> = BTreeMap::new();
    for cell in cells {
        let mut key = cell.identity_but_seed(false);
        key.push(("memory_budget".into(), cell.settings.machine.memory_budget.to_string()));
        if let std::collections::btree_map::Entry::Vacant(vacant) = forecasts.entry(key) {
            let bytes = engine::forecast(&cell.choice(), cell.settings.clone(), control);
            vacant.insert(bytes.map_err(|cause| Error::cell(&cell.name, cause))?);
        }
    }
    let needs = forecasts.into_values().max().unwrap_or(0);
    let room = asked.memory.map(|ByteSize(bytes)| bytes).or_else(available_memory);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let said = cells.iter().filter_map(|cell| cell.settings.machine.threads).max();
    let threads = asked.threads.or(said);
    // The memory of other devices is unknown.
    let on_device = cells.iter().any(|cell| cell.settings.machine.device != ComputeDevice::Cpu);
    let fitting = if on_device { 1 } else { at_once((needs, room), (threads.unwrap_or(1), cores)) };
    let jobs = asked.jobs.unwrap_or(fitting).clamp(1, cells.len().max(1));
    let threads = asked.threads.or_else(|| said.is_none().then(|| (cores / jobs).max(1)));
    Ok(Share { jobs, threads, needs, room })
}

/// The number of cells, at least 1, for which both memory and cores suffice.
fn at_once((needs, room): (u64, Option<u64>), (threads, cores): (usize, usize)) -> usize {
    let by_memory =
        room.map_or(usize::MAX, |room| usize::try_from(room / needs.max(1)).unwrap_or(usize::MAX));
    by_memory.min(cores / threads.max(1)).max(1)
}

/// Number of bytes of memory available without swapping; None if the system does not report it.
fn available_memory() -> Option<u64> {
    let free = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kibibytes * 1024)
    });
    // A container may have a lower limit than its machine.
    let number = |name: &str| -> Option<u64> {
        fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok()
    };
    let limit = number("memory.max").map(|most| most.saturating_sub(number("memory.current").unwrap_or(0)));
    [free, limit].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_cores_limit_the_number_of_cells() {
        let gib = 1 << 30;
        assert_eq!(at_once((gib, Some(100 * gib)), (1, 16)), 16);
        assert_eq!(at_once((gib, Some(100 * gib)), (4, 16)), 4);
        assert_eq!(at_once((30 * gib, Some(100 * gib)), (1, 16)), 3);
        assert_eq!(at_once((gib, None), (1, 16)), 16);
        assert_eq!(at_once((200 * gib, Some(100 * gib)), (32, 16)), 1);
    }
}
