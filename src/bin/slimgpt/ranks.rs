//! The ranks that MPI connects this process with.

#[cfg(feature = "mpi")]
use std::{sync::Arc, time::Duration};

use slimgpt::application::engine::{self, Ranks};
#[cfg(feature = "mpi")]
use slimgpt::application::{
    cluster::{self, Group},
    headless,
};

/// A process that leads the other ranks, if there are any. It dismisses them at the end.
pub struct Leader {
    #[cfg(feature = "mpi")]
    group: Option<Arc<Group>>,
}

impl Leader {
    /// The ranks that a job leads; None without other ranks.
    #[cfg(feature = "mpi")]
    pub fn ranks(&self) -> Option<Ranks> {
        self.group.clone().map(Ranks::new)
    }

    /// This build has no other ranks.
    #[cfg(not(feature = "mpi"))]
    pub fn ranks(&self) -> Option<Ranks> {
        None
    }
}

#[cfg(feature = "mpi")]
impl Drop for Leader {
    fn drop(&mut self) {
        if let Some(group) = &self.group {
            // Ranks that have ended need no message.
            drop(group.dismiss());
        }
    }
}

/// Joins the group of this process. Ranks other than the first obey it, and return None after the job.
///
/// # Errors
/// If MPI cannot be initialised, or the first rank ends without a word.
#[cfg(feature = "mpi")]
pub fn join() -> Result<Option<Leader>, engine::Error> {
    let Some(transport) = cluster::connect()? else { return Ok(Some(Leader { group: None })) };
    let group = Arc::new(Group::new(transport));
    if group.leads() {
        return Ok(Some(Leader { group: Some(group) }));
    }
    headless::without_interrupts(|| engine::follow(&group))?;
    Ok(None)
}

/// This build knows no other ranks.
///
/// # Errors
/// None.
#[cfg(not(feature = "mpi"))]
pub fn join() -> Result<Option<Leader>, engine::Error> {
    Ok(Some(Leader {}))
}

/// Whether this process was started as a rank other than the first, which leaves the terminal to the first.
#[cfg(feature = "mpi")]
pub fn is_silent() -> bool {
    const RANKS: [&str; 3] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];
    let rank = RANKS.iter().find_map(|variable| std::env::var(variable).ok()?.parse::<usize>().ok());
    rank.is_some_and(|rank| rank > 0)
}

/// Leaves the first rank the time to say why it ends, before `mpirun` ends it because this one failed.
#[cfg(feature = "mpi")]
pub fn let_the_first_speak() {
    std::thread::sleep(Duration::from_secs(10));
}
