//! The other ranks: they obey the commands of the first one until it dismisses them.

use std::{ops::ControlFlow, sync::Arc};

use crate::{
    cluster::{self, Group, Work, unpacked},
    model::Checkpoint,
    pipeline::ranks::Follower,
};

use super::{
    super::{Error, machine::number_type},
    model, perplexity,
};

/// Computes this rank's part of every operation until the first rank ends.
///
/// # Errors
/// If the first rank ends without a word. Failures of an operation go to the first rank.
pub fn follow(group: &Arc<Group>) -> Result<(), Error> {
    let mut checkpoint: Option<Checkpoint> = None;
    let mut follower = Follower::new(group.clone());
    loop {
        let (work, command) = group.next()?;
        let done: Result<(), Error> = match work {
            Work::End => return Ok(()),
            Work::Open => {
                follower = Follower::new(group.clone());
                group.take_part(|| {
                    checkpoint = Some(model::open(&command)?);
                    Ok(())
                })
            }
            Work::Pass => {
                let forward = |settings: &crate::config::Settings| {
                    (candle_core::Device::Cpu, number_type(settings.machine.dtype))
                };
                let opened = checkpoint.as_ref().ok_or_else(no_model);
                opened.and_then(|checkpoint| Ok(follower.obey(&command, checkpoint, forward)?))
            }
            Work::Perplexity => group.take_part(|| {
                let unreadable = |cause| cluster::Error::Unreadable { rank: 0, cause };
                let (asked, blocks) = unpacked(&command).map_err(unreadable)?;
                let tokens = blocks.first().copied().unwrap_or_default().as_chunks().0;
                let tokens: Vec<u32> = tokens.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect();
                let checkpoint = checkpoint.as_ref().ok_or_else(no_model)?;
                let step = &mut |_, _| ControlFlow::Continue(());
                perplexity::losses(group, checkpoint, &asked, &tokens, None, step).map(drop)
            }),
        };
        // The first rank reports the failures of operations. Without the group, there is no next command.
        if let Err(Error::Ranks(
            cause @ (cluster::Error::Gone { .. } | cluster::Error::Silent { .. } | cluster::Error::Mpi(_)),
        )) = done
        {
            return Err(cause.into());
        }
    }
}

fn no_model() -> Error {
    cluster::Error::Unreadable { rank: 0, cause: "a command without a model".into() }.into()
}
