//! Rotary positions: tables of cosines and sines, with the scalings for longer contexts.

use std::f32::consts::TAU;

use candle_core::{DType, Device, Tensor};

use super::{Error, Result, RopeScaling, RopeSettings};

/// cos, sin: [positions, head_dim/2].
#[derive(Clone, Debug)]
pub struct Rope {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// Tables for positions 0 to `positions` − 1.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        settings: &RopeSettings,
        head_dim: usize,
        positions: usize,
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        Self::turning(&frequencies(settings, head_dim), positions, device, dtype)
    }

    /// Like [`Rope::new`], for pairs that rotate by `frequencies[i]` radians per position.
    ///
    /// # Errors
    /// If the device fails.
    pub fn turning(frequencies: &[f32], positions: usize, device: &Device, dtype: DType) -> Result<Self> {
        // Computed in f32, as in training: at far positions, models depend on the rounding of f32.
        let angles: Vec<f32> = (0..positions)
            .flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency))
            .collect();
        let table = |turn: fn(f32) -> f32| -> Result<Tensor> {
            let values = angles.iter().map(|&angle| turn(angle)).collect();
            Ok(Tensor::from_vec(values, (positions, frequencies.len()), device)?.to_dtype(dtype)?)
        };
        Ok(Self { cos: table(f32::cos)?, sin: table(f32::sin)? })
    }

    /// Number of positions in the tables.
    pub fn positions(&self) -> usize {
        self.cos.dims()[0]
    }

    /// The number type of the tables, and of the tensors they rotate.
    pub fn dtype(&self) -> DType {
        self.cos.dtype()
    }

    /// Rotates x: [batch, t, heads, head_dim], contiguous, whose first token is at position `offset`.
    ///
    /// # Errors
    /// If the sequence exceeds the tables.
    pub fn turn(&self, x: &Tensor, offset: usize) -> Result<Tensor> {
        let (_, t, _, _) = x.dims4()?;
        if offset + t > self.positions() {
            return Err(Error::Positions { asked: offset + t, have: self.positions() });
        }
        let (cos, sin) = (self.cos.narrow(0, offset, t)?, self.sin.narrow(0, offset, t)?);
        Ok(candle_nn::rotary_emb::rope_thd(x, &cos, &sin)?)
    }
}

/// Rotation in radians per position, for each of the head_dim/2 pairs.
pub fn frequencies(settings: &RopeSettings, head_dim: usize) -> Vec<f32> {
    let theta = settings.theta as f32;
    (0..head_dim)
        .step_by(2)
        .map(|i| 1.0 / theta.powf(i as f32 / head_dim as f32))
        .map(|frequency| match settings.scaling {
            RopeScaling::None => frequency,
            RopeScaling::Linear { factor } => frequency / factor as f32,
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_positions } => {
                let (low, high) = (low_freq_factor as f32, high_freq_factor as f32);
                let turns = original_positions as f32 * frequency / TAU;
                // 0 for waves with fewer than `low` turns in the original context, 1 for waves with more than
                // `high` turns.
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                kept * frequency + (1.0 - kept) * frequency / factor as f32
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(scaling: RopeScaling) -> RopeSettings {
        RopeSettings { theta: 5e5, scaling }
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
        let plain = frequencies(&settings(RopeScaling::None), 128);
        let scaled = frequencies(&settings(scaling), 128);
        assert_eq!(scaled[0], plain[0]);
        assert_eq!(scaled[63], plain[63] / 8.0);
        let between = plain
            .iter()
            .zip(&scaled)
            .filter(|(plain, scaled)| **scaled < **plain && **scaled > **plain / 8.0);
        assert!(between.count() > 0);
    }

    #[test]
    fn a_sequence_beyond_the_tables_is_an_error() {
        let rope = Rope::new(&settings(RopeScaling::None), 4, 8, &Device::Cpu, DType::F32).unwrap();
        let x = Tensor::zeros((1, 5, 1, 4), DType::F32, &Device::Cpu).unwrap();
        assert!(rope.turn(&x, 3).is_ok());
        assert!(matches!(rope.turn(&x, 4), Err(Error::Positions { asked: 9, have: 8 })));
    }
}
