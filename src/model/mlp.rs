//! The gated feed-forward network of a decoder block.

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::Linear;

use super::{Activation, Result, in_place::Gated};

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
        let (gate, up) = (self.gate_proj.forward(x)?, self.up_proj.forward(x)?);
        match (self.act, gate.device(), gate.dtype()) {
            (Activation::Silu, Device::Cpu, DType::F32) => {
                gate.inplace_op2(&up, &Gated)?;
                Ok(gate)
            }
            (Activation::Silu, _, _) => Ok((gate.silu()? * up)?),
            (Activation::GeluTanh, _, _) => Ok((gate.gelu()? * up)?),
        }
    }

    pub fn channels(&self) -> usize {
        self.gate_proj.weight().dims()[0]
    }
}
