//! The gated feed-forward part of a decoder block.

use candle_core::{Module, Tensor};
use candle_nn::Linear;

use super::Result;

#[derive(Clone, Debug)]
pub(super) struct Mlp {
    /// weight: [channels, hidden]
    pub gate_proj: Linear,
    /// weight: [channels, hidden]
    pub up_proj: Linear,
    /// weight: [hidden, channels]
    pub down_proj: Linear,
}

impl Mlp {
    /// x: [batch, t, hidden] → silu(gate(x)) ⊙ up(x): [batch, t, channels], the input of `down_proj`.
    pub fn activation(&self, x: &Tensor) -> Result<Tensor> {
        Ok((self.gate_proj.forward(x)?.silu()? * self.up_proj.forward(x)?)?)
    }

    pub fn channels(&self) -> usize {
        self.gate_proj.weight().dims()[0]
    }
}
