//! Jobs on a group of ranks. The first rank has the session, the output and the frontend; the others obey its commands.

mod follow;
mod model;
mod perplexity;

use std::{
    ops::ControlFlow,
    sync::{Arc, OnceLock},
};

use crate::{
    cluster::{self, Group, Work},
    config::Machine,
    eval::{MeasuredPerplexity, Perplexity},
    failure::Kind,
    model::{Checkpoint, ComputeDevice, LayerSize},
    pipeline::{self, Cuts, Pass, Streams},
};

use super::Error;

pub use follow::follow;
use perplexity::Asked;

/// The group that a job leads.
#[derive(Clone)]
pub struct Ranks {
    group: Arc<Group>,
    /// Set once the other ranks have opened the model.
    opened: Arc<OnceLock<()>>,
}

impl Ranks {
    pub fn new(group: Arc<Group>) -> Self {
        Self { group, opened: Arc::default() }
    }

    /// The group, after its ranks have opened the model.
    pub fn with_model(&self, checkpoint: &Checkpoint, device: ComputeDevice) -> Result<Arc<Group>, Error> {
        self.check_device(device)?;
        self.open(checkpoint)?;
        Ok(self.group.clone())
    }

    /// The streams at the input of the first block, dealt over the ranks.
    pub fn enter(&self, pass: &Pass<'_>) -> Result<Streams, Error> {
        let group = self.with_model(pass.checkpoint, pass.settings.machine.device)?;
        Ok(pass.enter_on(&group)?)
    }

    /// Measures the perplexity of the dense model, or of the model with these cuts and sizes.
    pub fn perplexity(
        &self,
        of: &Perplexity<'_>,
        (checkpoint, machine): (&Checkpoint, Machine),
        pruned: Option<(&dyn Cuts, &[LayerSize])>,
        step: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<MeasuredPerplexity, Error> {
        let sizes = |sizes: &[LayerSize]| {
            sizes.iter().map(|size| (size.heads, size.kv_heads, size.channels)).collect()
        };
        let asked = Asked {
            text: of.text.into(),
            seq_len: of.seq_len,
            bos: of.bos,
            machine,
            sizes: pruned.map(|(_, of_layers)| sizes(of_layers)),
        };
        let windows = of.windows()?.concat();
        let losses = self.losses(checkpoint, &asked, &windows, pruned.map(|(cuts, _)| cuts), step)?;
        Ok(of.of_losses(&losses)?)
    }

    /// The sum of −ln p over the targets of each window, of the dense model or with these cuts. `step` receives the done and
    /// the total steps of all ranks.
    fn losses(
        &self,
        checkpoint: &Checkpoint,
        asked: &Asked,
        windows: &[u32],
        cuts: Option<&dyn Cuts>,
        step: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Vec<f64>, Error> {
        let group = self.with_model(checkpoint, asked.machine.device)?;
        let tokens: Vec<u8> = windows.iter().flat_map(|token| token.to_le_bytes()).collect();
        let command = cluster::packet(asked, &[&tokens]);
        let own = || perplexity::losses(&group, checkpoint, asked, windows, cuts, step);
        let losses = group.lead(Work::Perplexity, command, own)?;
        Ok(losses.unwrap_or_default())
    }

    /// Opens the model on the other ranks.
    fn open(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        if self.opened.get().is_none() {
            let command = model::command(checkpoint)?;
            self.group.lead(Work::Open, command, || Ok::<_, Error>(()))?;
            self.opened.get_or_init(|| ());
        }
        Ok(())
    }

    fn check_device(&self, device: ComputeDevice) -> Result<(), Error> {
        match device {
            ComputeDevice::Cpu => Ok(()),
            ComputeDevice::Cuda(_) | ComputeDevice::Metal => {
                Err(Error::RanksOnDevice { ranks: self.group.size(), device })
            }
        }
    }
}

impl cluster::Ended for Error {
    fn of_ranks(&self) -> Option<&cluster::Error> {
        if let Self::Ranks(cause) | Self::Pipeline(pipeline::Error::Ranks(cause)) = self {
            Some(cause)
        } else {
            None
        }
    }

    fn kind(&self) -> Kind {
        self.kind()
    }
}
