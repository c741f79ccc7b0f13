//! Computes the inputs of a layer by passing the calibration windows through the layers above, and caches them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    config::{Machine, Settings},
    model::Architecture,
    pipeline::{Footprint, MomentCache, Notice, Pass, StreamTensor, Streams},
    protocol::Stage,
    prune::Target,
    session::{StreamCache, Tensor},
};

use super::{Context, Error, WindowSource, Workspace, stored_parts};

/// Cached layer inputs: in memory as many as fit, the others in the session.
#[derive(Default)]
pub struct ActivationCache {
    reuse: Reuse,
    /// The most recently used input is last.
    in_memory: VecDeque<(Input, Streams)>,
    /// Second moments for the most recent input.
    moments: Option<(Input, MomentCache)>,
    disk: Option<StreamCache>,
}

/// The time until a layer's input is used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Soon: a user tries one ratio after another.
    #[default]
    Soon,
    /// In a later process, if at all: inputs go to the session, and the memory stays free for the running
    /// job.
    Later,
}

/// The data that the input of a layer depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Input {
    drawn: WindowSource,
    machine: Machine,
    /// Numbers of the active attempts above, indexed by layer.
    above: Vec<Option<usize>>,
}

impl Input {
    fn layer(&self) -> usize {
        self.above.len()
    }

    /// True if `other` can be computed from this input.
    fn leads_to(&self, other: &Self) -> bool {
        (&self.drawn, &self.machine) == (&other.drawn, &other.machine) && other.above.starts_with(&self.above)
    }
}

impl ActivationCache {
    pub fn reuse(reuse: Reuse) -> Self {
        Self { reuse, ..Self::default() }
    }

    /// From now on, inputs that exceed the memory budget go to this cache.
    pub fn use_disk(&mut self, disk: StreamCache) {
        self.disk = Some(disk);
    }

    /// The cached input of the lowest layer from which `input` can be computed. Inputs that are dealt over ranks are in memory
    /// only.
    fn nearest(
        &mut self,
        input: &Input,
        pass: &Pass,
        dense: bool,
        dealt: bool,
    ) -> Result<Option<(usize, Streams)>, Error> {
        let usable =
            |(at, streams): &&(Input, Streams)| at.leads_to(input) && (streams.dense.is_some() || !dense);
        let held = self.in_memory.iter().filter(usable).max_by_key(|(at, _)| at.layer());
        let held = held.map(|(at, streams)| (at.layer(), streams.clone()));
        let above = held.as_ref().map_or(0, |(layer, _)| *layer + 1);
        if dealt {
            return Ok(held);
        }
        Ok(match self.nearest_on_disk(input, above, pass, dense)? {
            Some(stored) => Some(stored),
            None => held,
        })
    }

    /// Like [`Self::nearest`], for inputs stored in the session, from layer `above` on.
    fn nearest_on_disk(
        &mut self,
        input: &Input,
        above: usize,
        pass: &Pass,
        dense: bool,
    ) -> Result<Option<(usize, Streams)>, Error> {
        let Some(disk) = &mut self.disk else { return Ok(None) };
        let keys = disk.keys().into_iter().filter_map(|key| {
            let (at, holds_dense): (Input, bool) = serde_json::from_str(&key).ok()?;
            (holds_dense || !dense).then_some((at, key))
        });
        let mut keys: Vec<_> =
            keys.filter(|(at, _)| at.leads_to(input) && at.layer() >= above.max(1)).collect();
        keys.sort_by_key(|(at, _)| std::cmp::Reverse(at.layer()));
        for (at, key) in keys {
            let Some(tensors) = disk.get(&key) else { continue };
            let tensors: Vec<StreamTensor> = tensors.into_iter().map(stream_tensor).collect();
            if let Some(streams) = pass.restore(&tensors)? {
                return Ok(Some((at.layer(), streams)));
            }
        }
        Ok(None)
    }

