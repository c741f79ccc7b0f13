//! The streams on their way to the layer that is to be worked on, through the layers above as they are in force.

use crate::{
    config::{Machine, Settings, Target},
    model::Architecture,
    pipeline::{Known, Notice, Pass, Streams},
    protocol::Stage,
};

use super::{Bench, Control, Drawn, Error};

/// The streams at the input of the layer that was approached last, and what was measured there.
pub struct Approached {
    input: Input,
    streams: Streams,
    known: Known,
}

/// What the input of a layer depends on.
#[derive(Clone, PartialEq)]
struct Input {
    drawn: Drawn,
    machine: Machine,
    /// The attempts in force above, one a layer.
    above: Vec<Option<usize>>,
}

impl Input {
    fn layer(&self) -> usize {
        self.above.len()
    }

    /// True where the way to `other` goes through here.
    fn leads_to(&self, other: &Self) -> bool {
        (&self.drawn, &self.machine) == (&other.drawn, &other.machine) && other.above.starts_with(&self.above)
    }
}

impl Bench<'_> {
    fn input(&self, layer: usize, settings: &Settings) -> Input {
        let above = self.attempts.numbers()[..layer].to_vec();
        Input { drawn: Drawn::by(settings), machine: settings.machine, above }
    }

    /// The streams at the input of `layer`, from where they stood last if that lies on the way. Layers without an
    /// attempt are passed as they came.
    pub(super) fn approach(
        &mut self,
        layer: usize,
        pass: &Pass,
        control: &mut Control,
    ) -> Result<Streams, Error> {
        let input = self.input(layer, pass.settings);
        let dense = pass.settings.needs_dense_stream();
        let nearest = self
            .approached
            .as_ref()
            .filter(|nearest| nearest.input.leads_to(&input) && (nearest.streams.dense.is_some() || !dense));
        let (first, mut streams) = match nearest {
            Some(nearest) => (nearest.input.layer(), nearest.streams.clone()),
            None => (0, pass.enter()?),
        };
        if !dense {
            streams.dense = None;
        }
        let samples = pass.windows.samples() as u64;
        let total = (layer - first) as u64 * samples;
        for at in first..layer {
            let before = (at - first) as u64 * samples;
            let cut = self.attempts.in_force(at).map(|solved| &solved.cut);
            pass.through(at, cut, &mut streams, &mut |notice| match notice {
                Notice::Passing { done, .. } => {
                    control.progress(Stage::Approach { layer }, before + done, total)
                }
                Notice::Following { .. }
                | Notice::Calibrating { .. }
                | Notice::Solving { .. }
                | Notice::PartDone { .. }
                | Notice::PartFailed { .. }
                | Notice::Propagating { .. } => control.hear(notice),
            })?;
        }
        self.keep_streams(layer, &streams, pass.settings);
        Ok(streams)
    }

    /// Keeps the streams at the input of `layer` for the next job, where there is room for them beside those at work.
    pub(super) fn keep_streams(&mut self, layer: usize, streams: &Streams, settings: &Settings) {
        let input = self.input(layer, settings);
        let there = self.approached.as_ref().is_some_and(|kept| {
            kept.input == input && (kept.streams.dense.is_some() || streams.dense.is_none())
        });
        if there {
            return;
        }
        let room = self.needed_beside(layer, streams) <= settings.machine.memory_budget.0;
        self.approached =
            room.then(|| Approached { input, streams: streams.clone(), known: Known::default() });
    }

    /// Bytes of the streams that are kept, of those at work, and of the activations that these leave in a layer.
    fn needed_beside(&self, layer: usize, streams: &Streams) -> u64 {
        let Architecture { hidden, layers, .. } = self.checkpoint.architecture();
        2 * streams.bytes() + streams.pruned.bytes() / *hidden as u64 * layers[layer].channels as u64
    }

    /// The second moments that are known at the input of `layer`; None where there is no room to keep them.
    pub(super) fn take_known(&mut self, layer: usize, settings: &Settings) -> Option<Known> {
        let input = self.input(layer, settings);
        let kept = self.approached.as_ref().filter(|kept| kept.input == input)?;
        let moments = moment_bytes(layer, self.checkpoint.architecture(), settings.target);
        let needed = self.needed_beside(layer, &kept.streams) + moments;
        let room = needed <= settings.machine.memory_budget.0;
        self.approached.as_mut().filter(|_| room).map(|kept| std::mem::take(&mut kept.known))
    }

    /// Lays them back.
    pub(super) fn keep_known(&mut self, layer: usize, known: Option<Known>, settings: &Settings) {
        let input = self.input(layer, settings);
        if let (Some(kept), Some(known)) =
            (self.approached.as_mut().filter(|kept| kept.input == input), known)
        {
            kept.known = known;
        }
    }
}

/// Bytes of both parts' second moments.
fn moment_bytes(layer: usize, architecture: &Architecture, target: Target) -> u64 {
    let size = architecture.layers[layer];
    let rows = match target {
        Target::Layer => 0,
        Target::DenseStream => architecture.hidden,
    };
    let bytes = |n: usize| (n * (n + rows) * size_of::<f64>()) as u64;
    bytes(size.heads * architecture.head_dim) + bytes(size.channels)
}
