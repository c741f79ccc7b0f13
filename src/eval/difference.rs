//! The difference between the logits of two models.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};

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

/// Runs both models over windows of equal length, block by block. `progress` receives (blocks done, total
/// blocks).
///
/// # Errors
/// If a model cannot be loaded or computed; [`Error::Cancelled`] if `progress` breaks.
pub fn difference(
    models: [&dyn BlockByBlock; 2],
    windows: &[&[u32]],
    (device, dtype): (&Device, DType),
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Difference, Error> {
    let total: usize = models.iter().map(|model| model.architecture().layers.len()).sum();
    let mut done = 0;
    let mut logits = |model: &dyn BlockByBlock| -> Result<Vec<Vec<f32>>, Error> {
        let ends = model.embedding_and_head(device, dtype)?;
        let length = windows.first().map_or(0, |window| window.len());
        let rope = model.rope(length, device, dtype)?;
        let mut h = ends.embed(windows)?;
        for layer in 0..model.architecture().layers.len() {
            h = model.block(layer, device, dtype)?.forward(&h, &rope)?;
            done += 1;
            if progress(done, total as u64).is_break() {
                return Err(Error::Cancelled);
            }
        }
        let logits: Tensor = ends.logits(&h)?.flatten_to(1)?;
        Ok(logits.to_vec2()?)
    };
    let (first, second) = (logits(models[0])?, logits(models[1])?);
    let (mut largest, mut squares, mut count) = (0f64, 0.0, 0);
    for (one, other) in first.iter().zip(&second) {
        let mean = one.iter().map(|&x| f64::from(x)).sum::<f64>() / one.len() as f64;
        for (&x, &y) in one.iter().zip(other) {
            let apart = (f64::from(x) - f64::from(y)).abs();
            // A NaN counts as the largest difference.
            largest = if apart.is_nan() { f64::INFINITY } else { largest.max(apart) };
            squares += (f64::from(x) - mean).powi(2);
        }
        count += one.len();
    }
    Ok(Difference { largest, spread: (squares / count.max(1) as f64).sqrt() })
}
