//! The other ranks: they obey the commands of the first one.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use candle_core::{DType, Device};

use crate::{
    calibration::{TokenWeights, WeightSpread, Windows},
    cluster::{self, Group, unpacked},
    model::Checkpoint,
    prune::{LayerRatio, PartRecord},
};

use super::{
    super::{
        BlockCut, Error, LayerTask, Pass, Propagate, Removals, Streams, Task,
        search::{Search, SearchWindows, Shares, by_window, compared_tokens},
        untouched,
    },
    Share,
    command::{Asked, Command, Treatment},
    cut_of_bytes,
};

/// The windows of all ranks, and the weights of their tokens.
type Text = (Windows, Option<TokenWeights>);

/// A rank other than the first, with its shares of the streams in use.
pub struct Follower {
    group: Arc<Group>,
    streams: HashMap<u64, (Streams, Arc<Text>)>,
}

impl Follower {
    /// A rank without streams.
    pub fn new(group: Arc<Group>) -> Self {
        Self { group, streams: HashMap::new() }
    }

    /// Computes this rank's part of an operation.
    ///
    /// # Errors
    /// Those of the operation, which has then ended on every rank.
    pub fn obey(
        &mut self,
        command: &[u8],
        checkpoint: &Checkpoint,
        forward: impl Fn(&crate::config::Settings) -> (Device, DType),
    ) -> Result<(), Error> {
        let group = self.group.clone();
        group.take_part(|| {
            let (command, blocks): (Command, _) = unpacked(command).map_err(unreadable)?;
            let (device, dtype) = forward(&command.settings);
            self.compute(&command, &blocks, checkpoint, (&device, dtype))
        })
    }

    fn compute(
        &mut self,
        Command { asked, settings, from, keeps, into, ended }: &Command,
        blocks: &[&[u8]],
        checkpoint: &Checkpoint,
        (device, dtype): (&Device, DType),
    ) -> Result<(), Error> {
        let block =
            |at: usize| blocks.get(at).copied().ok_or_else(|| unreadable("a block is missing".into()));
        let windows = |at: usize, samples: usize, seq_len: usize| -> Result<Windows, Error> {
            let tokens = block(at)?.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect();
            Windows::new(tokens, samples, seq_len).map_err(|cause| unreadable(cause.to_string()))
        };
        let weights = |at: usize, spread: &Option<WeightSpread>| -> Result<Option<TokenWeights>, Error> {
            let Some(spread) = spread else { return Ok(None) };
            let weights = TokenWeights::from_safetensors(block(at)?, spread.clone());
            weights.map(Some).ok_or_else(|| unreadable("no token weights".into()))
        };
        if let Asked::Enter { samples, seq_len, weights: spread } = asked {
            let text = Arc::new((windows(0, *samples, *seq_len)?, weights(1, spread)?));
            let pass =
                Pass { checkpoint, settings, windows: &text.0, weights: text.1.as_ref(), device, dtype };
            let share = Share::new(&self.group, *samples, *seq_len, *into);
            self.forget(ended);
            self.streams.insert(*into, (pass.enter_with(Some(share))?, text));
            return Ok(());
        }
        if let Asked::Costs { samples, seq_len, budget, weights: spread } = asked {
            let of_gradient = block(1)?.len() / 4 / (*seq_len).max(1);
            let fit = windows(0, *samples, *seq_len)?;
            let gradient = windows(1, of_gradient, *seq_len)?;
            let (judge, weights) = (fit.clone(), weights(2, spread)?);
            let windows = SearchWindows { fit, weights, gradient, judge, guarded: 0 };
            self.forget(ended);
            let search = Search::new((checkpoint, settings), &windows, (device, dtype), *budget, 1);
            let shares = Shares::new(&self.group, (&windows.fit, &windows.gradient));
            search.predicted_costs_of(Some(&shares), &mut |_| ControlFlow::Continue(()))?;
            return Ok(());
        }
        let held = match keeps {
            true => self.streams.get(from).cloned(),
            false => self.streams.remove(from),
        };
        self.forget(ended);
        let (mut streams, text) = held.ok_or_else(|| unreadable(format!("streams {from} are unknown")))?;
        let pass = Pass { checkpoint, settings, windows: &text.0, weights: text.1.as_ref(), device, dtype };
        let mut silent = |_: super::super::Notice<'_>| ControlFlow::Continue(());
        match asked {
            Asked::Enter { .. } | Asked::Costs { .. } => {}
            Asked::Judge { dense } => {
                let unknown = || unreadable(format!("streams {dense} are unknown"));
                let (of_dense, _) = self.streams.get(dense).ok_or_else(unknown)?;
                let ends = checkpoint.embedding_and_head(device, dtype)?;
                let budget = settings.machine.memory_budget.0;
                let own = compared_tokens(&ends, (of_dense, &streams), &text.0, device, budget)?;
                let share =
                    streams.share.as_ref().ok_or_else(|| unreadable("streams without ranks".into()))?;
                by_window(share, &own, &text.0)?;
                return Ok(());
            }
            Asked::Layer { layer, unit, attention, mlp, to_output } => {
                let cuts = [block(0)?, block(1)?].map(|bytes| match bytes {
                    [] => Ok(BlockCut::new(*layer)),
                    bytes => cut_of_bytes(bytes).map_err(unreadable),
                });
                let [of_attention, of_mlp] = cuts;
                let (of_attention, of_mlp) = (of_attention?, of_mlp?);
                // The record stays on the first rank.
                let record = untouched(*layer, checkpoint.architecture(), settings);
                let task = LayerTask {
                    layer: *layer,
                    ratio: LayerRatio::ZERO,
                    unit: *unit,
                    attention: task(*attention, &record.attention, &of_attention),
                    mlp: task(*mlp, &record.mlp, &of_mlp),
                    propagate: if *to_output { Propagate::ToOutput } else { Propagate::RecordOnly },
                };
                pass.layer_with(&task, &mut streams, None, &mut silent)?;
            }
            Asked::Through { layer } => {
                let cut = cut_of_bytes(block(0)?).map_err(unreadable)?;
                pass.through_with(*layer, Some(&cut), &mut streams, &mut silent)?;
            }
        }
        self.streams.insert(*into, (streams, text));
        Ok(())
    }

    fn forget(&mut self, ended: &[u64]) {
        ended.iter().for_each(|number| drop(self.streams.remove(number)));
    }
}

fn task<'t>(treatment: Treatment, record: &'t PartRecord, cut: &'t BlockCut) -> Task<'t> {
    match treatment {
        Treatment::Solve { units, scheduled } => {
            Task::Solve { removals: Removals { units, scheduled }, solver: None }
        }
        Treatment::Keep => Task::Keep,
        Treatment::Reuse => Task::Reuse { record, cut },
    }
}

fn unreadable(cause: String) -> Error {
    cluster::Error::Unreadable { rank: 0, cause }.into()
}
