//! Weights of calibration tokens in the second moments: G = E[w x xᵀ] in place of E[x xᵀ].

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

/// The tensor's name in the file of the windows.
pub(super) const WEIGHTS: &str = "weights";
/// Costs above this multiple of the median are limited to it, so no few tokens take over.
const CLIP: f64 = 10.0;
/// The quantiles that describe the weights.
const QUANTILES: [f64; 7] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0];

/// One weight per token of every calibration window; their mean is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenWeights {
    /// [samples, seq_len], row-major
    weights: Vec<f32>,
    spread: WeightSpread,
}

/// The spread of token weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightSpread {
    /// Weights at 0, 5, 25, 50, 75, 95 and 100 % of the tokens.
    pub quantiles: [f64; 7],
    /// (Σw)² / Σw²: the number of equally weighted tokens with the same variance of a mean.
    pub effective_tokens: f64,
    /// Number of tokens.
    pub tokens: usize,
    /// Number of tokens whose cost was limited to ten times the median.
    pub clipped: usize,
}

impl TokenWeights {
    /// Weights in proportion to costs of 0 or more, one per token. Costs above ten times the median (of the mean, if more
    /// than half of the costs are 0) are limited to it. None if there are no finite costs above 0.
    #[must_use]
    pub fn of_costs(costs: &[f64]) -> Option<Self> {
        let tokens = costs.len();
        let mean = costs.iter().sum::<f64>() / tokens as f64;
        if !(mean.is_finite() && mean > 0.0) || costs.iter().any(|&cost| cost < 0.0) {
            return None;
        }
        let mut sorted = costs.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = sorted[tokens / 2];
        let limit = CLIP * if median > 0.0 { median } else { mean };
        let clipped = costs.iter().filter(|&&cost| cost > limit).count();
        let limited: Vec<f64> = costs.iter().map(|cost| cost.min(limit)).collect();
        Self::in_proportion(&limited, clipped)
    }

    /// The weights of a range of the tokens, scaled to the mean 1. None if all of them are 0.
    #[must_use]
    pub fn part(&self, tokens: std::ops::Range<usize>) -> Option<Self> {
        let part: Vec<f64> = self.weights.get(tokens)?.iter().map(|&weight| f64::from(weight)).collect();
        Self::in_proportion(&part, 0)
    }

    fn in_proportion(costs: &[f64], clipped: usize) -> Option<Self> {
        let tokens = costs.len();
        let mean = costs.iter().sum::<f64>() / tokens as f64;
        if !(mean.is_finite() && mean > 0.0) {
            return None;
        }
        let mut weights: Vec<f64> = costs.iter().map(|cost| cost / mean).collect();
        let squares: f64 = weights.iter().map(|weight| weight.powi(2)).sum();
        let rounded = weights.iter().map(|&weight| weight as f32).collect();
        weights.sort_unstable_by(f64::total_cmp);
        let spread = WeightSpread {
            quantiles: QUANTILES.map(|share| weights[((tokens - 1) as f64 * share).round() as usize]),
            effective_tokens: (tokens as f64).powi(2) / squares,
            tokens,
            clipped,
        };
        Some(Self { weights: rounded, spread })
    }

    /// Reads the weights in a file of windows; `spread` was stored with them. None if the file has no such weights.
    pub fn from_safetensors(bytes: &[u8], spread: WeightSpread) -> Option<Self> {
        let file = SafeTensors::deserialize(bytes).ok()?;
        let view = file.tensor(WEIGHTS).ok().filter(|view| view.dtype() == Dtype::F32)?;
        let weights: Vec<f32> =
            view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let valid = weights.len() == spread.tokens
            && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        valid.then_some(Self { weights, spread })
    }

    /// The spread of the weights.
    pub fn spread(&self) -> &WeightSpread {
        &self.spread
    }

    /// All weights, [samples, seq_len], row-major.
    pub fn values(&self) -> &[f32] {
        &self.weights
    }
}

impl std::fmt::Display for WeightSpread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [_, low, _, median, _, high, largest] = self.quantiles;
        write!(
            f,
            "token weights: 5 % below {low:.2}, median {median:.2}, 95 % below {high:.2}, largest {largest:.2}; as good as \
             {:.0} of {} equal tokens; {} limited to ten times the median",
            self.effective_tokens, self.tokens, self.clipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Windows;

    #[test]
    fn weights_have_the_mean_1_and_the_proportions_of_the_costs() {
        let weights = TokenWeights::of_costs(&[1.0, 2.0, 3.0, 2.0]).unwrap();
        assert_eq!(weights.values(), [0.5, 1.0, 1.5, 1.0]);
        let spread = weights.spread();
        assert_eq!((spread.quantiles[0], spread.quantiles[6], spread.clipped), (0.5, 1.5, 0));
        assert!((spread.effective_tokens - 16.0 / 4.5).abs() < 1e-12);
        assert_eq!(TokenWeights::of_costs(&[3.0; 5]).unwrap().spread().effective_tokens, 5.0);
    }

    #[test]
    fn the_weights_of_a_part_have_the_mean_1() {
        let weights = TokenWeights::of_costs(&[1.0, 3.0, 6.0, 2.0]).unwrap();
        assert_eq!(weights.part(0..2).unwrap().values(), [0.5, 1.5]);
        assert_eq!(TokenWeights::of_costs(&[0.0, 0.0, 1.0]).unwrap().part(0..2), None);
        assert_eq!(weights.part(2..5), None, "there are four tokens");
    }

    #[test]
    fn weights_are_read_back_from_the_file_of_their_windows() {
        let windows = Windows::new(vec![1, 2, 3, 4], 2, 2).unwrap();
        let weights = TokenWeights::of_costs(&[0.5, 0.0, 1.0, 2.0]).unwrap();
        let bytes = windows.to_safetensors_with(&weights);
        assert_eq!(Windows::from_safetensors(&bytes).unwrap(), windows);
        assert_eq!(TokenWeights::from_safetensors(&bytes, weights.spread().clone()), Some(weights.clone()));
        assert_eq!(TokenWeights::from_safetensors(&windows.to_safetensors(), weights.spread().clone()), None);
    }

    #[test]
    fn large_costs_are_limited_to_ten_times_the_median() {
        let weights = TokenWeights::of_costs(&[1.0, 1.0, 1.0, 1e6]).unwrap();
        assert_eq!(weights.values()[3], 10.0 * weights.values()[0]);
        assert_eq!(weights.spread().clipped, 1);
        assert!(weights.spread().to_string().contains("1 limited to ten times the median"));
        // Most costs are 0, so the mean stands in for the median.
        assert_eq!(TokenWeights::of_costs(&[0.0, 0.0, 0.0, 1.0]).unwrap().values(), [0.0, 0.0, 0.0, 4.0]);
        for costs in [&[][..], &[0.0, 0.0], &[f64::NAN, 1.0], &[-1.0, 5.0]] {
            assert!(TokenWeights::of_costs(costs).is_none(), "{costs:?}");
        }
    }
}
