//! Vector-Jacobian products of the operations of a decoder, on whole tensors. `at` is the gradient at the result.

use candle_core::{D, DType, Tensor};

use super::{Activation, Result, embedding_and_head::scaled};

/// √(2/π)
const ROOT: f64 = 0.797_884_560_802_865_4;
/// The coefficient of x³ in the tanh approximation of GELU.
const CUBIC: f64 = 0.044_715;

/// f32 numbers, in which all gradients are computed.
pub fn wide(x: &Tensor) -> Result<Tensor> {
    Ok(x.to_dtype(DType::F32)?.contiguous()?)
}

/// y = W x: at [.., outputs], weight [outputs, inputs] → [.., inputs].
pub fn linear(at: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let shape = at.dims();
    let (outputs, inputs) = weight.dims2()?;
    let result = at.reshape(((), outputs))?.matmul(&weight.to_dtype(DType::F32)?)?;
    let mut shape = shape.to_vec();
    shape.pop();
    shape.push(inputs);
    Ok(result.reshape(shape)?)
}

/// y = x · r ⊙ weight with r = 1/√(mean(x²) + eps): x, at [.., width], weight [width] →
/// r · (weight ⊙ at) − x · r³/width · Σ weight ⊙ at ⊙ x.
pub fn norm(x: &Tensor, weight: &Tensor, eps: f32, at: &Tensor) -> Result<Tensor> {
    let (x, weight) = (wide(x)?, wide(weight)?);
    let width = x.dim(D::Minus1)? as f64;
    let r = factor(&x, eps)?;
    let at = at.broadcast_mul(&weight)?;
    let along = ((&at * &x)?.sum_keepdim(D::Minus1)? * (1.0 / width))?;
    let along = along.broadcast_mul(&r.powf(3.0)?)?;
    Ok((at.broadcast_mul(&r)? - x.broadcast_mul(&along)?)?)
}

/// 1/√(mean(x²) + eps) of each row: [.., 1].
pub fn factor(x: &Tensor, eps: f32) -> Result<Tensor> {
    let width = x.dim(D::Minus1)? as f64;
    let mean = (x.sqr()?.sum_keepdim(D::Minus1)? / width)?;
    Ok((mean + f64::from(eps))?.sqrt()?.recip()?)
}

/// The output of a part: y → residual · norm(y), or residual · y. `y` has the norm's input and weight.
pub fn after_norm(y: Option<(&Tensor, &Tensor)>, eps: f32, residual: f64, at: &Tensor) -> Result<Tensor> {
    let at = scaled(at.clone(), residual)?;
    match y {
        Some((y, weight)) => norm(y, weight, eps, &at),
        None => Ok(at),
    }
}

/// f = act(gate) ⊙ up: the gradients at gate and up.
pub fn gate(act: Activation, [gate, up]: [&Tensor; 2], at: &Tensor) -> Result<(Tensor, Tensor)> {
    let (gate, up) = (wide(gate)?, wide(up)?);
    let (value, slope) = match act {
        Activation::Silu => {
            let sigmoid = ((gate.neg()?.exp()? + 1.0)?).recip()?;
            // σ(x) (1 + x (1 − σ(x)))
            let slope = (&sigmoid * ((&gate * (1.0 - &sigmoid)?)? + 1.0)?)?;
            ((&gate * &sigmoid)?, slope)
        }
        Activation::GeluTanh => {
            let square = gate.sqr()?;
            let inner = ((&gate * ((&square * CUBIC)? + 1.0)?)? * ROOT)?;
            let tanh = inner.tanh()?;
            let half = ((&tanh + 1.0)? * 0.5)?;
            // (1 + tanh u)/2 + x/2 (1 − tanh² u) u′
            let inner_slope = (((square * (3.0 * CUBIC))? + 1.0)? * (0.5 * ROOT))?;
            let slope = (&half + ((&gate * (1.0 - tanh.sqr()?)?)? * inner_slope)?)?;
            ((&gate * half)?, slope)
        }
    };
    Ok(((at * (up * slope)?)?, (at * value)?))
}

/// The rotary embedding: at [batch, t, heads, head_dim], cos, sin [t, rotated/2]. The transposed rotation.
pub fn rotation(at: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (_, t, _, head_dim) = at.dims4()?;
    let half = cos.dim(1)?;
    let table = |x: &Tensor| -> Result<Tensor> { Ok(wide(x)?.reshape((1, t, 1, half))?) };
    let (cos, sin) = (table(cos)?, table(sin)?);
    let (first, second) = (at.narrow(D::Minus1, 0, half)?, at.narrow(D::Minus1, half, half)?);
    let rest = at.narrow(D::Minus1, 2 * half, head_dim - 2 * half)?;
    let back_first = (first.broadcast_mul(&cos)? + second.broadcast_mul(&sin)?)?;
    let back_second = (second.broadcast_mul(&cos)? - first.broadcast_mul(&sin)?)?;
    Ok(Tensor::cat(&[back_first, back_second, rest], D::Minus1)?)
}
