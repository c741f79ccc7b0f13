//! The gated feed-forward network of a decoder block.

use candle_core::{Module, Tensor};
use candle_nn::Linear;

use super::{Activation, Result, processor::Gate};

#[derive(Clone, Debug)]
pub(super) struct Mlp {
    /// weight: [channels, hidden]
    pub gate_proj: Linear,
    /// weight: [channels, hidden]
    pub up_proj: Linear,
    /// weight: [hidden, channels]
    pub down_proj: Linear,
    pub act: Activation,
}

impl Mlp {
    /// x: [batch, t, hidden] → act(gate(x)) ⊙ up(x): [batch, t, channels], the input of `down_proj`.
    pub fn activation(&self, x: &Tensor) -> Result<Tensor> {
        self.gated(&self.gate_proj.forward(x)?, &self.up_proj.forward(x)?)
    }

    /// act(gate) ⊙ up.
    pub fn gated(&self, gate: &Tensor, up: &Tensor) -> Result<Tensor> {
        match self.act {
            Activation::Silu => Ok((gate.silu()? * up)?),
            Activation::GeluTanh => Ok((gate.gelu()? * up)?),
        }
    }

    pub fn gate(&self) -> Gate {
        match self.act {
            Activation::Silu => Gate::Silu,
            Activation::GeluTanh => Gate::GeluTanh,
        }
    }

    pub fn channels(&self) -> usize {
        self.gate_proj.weight().dims()[0]
    }
}
