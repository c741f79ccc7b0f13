//! Predicted sensitivity curves, from one backward pass.
//!
//! The elimination path of each part gives ΔW at several counts. With g = ∂(−ln p)/∂y at the part's output, where labels are
//! drawn from the model, the predicted rise of KL(dense ‖ pruned) is ½ E[(g · ΔW x)²] per token. Between these counts, it is
//! proportional to the error of the path.

use candle_core::Tensor;

use crate::prune::{self, Part, PathChanges, Units, fisher_products};

use super::{
    super::{
        Error, Pass, Removals,
        backward::{Backward, KeptInputs, Labels, ModelOnWindows},
        measure::{Measured, failed},
        moments::{Failed, Moments},
        pass::{after_part, part_inputs},
        plan::units,
        stream::with_values,
    },
    Prunable, Search, SearchNotice, SearchObserver, Sensitivity, emit, quietly,
};

/// Fractions of a part with many units at which the cost is predicted.
pub(super) const SHARES: [f64; 5] = [0.1, 0.25, 0.45, 0.7, 0.9];
/// Labels drawn for each position.
pub(super) const DRAWS: usize = 1;
/// Maximum number of points on a curve besides those at the predicted counts.
const POINTS: usize = 24;

/// A part and its elimination path.
struct Followed {
    of: Prunable,
    changes: PathChanges,
    /// g · ΔW x by count, for every token and draw.
    products: Vec<Vec<f32>>,
}

impl Search<'_> {
    /// A predicted curve for each prunable part.
    ///
    /// # Errors
    /// As for [`Backward::step`] and [`prune::path_changes`].
    pub fn predicted_costs(&self, observer: &mut SearchObserver<'_>) -> Result<Vec<Sensitivity>, Error> {
        let layers = self.checkpoint.architecture().layers.len();
        // Each layer counts three times: forward, path, backward.
        let at = |layer: usize, done: usize| SearchNotice::Predicting {
            layer: layer.min(layers - 1),
            done: done as u64,
            total: 3 * layers as u64,
        };
        let on = |windows| ModelOnWindows {
            model: self.checkpoint,
            windows,
            device: self.device,
            dtype: self.dtype,
            memory_budget: self.settings.machine.memory_budget.0,
        };
        let on_gradient = on(self.gradient);
        let fit =
            KeptInputs::of(&on(self.fit), &mut |progress| observer(at(progress.layer, progress.layer / 2)))?;
        let inputs = KeptInputs::of(&on_gradient, &mut |progress| {
            observer(at(progress.layer, (layers + progress.layer) / 2))
        })?;
        let labels = Labels::Drawn { draws: DRAWS, seed: self.settings.calibration.seed };
        let mut walk = Backward::start(on_gradient, &inputs, &labels, &mut |progress| {
            observer(at(progress.layer, layers))
        })?;
        let pass = self.fitting();
        let parts = self.parts()?;
        let counts = self.all_counts(&parts, &SHARES);
        let samples = (self.gradient.samples() * self.gradient.seq_len() * DRAWS) as f64;
        let mut curves = Vec::with_capacity(parts.len());
        while let Some(layer) = walk.next_layer() {
            let done = 3 * layers - 2 * (layer + 1);
            let own = parts.iter().zip(&counts).filter(|(part, _)| part.layer == layer);
            let own: Vec<(Prunable, &[usize])> = own.map(|(part, counts)| (*part, &counts[..])).collect();
            let mut followed = self.paths(&pass, layer, &fit, &own, &|| at(layer, done), observer)?;
            walk.step_by_batch(&[], &mut |_| observer(at(layer, done + 1)), &mut |_, gradients| {
                for followed in &mut followed {
                    if let Some(part) = gradients.part(followed.of.part) {
                        followed.add(&part.inputs, &part.outputs)?;
                    }
                }
                Ok(())
            })?;
            for followed in followed.into_iter().rev() {
                let Prunable { layer, part, unit } = followed.of;
                let (units, per_unit) = (self.units(followed.of), self.per_unit(followed.of));
                let curve =
                    Sensitivity { layer, part, unit, units, per_unit, points: followed.curve(samples) };
                emit(observer, SearchNotice::Measured(&curve))?;
                curves.push(curve);
            }
        }
        curves.reverse();
        Ok(curves)
    }

    /// The elimination paths of these parts of a layer, through the counts, measured on the windows for fitting.
    fn paths(
        &self,
        pass: &Pass<'_>,
        layer: usize,
        inputs: &KeptInputs,
        parts: &[(Prunable, &[usize])],
        notice: &dyn Fn() -> SearchNotice<'static>,
        observer: &mut SearchObserver<'_>,
    ) -> Result<Vec<Followed>, Error> {
        let opened = pass.open(layer, self.unit(layer))?;
        let block = &opened.block;
        let rope = self.checkpoint.rope(self.fit.seq_len(), self.device, self.dtype)?;
        let mut moments: Vec<(Part, Moments)> = Vec::new();
        for (batch, windows) in inputs.batches().iter().enumerate() {
            let mut h = inputs.input(layer, batch)?;
            for part in [Part::Attention, Part::Mlp].into_iter().filter(|&part| self.has(layer, part)) {
                let x = part_inputs(block, part, &h, &rope)?;
                if parts.iter().any(|(of, _)| of.part == part) {
                    if batch == 0 {
                        let columns = x.dims().last().copied().unwrap_or(0);
                        moments.push((part, Moments::new(self.device, columns, None)));
                    }
                    if let Some((_, sum)) = moments.iter_mut().find(|(of, _)| *of == part) {
                        let weights = pass.weights_of(windows.clone());
                        sum.add(&x, None, weights).map_err(|cause| lost(layer, part, cause))?;
                    }
                }
                if part == Part::Attention {
                    h = after_part(block, part, &h, &x)?;
                }
            }
            emit(observer, notice())?;
        }
        let mut followed = Vec::new();
        for (part, sum) in moments {
            let (moment, _) = sum.finish().map_err(|cause| lost(layer, part, cause))?;
            let measured = Measured { moment, toward_dense: None };
            for &(of, counts) in parts.iter().filter(|(of, _)| of.part == part) {
                let head_dim = self.checkpoint.architecture().head_dim;
                let (count, _, picked) = units(part, &opened.size, head_dim, of.unit, self.settings);
                let groups = match picked {
                    Units::Heads { per_group: Some(per_group), .. } => count / per_group,
                    Units::Heads { per_group: None, .. } | Units::Channels { .. } => 1,
                };
                let counts: Vec<usize> = counts.iter().map(|count| count / groups).collect();
                let problem = pass.problem(part, &opened, picked, (Removals::default(), None))?;
                let changes = with_values(&problem.weight, |weight| {
                    let posed = pass.posed(weight, &problem, &measured);
                    prune::path_changes(&posed, &counts, &mut |_| observer(notice()))
                })?;
                let changes =
                    changes.map_err(|cause| failed(layer, part, cause, &mut quietly(observer, notice)))?;
                let products = vec![Vec::new(); changes.changes.len()];
                followed.push(Followed { of, changes, products });
            }
        }
        Ok(followed)
    }
}

