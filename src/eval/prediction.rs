//! How well a model predicts each token of a text.

use candle_core::D;

use super::{Error, Generation};

/// Positions whose logits are computed together.
const STRETCH: usize = 64;

/// A model's prediction of one token from the tokens before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// −ln p of the token.
    pub loss: f64,
    /// The likeliest tokens and their probabilities, in descending order.
    pub likeliest: Vec<(u32, f64)>,
}

impl Generation {
    /// The predictions of the tokens from position `from` (at least 1) to the end, each with its `most` likeliest
    /// tokens.
    ///
    /// # Errors
    /// If the model fails.
    pub fn predictions(&self, ids: &[u32], from: usize, most: usize) -> Result<Vec<Prediction>, Error> {
        let from = from.max(1);
        if ids.len() <= from {
            return Ok(Vec::new());
        }
        let decoder = self.decoder();
        // The last token is predicted but predicts none.
        let hidden = decoder.hidden(&[&ids[..ids.len() - 1]])?;
        let mut predictions = Vec::with_capacity(ids.len() - from);
        for first in (from..ids.len()).step_by(STRETCH) {
            let count = STRETCH.min(ids.len() - first);
            let logits = decoder.embedding_and_head.logits(&hidden.narrow(1, first - 1, count)?)?;
            let rows = logits.squeeze(0)?.to_vec2::<f32>()?;
            debug_assert_eq!(rows.len(), logits.dim(D::Minus2)?);
            for (row, &id) in rows.iter().zip(&ids[first..]) {
                predictions.push(prediction(row, id, most));
            }
        }
        Ok(predictions)
    }
}

fn prediction(logits: &[f32], id: u32, most: usize) -> Prediction {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    let log_probability = |id: u32| {
        let logit = logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
        f64::from(logit - largest) - sum.ln()
    };
    let mut likeliest: Vec<u32> = (0..logits.len() as u32).collect();
    let most = most.min(likeliest.len());
    let descending = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if most > 0 {
        likeliest.select_nth_unstable_by(most - 1, descending);
    }
    likeliest.truncate(most);
    likeliest.sort_unstable_by(descending);
    let likeliest = likeliest.into_iter().map(|id| (id, log_probability(id).exp())).collect();
    Prediction { loss: -log_probability(id), likeliest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_that_of_the_softmax_and_the_likeliest_descend() {
        let logits = [0.5f32, 2.0, -1.0, 2.0, 1.0];
        let found = prediction(&logits, 4, 3);
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        assert!((found.loss - (sum.ln() - 1.0)).abs() < 1e-12);
        let ids: Vec<u32> = found.likeliest.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [1, 3, 4], "the lower id comes first on a tie");
        assert!((found.likeliest[0].1 - 2f64.exp() / sum).abs() < 1e-12);
    }
}