    /// Adds streams as the most recently used. If the input is already cached, its streams are replaced only
    /// if they lack the dense stream and the new ones have it.
    fn add(&mut self, input: Input, streams: &Streams) {
        let there = self.in_memory.iter().position(|(at, _)| *at == input);
        let kept = there.and_then(|at| self.in_memory.remove(at)).map(|(_, kept)| kept);
        let kept = kept.filter(|kept| kept.dense.is_some() || streams.dense.is_none());
        self.in_memory.push_back((input, kept.unwrap_or_else(|| streams.clone())));
    }

    /// Moves the least recently used inputs to the session until the rest and `other` bytes fit into the
    /// budget. Keeps at least `least` inputs. Returns true if they fit.
    fn make_room(&mut self, other: u64, budget: u64, least: usize) -> bool {
        let budget = match self.reuse {
            Reuse::Soon => budget,
            Reuse::Later => 0,
        };
        let mut bytes: u64 = self.in_memory.iter().map(|(_, streams)| streams.bytes()).sum();
        while self.in_memory.len() > least && bytes + other > budget {
            if let Some((input, streams)) = self.in_memory.pop_front() {
                bytes -= streams.bytes();
                self.spill(&input, &streams);
            }
        }
        bytes + other <= budget
    }

    /// Moves the inputs in memory to the session, the newest first, as many as fit.
    pub fn flush(&mut self) {
        let Some(disk) = &self.disk else { return };
        let mut room = disk.limit();
        let fits = self.in_memory.iter().rev().take_while(|(_, streams)| {
            let fits = streams.bytes() <= room;
            room = room.saturating_sub(streams.bytes());
            fits
        });
        let fits = fits.count();
        let first = self.in_memory.len() - fits;
        for (input, streams) in self.in_memory.drain(..).skip(first).collect::<Vec<_>>() {
            self.spill(&input, &streams);
        }
    }

    fn spill(&mut self, input: &Input, streams: &Streams) {
        if streams.are_dealt() {
            return;
        }
        let Some(disk) = &mut self.disk else { return };
        let Ok(key) = serde_json::to_string(&(input, streams.dense.is_some())) else { return };
        // Computing the input of the first layer from the tokens is quick.
        if input.layer() > 0 && streams.bytes() <= disk.limit() && !disk.keys().contains(&key) {
            let tensors: Vec<Tensor> = streams.serialised().into_iter().map(tensor).collect();
            disk.put(&key, &tensors);
        }
    }
}

fn tensor(StreamTensor { name, dtype, shape, bytes }: StreamTensor) -> Tensor {
    Tensor { name, dtype: stored_parts::spelled(dtype).into(), shape, bytes }
}

fn stream_tensor(Tensor { name, dtype, shape, bytes }: Tensor) -> StreamTensor {
    StreamTensor { name, dtype: stored_parts::number_type(&dtype), shape, bytes }
}