impl Followed {
    /// Adds one batch: x [tokens, n], and by draw the gradients [tokens, rows].
    fn add(&mut self, x: &Tensor, gradients: &[Tensor]) -> Result<(), Error> {
        let n = x.dims().last().copied().unwrap_or(0);
        let values = |tensor: &Tensor| with_values(tensor, <[f32]>::to_vec);
        let gradients: Vec<Vec<f32>> = gradients.iter().map(values).collect::<Result<_, _>>()?;
        let gradients: Vec<&[f32]> = gradients.iter().map(Vec::as_slice).collect();
        with_values(x, |x| {
            for (products, change) in self.products.iter_mut().zip(&self.changes.changes) {
                products.extend(fisher_products(&change.change, n, x, &gradients)?);
            }
            Ok::<(), prune::Error>(())
        })??;
        Ok(())
    }

    /// (units removed, predicted rise), ascending. `samples`: tokens times draws.
    fn curve(&self, samples: f64) -> Vec<(usize, f64)> {
        let error = |removed: usize| {
            self.changes.errors.iter().find(|(units, _)| *units == removed).map_or(0.0, |(_, error)| *error)
        };
        // Nats per unit of error, at each predicted count.
        let rates: Vec<(usize, f64)> = self
            .changes
            .changes
            .iter()
            .zip(&self.products)
            .map(|(change, products)| {
                let sum: f64 = products.iter().map(|&product| f64::from(product).powi(2)).sum();
                let error = error(change.removed);
                (change.removed, if error > 0.0 { 0.5 * sum / samples / error } else { 0.0 })
            })
            .collect();
        let apart = self.changes.errors.last().map_or(1, |last| last.0.div_ceil(POINTS)).max(1);
        let (mut points, mut last) = (Vec::new(), 0);
        for &(removed, error) in &self.changes.errors {
            let predicted = rates.iter().any(|(count, _)| *count == removed);
            if removed > 0 && (predicted || removed - last >= apart) {
                points.push((removed, error * rate_at(&rates, removed)));
                last = removed;
            }
        }
        points
    }
}

/// The rate at a count: linear between two known ones, constant beyond the ends.
fn rate_at(rates: &[(usize, f64)], removed: usize) -> f64 {
    let next = rates.partition_point(|(count, _)| *count < removed);
    match (next.checked_sub(1).map(|at| rates[at]), rates.get(next)) {
        (Some(below), Some(above)) => {
            let share = (removed - below.0) as f64 / (above.0 - below.0) as f64;
            below.1 + share * (above.1 - below.1)
        }
        (Some(only), None) => only.1,
        (None, Some(only)) => only.1,
        (None, None) => 0.0,
    }
}

fn lost(layer: usize, part: Part, cause: Failed) -> Error {
    match cause {
        Failed::Method(cause) => Error::Part { layer, part, cause },
        Failed::Tensors(cause) => cause,
    }
}
