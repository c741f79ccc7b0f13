//! Squared gradients of the loss at single tokens.

use candle_core::Tensor;

use super::{
    Error,
    backward::{Backward, BackwardObserver, KeptInputs, Labels, ModelOnWindows},
    stream::with_values,
};
use crate::prune::Part;

/// Labels of each position.
pub const GRADIENT_DRAWS: usize = 2;

/// At every token, [samples, seq_len]: the mean over all parts of |g|² / E|g|². g = ∂(−ln p)/∂y is the gradient at the part's
/// output y, and the labels are drawn from the model by `seed`. A change of y by ε times a random direction raises
/// KL(model ‖ changed model) in proportion to |g|² (Fisher information). E is over the tokens, so all parts count alike.
///
/// # Errors
/// As for [`Backward::start`] and [`Backward::step`].
pub fn squared_gradients_by_token(
    on: ModelOnWindows<'_>,
    seed: u64,
    observer: &mut BackwardObserver<'_>,
) -> Result<Vec<f64>, Error> {
    let kept = KeptInputs::of(&on, observer)?;
    let mut walk = Backward::start(on, &kept, &Labels::Drawn { draws: GRADIENT_DRAWS, seed }, observer)?;
    let (tokens, seq_len) = (on.windows.tokens().len(), on.windows.seq_len());
    let (mut costs, mut measured) = (vec![0.0; tokens], 0);
    while walk.next_layer().is_some() {
        let mut squares = [Part::Attention, Part::Mlp].map(|part| (part, vec![0.0; tokens]));
        walk.step_by_batch(&[], observer, &mut |_, gradients| {
            let first = gradients.windows.start * seq_len;
            for (part, squares) in &mut squares {
                let outputs = gradients.part(*part).map_or(&[][..], |part| &part.outputs);
                for outputs in outputs {
                    add_squares(outputs, &mut squares[first..])?;
                }
            }
            Ok(())
        })?;
        for (_, squares) in squares {
            let mean = squares.iter().sum::<f64>() / tokens as f64;
            // A part that is absent, or that no prediction depends on, has no gradient.
            if mean > 0.0 {
                costs.iter_mut().zip(squares).for_each(|(cost, square)| *cost += square / mean);
                measured += 1;
            }
        }
    }
    costs.iter_mut().for_each(|cost| *cost /= f64::from(measured.max(1)));
    Ok(costs)
}

/// Adds |g|² of each row of g [tokens, rows] to the sums.
fn add_squares(gradients: &Tensor, sums: &mut [f64]) -> Result<(), Error> {
    let (_, rows) = gradients.dims2()?;
    with_values(gradients, |gradients| {
        let square = |row: &[f32]| row.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
        let squares = gradients.chunks_exact(rows).map(square);
        sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square);
    })
}
