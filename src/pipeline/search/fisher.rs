//! Predicted sensitivity curves, from one backward pass.
//!
//! The elimination path of each part gives ΔW at several counts. With g = ∂(−ln p)/∂y at the part's output, where labels are
//! drawn from the model, the predicted rise of KL(dense ‖ pruned) is ½ E[(g · ΔW x)²] per token. Between these counts, it is
//! proportional to the error of the path.

use std::{ops::Range, sync::Arc};

use candle_core::Tensor;

use crate::{
    calibration::Windows,
    cluster::{Group, Work},
    prune::{self, Part, PathChanges, Units, fisher_products},
};

use super::{
    super::{
        Error, Pass, Removals,
        backward::{Backward, KeptInputs, Labels, ModelOnWindows},
        chunks::windows_per_chunk,
        measure::{Measured, failed},
        moments::{Failed, Moments},
        pass::{after_part, part_inputs},
        plan::units,
        ranks::{Asked, Share, weight_bytes},
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

/// A rank's shares of the windows.
pub struct Shares {
    fit: Share,
    gradient: Share,
}

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
        let Some(group) = &self.group else { return self.predicted_costs_of(None, observer) };
        let shares = Shares::new(group, (self.fit, self.gradient));
        let (samples, seq_len) = (self.fit.samples(), self.fit.seq_len());
        let weights = self.weights.map(|weights| weights.spread().clone());
        let asked = Asked::Costs { samples, seq_len, budget: self.budget, weights };
        let tokens =
            |windows: &Windows| windows.tokens().iter().flat_map(|token| token.to_le_bytes()).collect();
        let of_weights = weight_bytes(self.fit, self.weights);
        let (command, _) =
            asked.command(self.settings, &shares.fit, &[tokens(self.fit), tokens(self.gradient), of_weights]);
        group.lead(Work::Pass, command, || self.predicted_costs_of(Some(&shares), observer))
    }

    /// [`Search::predicted_costs`] on the first rank. The others compute their windows, and return no curves.
    pub(in super::super) fn predicted_costs_of(
        &self,
        shares: Option<&Shares>,
        observer: &mut SearchObserver<'_>,
    ) -> Result<Vec<Sensitivity>, Error> {
        let layers = self.checkpoint.architecture().layers.len();
        // Each layer counts three times: forward, path, backward.
        let at = |layer: usize, done: usize| SearchNotice::Predicting {
            layer: layer.min(layers - 1),
            done: done as u64,
            total: 3 * layers as u64,
        };
        let (own_fit, own_gradient) = match shares {
            None => (Some(self.fit.clone()), Some(self.gradient.clone())),
            Some(Shares { fit, gradient }) => (fit.own(self.fit)?, gradient.own(self.gradient)?),
        };
        fn on<'w>(search: &Search<'w>, windows: &'w Windows) -> ModelOnWindows<'w> {
            ModelOnWindows {
                model: search.checkpoint,
                windows,
                device: search.device,
                dtype: search.dtype,
                memory_budget: search.settings.machine.memory_budget.0,
            }
        }
        let of_fit = |windows: &Windows, observer: &mut SearchObserver<'_>| {
            KeptInputs::of(&on(self, windows), &mut |progress| {
                observer(at(progress.layer, progress.layer / 2))
            })
        };
        let of_gradient = |windows: &Windows, observer: &mut SearchObserver<'_>| {
            KeptInputs::of(&on(self, windows), &mut |progress| {
                observer(at(progress.layer, (layers + progress.layer) / 2))
            })
        };
        let fit = own_fit.as_ref().map(|windows| of_fit(windows, observer)).transpose()?;
        let inputs = own_gradient.as_ref().map(|windows| of_gradient(windows, observer)).transpose()?;
        let labels = Labels::Drawn { draws: DRAWS, seed: self.settings.calibration.seed };
        let places: Vec<usize> = match shares {
            None => (0..self.gradient.samples()).collect(),
            Some(shares) => shares.gradient.chunks().flatten().collect(),
        };
        let mut walk = match (&own_gradient, &inputs) {
            (Some(windows), Some(inputs)) => {
                let place = |window: usize| places[window];
                Some(Backward::start_at(on(self, windows), inputs, &labels, &place, &mut |progress| {
                    observer(at(progress.layer, layers))
                })?)
            }
            (_, _) => None,
        };
        let pass = self.fitting();
        let parts = self.parts()?;
        let counts = self.all_counts(&parts, &SHARES);
        let samples = (self.gradient.samples() * self.gradient.seq_len() * DRAWS) as f64;
        let mut curves = Vec::with_capacity(parts.len());
        for layer in (0..layers).rev() {
            let done = 3 * layers - 2 * (layer + 1);
            let own = parts.iter().zip(&counts).filter(|(part, _)| part.layer == layer);
            let own: Vec<(Prunable, &[usize])> = own.map(|(part, counts)| (*part, &counts[..])).collect();
            let of = (fit.as_ref(), shares);
            let mut followed = self.paths(&pass, layer, of, &own, &|| at(layer, done), observer)?;
            if let Some(walk) = &mut walk {
                walk.step_by_batch(&[], &mut |_| observer(at(layer, done + 1)), &mut |_, gradients| {
                    for followed in &mut followed {
                        if let Some(part) = gradients.part(followed.of.part) {
                            followed.add(&part.inputs, &part.outputs)?;
                        }
                    }
                    Ok(())
                })?;
            }
            for mut followed in followed.into_iter().rev() {
                if let Some(Shares { gradient, .. }) = shares
                    && !followed.collect(gradient, self.gradient.seq_len() * DRAWS)?
                {
                    continue;
                }
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
        (inputs, shares): (Option<&KeptInputs>, Option<&Shares>),
        parts: &[(Prunable, &[usize])],
        notice: &dyn Fn() -> SearchNotice<'static>,
        observer: &mut SearchObserver<'_>,
    ) -> Result<Vec<Followed>, Error> {
        let opened = pass.open(layer, self.unit(layer))?;
        let block = &opened.block;
        let rope = self.checkpoint.rope(self.fit.seq_len(), self.device, self.dtype)?;
        let present = || [Part::Attention, Part::Mlp].into_iter().filter(|&part| self.has(layer, part));
        let followed = present().filter(|part| parts.iter().any(|(of, _)| of.part == *part));
        let mut moments: Vec<(Part, Moments)> = Vec::new();
        for part in followed {
            let columns = match part {
                Part::Attention => opened.size.heads * self.checkpoint.architecture().head_dim,
                Part::Mlp => opened.size.channels,
            };
            let sums = match shares {
                None => Moments::new(self.device, columns, None),
                Some(shares) => Moments::on_ranks(&shares.fit, columns, None),
            };
            moments.push((part, sums));
        }
        let each = windows_per_chunk(self.fit.seq_len());
        let place = |own: &Range<usize>| match shares {
            None => own.clone(),
            Some(shares) => shares.fit.place(own.clone()),
        };
        let batches = inputs.map_or(&[][..], KeptInputs::batches);
        for (batch, windows) in batches.iter().enumerate() {
            let Some(inputs) = inputs else { break };
            let ends_chunk = windows.end.is_multiple_of(each) || batch + 1 == batches.len();
            let mut h = inputs.input(layer, batch)?;
            for part in present() {
                let x = part_inputs(block, part, &h, &rope)?;
                if let Some((_, sum)) = moments.iter_mut().find(|(of, _)| *of == part) {
                    let added = sum.add(&x, None, pass.weights_of(place(windows)));
                    let added = added.and_then(|()| if ends_chunk { sum.end_chunk() } else { Ok(()) });
                    added.map_err(|cause| lost(layer, part, cause))?;
                }
                if part == Part::Attention {
                    h = after_part(block, part, &h, &x)?;
                }
            }
            emit(observer, notice())?;
        }
        if let Some(Shares { fit, .. }) = shares {
            // Other ranks may have one chunk more, whose sums of both parts they exchange in turn.
            for _ in fit.chunks().count()..fit.rounds() {
                for (part, sum) in &mut moments {
                    sum.end_chunk().map_err(|cause| lost(layer, *part, cause))?;
                }
            }
        }
        let mut followed = Vec::new();
        for (part, sum) in moments {
            let finished = sum.finish().map_err(|cause| lost(layer, part, cause))?;
            let measured = finished.map(|(moment, _)| Measured { moment, toward_dense: None });
            for &(of, counts) in parts.iter().filter(|(of, _)| of.part == part) {
                let head_dim = self.checkpoint.architecture().head_dim;
                let (count, _, picked) = units(part, &opened.size, head_dim, of.unit, self.settings);
                let groups = match picked {
                    Units::Heads { per_group: Some(per_group), .. } => count / per_group,
                    Units::Heads { per_group: None, .. } | Units::Channels { .. } => 1,
                };
                let counts: Vec<usize> = counts.iter().map(|count| count / groups).collect();
                let problem = pass.problem(part, &opened, picked, (Removals::default(), None))?;
                let changes =
                    match &measured {
                        None => None,
                        Some(measured) => {
                            let changes = with_values(&problem.weight, |weight| {
                                let posed = pass.posed(weight, &problem, measured);
                                prune::path_changes(&posed, &counts, &mut |_| observer(notice()))
                            })?;
                            Some(changes.map_err(|cause| {
                                failed(layer, part, cause, &mut quietly(observer, notice))
                            })?)
                        }
                    };
                let changes = match (shares, changes) {
                    (None, Some(changes)) => changes,
                    (Some(shares), changes) => shares.fit.share_path(changes)?,
                    (None, None) => continue,
                };
                let products = vec![Vec::new(); changes.changes.len()];
                followed.push(Followed { of, changes, products });
            }
        }
        Ok(followed)
    }
}

impl Shares {
    /// The shares of windows for fitting and for gradients.
    pub fn new(group: &Arc<Group>, (fit, gradient): (&Windows, &Windows)) -> Self {
        let share = |windows: &Windows| Share::first(group, windows.samples(), windows.seq_len());
        Self { fit: share(fit), gradient: share(gradient) }
    }
}

impl Followed {
    /// Collects the products of all ranks on the first one, where it returns true.
    fn collect(&mut self, share: &Share, per_window: usize) -> Result<bool, Error> {
        for products in &mut self.products {
            let own: Vec<f64> = products.iter().map(|&product| f64::from(product)).collect();
            let Some(all) = share.by_window(&own, per_window)? else { continue };
            *products = all.into_iter().map(|product| product as f32).collect();
        }
        Ok(share.group.leads())
    }

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