impl Workspace<'_> {
    fn input(&self, layer: usize, settings: &Settings) -> Input {
        let above = self.attempts.numbers()[..layer].to_vec();
        Input { drawn: WindowSource::by(settings), machine: settings.machine, above }
    }

    /// The streams at the input of `layer`, computed from the nearest cached input. Layers without an attempt are dense.
    pub fn layer_inputs(
        &mut self,
        layer: usize,
        pass: &Pass,
        context: &mut Context,
    ) -> Result<Streams, Error> {
        let streams = self.approach(layer, usize::MAX, pass, context)?;
        self.cache_streams(layer, &streams, pass.settings);
        Ok(streams)
    }

    /// [`Workspace::layer_inputs`] of the first `windows` windows. They are not cached.
    pub fn first_layer_inputs(
        &mut self,
        layer: usize,
        windows: usize,
        pass: &Pass,
        context: &mut Context,
    ) -> Result<Streams, Error> {
        self.approach(layer, windows, pass, context)
    }

    /// Passes the first `windows` windows from the nearest cached input to the input of `layer`.
    fn approach(
        &mut self,
        layer: usize,
        windows: usize,
        pass: &Pass,
        context: &mut Context,
    ) -> Result<Streams, Error> {
        let input = self.input(layer, pass.settings);
        // Moments of another input are large and no longer useful.
        self.activations.moments = self.activations.moments.take().filter(|(at, _)| *at == input);
        let dense = pass.settings.needs_dense_stream();
        let ranks = context.ranks();
        let (first, mut streams) = match self.activations.nearest(&input, pass, dense, ranks.is_some())? {
            Some(nearest) => nearest,
            None => (0, ranks.map_or_else(|| Ok(pass.enter()?), |ranks| ranks.enter(pass))?),
        };
        if !dense {
            streams.dense = None;
        }
        streams.keep_first(windows)?;
        let samples = streams.all_windows() as u64;
        let total = (layer - first) as u64 * samples;
        for at in first..layer {
            let before = (at - first) as u64 * samples;
            let cut = self.active().cut(at)?;
            pass.through(at, cut.as_ref(), &mut streams, &mut |notice| match notice {
                Notice::Passing { done, .. } => {
                    context.progress(Stage::ReplayLayers { layer }, before + done, total)
                }
                Notice::Following { .. }
                | Notice::Calibrating { .. }
                | Notice::Solving { .. }
                | Notice::PartDone { .. }
                | Notice::PartFailed { .. }
                | Notice::Propagating { .. } => context.handle(notice),
            })?;
        }
        Ok(streams)
    }

    /// Caches the streams at the input of `layer` for later jobs. Evicts older ones to free memory for the
    /// running job.
    pub fn cache_streams(&mut self, layer: usize, streams: &Streams, settings: &Settings) {
        let input = self.input(layer, settings);
        // Moments of another input are large and not useful here.
        self.activations.moments = self.activations.moments.take().filter(|(at, _)| *at == input);
        self.activations.add(input, streams);
        let other = self.pass_bytes(layer, streams, settings);
        self.activations.make_room(other, settings.machine.memory_budget.0, 0);
    }

    /// Peak number of bytes that a pass through the layer holds, including `streams`.
    fn pass_bytes(&self, layer: usize, streams: &Streams, settings: &Settings) -> u64 {
        let footprint = Footprint {
            architecture: self.checkpoint.architecture(),
            settings,
            samples: streams.windows(),
            seq_len: streams.seq_len(),
            dtype: streams.dtype(),
        };
        footprint.most(layer)
    }

    /// The second moments at the input of `layer`, whose streams were just computed; None if they do not fit
    /// into memory.
    pub fn cached_moments(&mut self, layer: usize, settings: &Settings) -> Option<MomentCache> {
        let input = self.input(layer, settings);
        let (_, streams) = self.activations.in_memory.back().filter(|(at, _)| *at == input)?;
        let moments = moment_bytes(layer, self.checkpoint.architecture(), settings.objective.target);
        let other = self.pass_bytes(layer, streams, settings) + moments;
        let room = self.activations.make_room(other, settings.machine.memory_budget.0, 1);
        let known = self.activations.moments.take().filter(|(at, _)| *at == input);
        room.then(|| known.map_or_else(MomentCache::default, |(_, known)| known))
    }

    /// Caches the second moments at the input of `layer`.
    pub fn cache_moments(&mut self, layer: usize, known: Option<MomentCache>, settings: &Settings) {
        self.activations.moments = known.map(|known| (self.input(layer, settings), known));
    }
}

/// Size of both parts' second moments.
fn moment_bytes(layer: usize, architecture: &Architecture, target: Target) -> u64 {
    let size = architecture.layers[layer];
    let rows = match target {
        Target::Layer => 0,
        Target::DenseStream => architecture.hidden,
    };
    let bytes = |n: usize| (n * (n + rows) * size_of::<f64>()) as u64;
    bytes(size.heads * architecture.head_dim) + bytes(size.channels)
}
