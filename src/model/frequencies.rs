//! The frequencies of the rotary embedding and their scaling for longer contexts.

use std::f32::consts::TAU;

use serde::Serialize;

/// Rotary positions: frequencies theta^(−2i/d) for the d rotated elements of a head, then scaled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RopeSettings {
    /// The base of the frequencies.
    pub theta: f64,
    /// The scaling of the frequencies.
    pub scaling: RopeScaling,
    /// The fraction of a head's elements that are rotated, from its beginning.
    pub partial: f64,
}

/// How the rotary frequencies are scaled to extend the context.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum RopeScaling {
    /// Not scaled.
    None,
    /// All frequencies divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// The base grows with the length of sequences longer than the model's context. No sequence is longer, so this scales
    /// nothing.
    Dynamic {
        /// The maximum length relative to the context.
        factor: f64,
    },
    /// Divides the frequencies of long waves by `factor`, keeps those of short waves, and interpolates between them (Llama 3.1).
    Llama3 {
        /// The divisor of long waves.
        factor: f64,
        /// Long waves turn fewer times than this in the original context.
        low_freq_factor: f64,
        /// Short waves turn more times than this in the original context.
        high_freq_factor: f64,
        /// The original context length.
        original_positions: usize,
    },
    /// As in Llama 3.1, but interpolated over the index of the frequency. Queries and keys are scaled too (arXiv 2309.00071).
    Yarn {
        /// The divisor of long waves.
        factor: f64,
        /// The factor of rotated queries and keys.
        attention_factor: f64,
        /// Short waves turn more times than this in the original context.
        beta_fast: f64,
        /// Long waves turn fewer times than this in the original context.
        beta_slow: f64,
        /// The original context length.
        original_positions: usize,
        /// Whether the ends of the interpolation are rounded to whole indices.
        truncate: bool,
    },
    /// A divisor for every frequency, in one set for the original context and one for longer sequences (arXiv 2402.13753).
    LongRope {
        /// Divisors up to the original context length, one for each frequency.
        short: Vec<f64>,
        /// Divisors for longer sequences.
        long: Vec<f64>,
        /// The factor of rotated queries and keys.
        attention_factor: f64,
        /// The original context length.
        original_positions: usize,
    },
}

impl RopeSettings {
    /// These frequencies, for whole heads.
    pub fn new(theta: f64, scaling: RopeScaling) -> Self {
        Self { theta, scaling, partial: 1.0 }
    }

    /// The rotated elements of a head.
    pub fn rotated(&self, head_dim: usize) -> usize {
        (head_dim as f64 * self.partial) as usize
    }

    /// The factor of rotated queries and keys.
    pub fn attention_factor(&self) -> f64 {
        match self.scaling {
            RopeScaling::Yarn { attention_factor, .. } | RopeScaling::LongRope { attention_factor, .. } => {
                attention_factor
            }
            RopeScaling::None
            | RopeScaling::Linear { .. }
            | RopeScaling::Dynamic { .. }
            | RopeScaling::Llama3 { .. } => 1.0,
        }
    }

    /// The length above which all positions of a sequence have other frequencies.
    pub fn changes_above(&self) -> Option<usize> {
        match self.scaling {
            RopeScaling::LongRope { original_positions, .. } => Some(original_positions),
            RopeScaling::None
            | RopeScaling::Linear { .. }
            | RopeScaling::Dynamic { .. }
            | RopeScaling::Llama3 { .. }
            | RopeScaling::Yarn { .. } => None,
        }
    }
}

/// Radians per position, for each rotated pair of a head, in a sequence of at most the original context.
pub fn frequencies(settings: &RopeSettings, head_dim: usize) -> Vec<f32> {
    frequencies_at(settings, head_dim, 1)
}

