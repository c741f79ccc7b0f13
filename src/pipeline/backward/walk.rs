//! The walk from the last block to the first.

use std::ops::Range;

use candle_core::Tensor;

use crate::{
    model::{Block, BlockWeight, PartGradients, Rope, TokenLabels, WeightGradients},
    prune::Part,
};

use super::{
    BackwardObserver, BackwardProgress, BackwardStage, Error, KeptInputs, Labels, ModelOnWindows, emit,
};

/// A backward pass on its way from the last block to the first.
pub struct Backward<'a> {
    on: ModelOnWindows<'a>,
    kept: &'a KeptInputs,
    rope: Rope,
    /// Layers that are still to come.
    left: usize,
    /// ∂loss/∂h at the output of the next block, by batch and draw: [windows, seq_len, hidden], f32.
    gradients: Vec<Vec<Tensor>>,
    /// −ln p(label) by draw: [samples · seq_len].
    losses: Vec<Vec<f64>>,
    labels: Vec<Vec<Option<u32>>>,
}

/// The gradients of one layer for all windows.
pub struct LayerGradients {
    /// Index of the layer, from 0.
    pub layer: usize,
    /// The block.
    pub block: Block,
    /// The batches of windows, in order.
    pub batches: Vec<BatchGradients>,
    /// By draw, the gradients of the weights that were asked for, summed over all windows.
    pub weights: Vec<WeightGradients>,
}

/// The gradients of one layer for one batch of windows.
pub struct BatchGradients {
    /// The windows.
    pub windows: Range<usize>,
    /// The attention; None if the block has none.
    pub attention: Option<PartGradients>,
    /// The FFN; None if the block has none.
    pub mlp: Option<PartGradients>,
    /// By draw, ∂loss/∂h of the block's input h: [tokens, hidden], f32.
    pub input: Vec<Tensor>,
}

impl BatchGradients {
    /// The part's inputs and gradients; None if the block lacks the part.
    pub fn part(&self, part: Part) -> Option<&PartGradients> {
        match part {
            Part::Attention => self.attention.as_ref(),
            Part::Mlp => self.mlp.as_ref(),
        }
    }
}

impl<'a> Backward<'a> {
    /// Computes the loss and its gradient at the last hidden states. `kept` are the inputs of the same model on the same
    /// windows.
    ///
    /// # Errors
    /// If the labels do not fit the windows or the vocabulary, or the device fails; [`Error::NotFinite`] if the loss is not
    /// finite, and [`Error::Cancelled`] if the observer breaks.
    pub fn start(
        on: ModelOnWindows<'a>,
        kept: &'a KeptInputs,
        labels: &Labels,
        observer: &mut BackwardObserver<'_>,
    ) -> Result<Self, Error> {
        Self::start_at(on, kept, labels, &|window| window, observer)
    }

    /// [`Backward::start`] for some windows of a larger set, in which each has the number that `place` gives. Drawn labels depend
    /// on these places.
    pub(crate) fn start_at(
        on: ModelOnWindows<'a>,
        kept: &'a KeptInputs,
        labels: &Labels,
        place: &dyn Fn(usize) -> usize,
        observer: &mut BackwardObserver<'_>,
    ) -> Result<Self, Error> {
        let ends = on.model.embedding_and_head(on.device, on.dtype)?;
        let (layers, seq_len) = (kept.layers(), kept.seq_len());
        let known = labels.known(on.windows);
        let draws = labels.draws();
        let mut walk = Self {
            on,
            kept,
            rope: on.model.rope(seq_len, on.device, on.dtype)?,
            left: layers,
            gradients: Vec::new(),
            losses: vec![Vec::new(); draws],
            labels: vec![Vec::new(); draws],
        };
        for (batch, windows) in kept.batches().iter().enumerate() {
            let tokens = windows.start * seq_len..windows.end * seq_len;
            let given: Vec<Vec<Option<u32>>>;
            let labels = match (labels, &known) {
                (Labels::Drawn { draws, seed }, _) => {
                    let first = (place(windows.start) * seq_len) as u64;
                    TokenLabels::Drawn { draws: *draws, seed: *seed, first }
                }
                (Labels::Next | Labels::Given(_), known) => {
                    let of_batch =
                        |labels: &Vec<Option<u32>>| labels.get(tokens.clone()).unwrap_or_default().to_vec();
                    given = known.iter().flatten().map(of_batch).collect();
                    TokenLabels::Given(&given)
                }
            };
            let h = kept.input(layers, batch)?;
            let found = ends.loss_gradients(&h, labels, on.memory_budget)?;
            walk.gradients.push(found.gradients);
            for (draw, (losses, labels)) in found.losses.into_iter().zip(found.labels).enumerate() {
                walk.losses[draw].extend(losses);
                walk.labels[draw].extend(labels);
            }
            let (done, total) = (windows.end as u64, on.windows.samples() as u64);
            emit(observer, BackwardProgress { stage: BackwardStage::Loss, layer: layers, done, total })?;
        }
        if walk.losses.iter().flatten().any(|loss| !loss.is_finite()) {
            return Err(Error::NotFinite { layer: layers.saturating_sub(1) });
        }
        Ok(walk)
    }

