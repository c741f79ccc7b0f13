//! The difference between the logits of two models.

use std::ops::ControlFlow;

use candle_core::{DType, Device};

use crate::model::BlockByBlock;

use super::Error;

/// The difference on equal tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Largest |Δ logit|.
    pub largest: f64,
    /// Root mean square of the first model's logits around the mean of each position, as the scale for
    /// differences.
    pub spread: f64,
}

/// Runs both models over windows of equal length, block by block. The logits of the first model are kept; the logits
/// of the second are computed in chunks that fit `memory_budget`. `progress` receives (blocks done, total blocks).
///
/// # Errors
/// If a model cannot be loaded or computed; [`Error::Cancelled`] if `progress` breaks.
pub fn difference(
    [one, other]: [&dyn BlockByBlock; 2],
    windows: &[&[u32]],
    forward: (&Device, DType),
    memory_budget: u64,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Difference, Error> {
    let total = one.architecture().layers.len() + other.architecture().layers.len();
    let mut done = 0;
    let mut step = || {
        done += 1;
        progress(done, total as u64)
    };
    let mut kept: Vec<f32> = Vec::new();
    let mut compared = Compared::default();
    each_logits(one, windows, forward, memory_budget, &mut step, &mut |logits| {
        logits.chunks(one.architecture().vocab).for_each(|row| compared.spread(row));
        kept.extend_from_slice(logits);
    })?;
    let mut at = 0;
    each_logits(other, windows, forward, memory_budget, &mut step, &mut |logits| {
        let same = kept.get(at..).unwrap_or_default();
        same.iter().zip(logits).for_each(|(&x, &y)| compared.apart(x, y));
        at += logits.len();
    })?;
    Ok(Difference { largest: compared.largest, spread: (compared.squares / kept.len().max(1) as f64).sqrt() })
}

/// Sums over the logits of two models.
#[derive(Default)]
struct Compared {
    largest: f64,
    squares: f64,
}

impl Compared {
    /// Adds the squared deviations of one position's logits from their mean.
    fn spread(&mut self, logits: &[f32]) {
        let mean = logits.iter().map(|&x| f64::from(x)).sum::<f64>() / logits.len() as f64;
        for &x in logits {
            self.squares += (f64::from(x) - mean).powi(2);
        }
    }

    fn apart(&mut self, x: f32, y: f32) {
        let apart = (f64::from(x) - f64::from(y)).abs();
        // A NaN counts as the largest difference.
        self.largest = if apart.is_nan() { f64::INFINITY } else { self.largest.max(apart) };
    }
}

/// Passes on the logits of all positions in chunks.
fn each_logits(
    model: &dyn BlockByBlock,
    windows: &[&[u32]],
    (device, dtype): (&Device, DType),
    memory_budget: u64,
    step: &mut dyn FnMut() -> ControlFlow<()>,
    each: &mut dyn FnMut(&[f32]),
) -> Result<(), Error> {
    let ends = model.embedding_and_head(device, dtype)?;
    let length = windows.first().map_or(0, |window| window.len());
    let rope = model.rope(length, device, dtype)?;
    let mut h = ends.embed(windows)?;
    for layer in 0..model.architecture().layers.len() {
        h = model.block(layer, device, dtype)?.forward(&h, &rope)?;
        if step().is_break() {
            return Err(Error::Cancelled);
        }
    }
    ends.logits_in_stretches(&h, memory_budget, |logits| {
        each(&logits.flatten_all()?.to_vec1::<f32>()?);
        Ok(())
    })
}
