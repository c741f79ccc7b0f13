//! Gradients of the weights of a block. None is computed unless it was asked for.

use candle_core::{D, Tensor};
use candle_nn::Linear;

use super::super::super::{
    Result,
    embedding_and_head::scaled,
    vector_jacobian::{factor, wide},
};

/// A weight of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockWeight {
    /// The matrix of a projection, [outputs, inputs].
    Matrix(Projection),
    /// The bias of a projection, `[outputs]`.
    Bias(Projection),
    /// The norm of the attention's input, `[hidden]`.
    BeforeAttention,
    /// The norm of the attention's output, `[hidden]`.
    AfterAttention,
    /// The norm of the FFN's input, `[hidden]`.
    BeforeMlp,
    /// The norm of the FFN's output, `[hidden]`.
    AfterMlp,
    /// The norm of the queries: `[head_dim]`, or `[heads·head_dim]`.
    QueryNorm,
    /// The norm of the keys: `[head_dim]`, or `[kv_heads·head_dim]`.
    KeyNorm,
}

/// A projection of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Projection {
    /// `q_proj`
    Query,
    /// `k_proj`
    Key,
    /// `v_proj`
    Value,
    /// `o_proj`
    Output,
    /// `gate_proj`
    Gate,
    /// `up_proj`
    Up,
    /// `down_proj`
    Down,
}

/// The weights that were asked for, each with its gradient: f32, in the shape of the weight.
pub type WeightGradients = Vec<(BlockWeight, Tensor)>;

/// The weights that were asked for, and the gradients found so far.
pub struct Wanted<'w> {
    weights: &'w [BlockWeight],
    pub found: WeightGradients,
}

impl<'w> Wanted<'w> {
    pub fn of(weights: &'w [BlockWeight]) -> Self {
        Self { weights, found: Vec::new() }
    }

    fn asks(&self, weight: BlockWeight) -> bool {
        self.weights.contains(&weight)
    }

    /// Whether the matrix of any of these projections was asked for, or its bias.
    pub fn any_of<const N: usize>(&self, projections: [Projection; N]) -> bool {
        let asked = |projection| {
            self.asks(BlockWeight::Matrix(projection)) || self.asks(BlockWeight::Bias(projection))
        };
        projections.into_iter().any(asked)
    }

    /// A projection with the input x: [batch, t, inputs], from the gradient at its output: [batch, t, outputs].
    pub fn projection(
        &mut self,
        projection: Projection,
        linear: &Linear,
        x: &Tensor,
        at: &Tensor,
    ) -> Result<()> {
        let (matrix, bias) = (BlockWeight::Matrix(projection), BlockWeight::Bias(projection));
        if self.asks(matrix) {
            let (x, at) = (wide(x)?.flatten_to(1)?, at.flatten_to(1)?);
            self.found.push((matrix, at.t()?.matmul(&x)?));
        }
        if linear.bias().is_some() && self.asks(bias) {
            self.found.push((bias, at.flatten_to(1)?.sum(0)?));
        }
        Ok(())
    }

    /// A norm with the input x: [.., width], whose output is multiplied by `residual`.
    pub fn norm(
        &mut self,
        which: BlockWeight,
        x: Option<(&Tensor, &Tensor)>,
        eps: f32,
        residual: f64,
        at: &Tensor,
    ) -> Result<()> {
        let Some((x, _)) = x.filter(|_| self.asks(which)) else { return Ok(()) };
        let x = wide(x)?;
        let normed = x.broadcast_mul(&factor(&x, eps)?)?;
        let width = x.dim(D::Minus1)?;
        let by_token = (normed * scaled(at.clone(), residual)?)?.reshape(((), width))?;
        self.found.push((which, by_token.sum(0)?));
        Ok(())
    }
}