    /// −ln p(label) by draw, 0 where there is no label: [samples · seq_len], row-major.
    pub fn losses(&self) -> &[Vec<f64>] {
        &self.losses
    }

    /// The labels by draw: [samples · seq_len], row-major.
    pub fn labels(&self) -> &[Vec<Option<u32>>] {
        &self.labels
    }

    /// The layer of the next step; None after the first layer.
    pub fn next_layer(&self) -> Option<usize> {
        self.left.checked_sub(1)
    }

    /// By batch and draw, ∂loss/∂h at the output of the next layer, or at the embedding after the first layer:
    /// [windows, seq_len, hidden], f32.
    pub fn gradients(&self) -> &[Vec<Tensor>] {
        &self.gradients
    }

    /// The gradients of the next layer; None after the first layer. All windows' gradients are in memory;
    /// [`Backward::step_by_batch`] holds those of one batch.
    ///
    /// # Errors
    /// If the block cannot be read or computed; [`Error::NotFinite`], and [`Error::Cancelled`] if the observer breaks.
    pub fn step(&mut self, observer: &mut BackwardObserver<'_>) -> Result<Option<LayerGradients>, Error> {
        self.step_with(&[], observer)
    }

    /// [`Backward::step`] with the gradients of these weights.
    ///
    /// # Errors
    /// As for [`Backward::step`].
    pub fn step_with(
        &mut self,
        weights: &[BlockWeight],
        observer: &mut BackwardObserver<'_>,
    ) -> Result<Option<LayerGradients>, Error> {
        let mut batches = Vec::new();
        let found = self.step_by_batch(weights, observer, &mut |_, batch| {
            batches.push(batch);
            Ok(())
        })?;
        Ok(found.map(|(block, weights)| LayerGradients { layer: block.layer(), block, batches, weights }))
    }

    /// Passes the gradients of the next layer to `each`, one batch after another. Returns the block, and by draw the gradients
    /// of the weights that were asked for; None after the first layer.
    ///
    /// # Errors
    /// As for [`Backward::step`], and those of `each`. The walk cannot go on after an error.
    pub fn step_by_batch(
        &mut self,
        weights: &[BlockWeight],
        observer: &mut BackwardObserver<'_>,
        each: &mut dyn FnMut(&Block, BatchGradients) -> Result<(), Error>,
    ) -> Result<Option<(Block, Vec<WeightGradients>)>, Error> {
        let Some(layer) = self.next_layer() else { return Ok(None) };
        let block = self.on.model.block(layer, self.on.device, self.on.dtype)?;
        let mut sums: Vec<WeightGradients> = vec![Vec::new(); self.losses.len()];
        for (batch, windows) in self.kept.batches().iter().enumerate() {
            let h = self.kept.input(layer, batch)?;
            let found = block.gradients(&h, &self.rope, &self.gradients[batch], weights)?;
            drop(h);
            let input = found.input.iter().map(|x| x.flatten_to(1)).collect::<Result<_, _>>()?;
            self.gradients[batch] = found.input;
            for (sums, gradients) in sums.iter_mut().zip(found.weights) {
                add(sums, gradients)?;
            }
            let (attention, mlp) = (found.attention, found.mlp);
            let found = BatchGradients { windows: windows.clone(), attention, mlp, input };
            each(&block, found)?;
            let (done, total) = (windows.end as u64, self.on.windows.samples() as u64);
            emit(observer, BackwardProgress { stage: BackwardStage::Backward, layer, done, total })?;
        }
        self.left = layer;
        Ok(Some((block, sums)))
    }
}

fn add(sums: &mut WeightGradients, batch: WeightGradients) -> Result<(), Error> {
    if sums.is_empty() {
        *sums = batch;
        return Ok(());
    }
    for ((_, sum), (_, gradient)) in sums.iter_mut().zip(batch) {
        *sum = (&*sum + gradient)?;
    }
    Ok(())
}