/// Radians per position, for each rotated pair of a head, in a sequence of `length` tokens.
pub fn frequencies_at(settings: &RopeSettings, head_dim: usize, length: usize) -> Vec<f32> {
    let theta = settings.theta as f32;
    let rotated = settings.rotated(head_dim);
    let plain = (0..rotated).step_by(2).map(|i| theta.powf(i as f32 / rotated as f32));
    match &settings.scaling {
        RopeScaling::None | RopeScaling::Dynamic { .. } => plain.map(f32::recip).collect(),
        RopeScaling::Linear { factor } => plain.map(|wave| wave.recip() / *factor as f32).collect(),
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_positions } => {
            let (low, high) = (*low_freq_factor as f32, *high_freq_factor as f32);
            let scaled = |wave: f32| {
                let frequency = wave.recip();
                let turns = *original_positions as f32 * frequency / TAU;
                // 0 for waves that turn less than `low` times in the original context, 1 above `high` times.
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                kept * frequency + (1.0 - kept) * frequency / *factor as f32
            };
            plain.map(scaled).collect()
        }
        RopeScaling::Yarn { factor, beta_fast, beta_slow, original_positions, truncate, .. } => {
            // The index of the frequency that turns this many times in the original context.
            let index = |turns: f64| {
                let context = *original_positions as f64 / (turns * std::f64::consts::TAU);
                rotated as f64 * context.ln() / (2.0 * settings.theta.ln())
            };
            let (low, high) = (index(*beta_fast), index(*beta_slow));
            let (low, high) = if *truncate { (low.floor(), high.ceil()) } else { (low, high) };
            let (low, high) = (low.max(0.0), high.min(rotated as f64 - 1.0));
            let high = if low == high { high + 0.001 } else { high };
            let scaled = |(i, wave): (usize, f32)| {
                let long = ((i as f32 - low as f32) / (high - low) as f32).clamp(0.0, 1.0);
                (*factor as f32 * wave).recip() * long + wave.recip() * (1.0 - long)
            };
            plain.enumerate().map(scaled).collect()
        }
        RopeScaling::LongRope { short, long, original_positions, .. } => {
            let divisors = if length > *original_positions { long } else { short };
            plain.zip(divisors).map(|(wave, divisor)| (*divisor as f32 * wave).recip()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(scaling: RopeScaling) -> RopeSettings {
        RopeSettings::new(5e5, scaling)
    }

    #[test]
    fn linear_scaling_slows_all_waves() {
        let plain = frequencies(&settings(RopeScaling::None), 16);
        let slow = frequencies(&settings(RopeScaling::Linear { factor: 4.0 }), 16);
        assert!(plain.iter().zip(&slow).all(|(plain, slow)| *slow == plain / 4.0));
    }

    #[test]
    fn llama3_scaling_keeps_short_waves_and_slows_long_ones() {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_positions: 8192,
        };
        slows_long_waves(scaling, 1e-6);
    }

    #[test]
    fn yarn_keeps_short_waves_and_slows_long_ones() {
        let scaling = RopeScaling::Yarn {
            factor: 8.0,
            attention_factor: 1.2,
            beta_fast: 32.0,
            beta_slow: 1.0,
            original_positions: 8192,
            truncate: true,
        };
        slows_long_waves(scaling, 1e-6);
    }

    fn slows_long_waves(scaling: RopeScaling, tolerance: f32) {
        let plain = frequencies(&settings(RopeScaling::None), 128);
        let scaled = frequencies(&settings(scaling), 128);
        assert_eq!(scaled[0], plain[0]);
        assert!((scaled[63] / (plain[63] / 8.0) - 1.0).abs() < tolerance);
        let between = plain
            .iter()
            .zip(&scaled)
            .filter(|(plain, scaled)| **scaled < **plain && **scaled > **plain / 8.0);
        assert!(between.count() > 0);
    }

    #[test]
    fn long_sequences_have_divisors_of_their_own() {
        let scaling = RopeScaling::LongRope {
            short: vec![1.0, 2.0],
            long: vec![3.0, 4.0],
            attention_factor: 1.0,
            original_positions: 10,
        };
        let (plain, settings) = (frequencies(&settings(RopeScaling::None), 4), settings(scaling));
        for (length, divisors) in [(10, [1.0, 2.0]), (11, [3.0, 4.0])] {
            for (i, frequency) in frequencies_at(&settings, 4, length).into_iter().enumerate() {
                assert!((frequency * divisors[i] / plain[i] - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn only_the_rotated_part_of_a_head_has_frequencies() {
        let part = RopeSettings { partial: 0.5, ..settings(RopeScaling::None) };
        assert_eq!(frequencies(&part, 16), frequencies(&settings(RopeScaling::None), 8));
    }
}
