//! The backward pass of a decoder block: from the gradient at its output to the gradients inside it and at its input.
//!
//! The forward pass of the block is computed again from its input, and its intermediate results are kept until the
//! gradients are known. Gradients are f32 for every number type of the forward pass.

mod attention;
#[cfg(test)]
mod tests;
mod trace;
mod weights;

pub use weights::{BlockWeight, Projection, WeightGradients};

use candle_core::Tensor;

use super::{
    super::{
        Error, Result, Rope,
        processor::{self, Shape, Values},
        vector_jacobian::{after_norm, gate, linear, norm, rotation, wide},
    },
    Block,
};
use trace::BlockTrace;
use weights::Wanted;

/// Gradients of a loss at the places of one block, for a batch of windows and one or several draws of labels.
#[derive(Clone, Debug)]
pub struct BlockGradients {
    /// The attention; None if the block has none.
    pub attention: Option<PartGradients>,
    /// The FFN; None if the block has none.
    pub mlp: Option<PartGradients>,
    /// By draw, ∂loss/∂h of the block's input h: [batch, t, hidden], f32.
    pub input: Vec<Tensor>,
    /// By draw, the gradients of the weights that were asked for.
    pub weights: Vec<WeightGradients>,
}

/// One part of a block. Tokens are those of all windows, one window after another.
#[derive(Clone, Debug)]
pub struct PartGradients {
    /// The inputs x of the scored weight (`o_proj` or `down_proj`): [tokens, columns], in the number type of the forward pass.
    pub inputs: Tensor,
    /// By draw, ∂loss/∂y of the output y = W x + bias of the scored weight, before the norm behind the part, if it has one,
    /// and before the residual: [tokens, hidden], f32.
    pub outputs: Vec<Tensor>,
}

impl Block {
    /// The gradients inside the block for its input h: [batch, t, hidden], whole windows. `outputs` has, by draw, the gradient
    /// at the output of the block: [batch, t, hidden], f32. `weights` lists the weights whose gradients are computed as well;
    /// a weight that the block lacks has none.
    ///
    /// # Errors
    /// If a gradient has another shape, the windows are longer than the rotary tables, or the device fails.
    pub fn gradients(
        &self,
        h: &Tensor,
        rope: &Rope,
        outputs: &[Tensor],
        weights: &[BlockWeight],
    ) -> Result<BlockGradients> {
        if processor::applies(h) && weights.is_empty() {
            return self.gradients_in_tasks(h, rope, outputs);
        }
        let trace = self.trace(h, rope)?;
        let part = |inputs: Option<&Tensor>| {
            let inputs = inputs.map(|x| x.flatten_to(1)).transpose()?;
            Ok::<_, Error>(inputs.map(|inputs| PartGradients { inputs, outputs: Vec::new() }))
        };
        let (attention, mlp) = (part(trace.attention_inputs())?, part(trace.mlp_inputs())?);
        let mut found = BlockGradients { attention, mlp, input: Vec::new(), weights: Vec::new() };
        for output in outputs {
            let places = trace.gradients(output, weights)?;
            let parts =
                [(&mut found.attention, places.attention_output), (&mut found.mlp, places.mlp_output)];
            for (part, output) in parts {
                if let Some((part, output)) = part.as_mut().zip(output) {
                    part.outputs.push(output.flatten_to(1)?);
                }
            }
            found.input.push(places.input);
            found.weights.push(places.weights);
        }
        Ok(found)
    }

    /// [`Block::gradients`] on the processor in f32.
    fn gradients_in_tasks(&self, h: &Tensor, rope: &Rope, outputs: &[Tensor]) -> Result<BlockGradients> {
        let (h, shape) = (h.contiguous()?, Shape::of(h)?);
        let outputs: Vec<Tensor> =
            outputs.iter().map(Tensor::contiguous).collect::<candle_core::Result<_>>()?;
        let at = outputs.iter().map(Values::of).collect::<candle_core::Result<Vec<_>>>()?;
        let at: Vec<&[f32]> = at.iter().map(|at| &**at).collect();
        if let Some(output) = outputs.iter().find(|output| output.shape() != h.shape()) {
            let (expected, found) = (h.shape(), output.shape());
            let message = format!("expected gradients of shape {expected:?}, found {found:?}");
            return Err(candle_core::Error::Msg(message).into());
        }
        let found = self.on_processor()?.backward(&Values::of(&h)?, &at, shape, rope)?;
        let rows = |x: Vec<f32>| Tensor::from_vec(x, (shape.windows * shape.t, ()), h.device());
        let part = |part: processor::PartBackward| {
            let outputs = part.outputs.into_iter().map(rows).collect::<candle_core::Result<_>>()?;
            Ok::<_, Error>(PartGradients { inputs: rows(part.inputs)?, outputs })
        };
        let input = |x: Vec<f32>| Tensor::from_vec(x, h.shape(), h.device());
        Ok(BlockGradients {
            attention: found.attention.map(part).transpose()?,
            mlp: found.mlp.map(part).transpose()?,
            input: found.input.into_iter().map(input).collect::<candle_core::Result<_>>()?,
            weights: vec![Vec::new(); outputs.len()],
        })
    }
}

/// The gradients of one draw, f32.
struct Places {
    attention_output: Option<Tensor>,
    mlp_output: Option<Tensor>,
    input: Tensor,
    weights: WeightGradients,
}

impl BlockTrace<'_> {
    /// The gradients inside the block, from that at its output: [batch, t, hidden].
    fn gradients(&self, output: &Tensor, weights: &[BlockWeight]) -> Result<Places> {
        let mut wanted = Wanted::of(weights);
        let (mlp_output, between) = self.through_mlp(output, &mut wanted)?;
        let (attention_output, input) = self.through_attention(&between, &mut wanted)?;
        Ok(Places { attention_output, mlp_output, input, weights: wanted.found })
    }

    /// The gradients at the output of `down_proj` and at the input of the FFN, from that at the output of the block.
    fn through_mlp(&self, output: &Tensor, wanted: &mut Wanted<'_>) -> Result<(Option<Tensor>, Tensor)> {
        let Some(trace) = &self.mlp else { return Ok((None, output.clone())) };
        let Block { mlp, norms, norm_eps: eps, residual, .. } = self.block;
        let y = trace.output.as_ref().zip(norms.after_mlp.as_ref());
        let at_output = after_norm(y, *eps, *residual, output)?;
        wanted.norm(BlockWeight::AfterMlp, y, *eps, *residual, output)?;
        wanted.projection(Projection::Down, &mlp.down_proj, &trace.input, &at_output)?;

        let at_inputs = linear(&at_output, mlp.down_proj.weight())?;
        let (at_gate, at_up) = gate(mlp.act, [&trace.gate, &trace.up], &at_inputs)?;
        let at_normed = (linear(&at_gate, mlp.gate_proj.weight())? + linear(&at_up, mlp.up_proj.weight())?)?;
        if wanted.any_of([Projection::Gate, Projection::Up]) {
            let normed = self.block.normed(&self.between, norms.before_mlp.as_ref())?;
            wanted.projection(Projection::Gate, &mlp.gate_proj, &normed, &at_gate)?;
            wanted.projection(Projection::Up, &mlp.up_proj, &normed, &at_up)?;
        }
        let x = norms.before_mlp.as_ref().map(|norm| (&self.between, norm));
        wanted.norm(BlockWeight::BeforeMlp, x, *eps, 1.0, &at_normed)?;
        let at_input = match &norms.before_mlp {
            Some(weight) => norm(&self.between, weight, *eps, &at_normed)?,
            None => at_normed,
        };
        Ok((Some(at_output), (output + at_input)?))
    }

    /// The gradients at the output of `o_proj` and at the input of the block, from that between the parts.
    fn through_attention(
        &self,
        between: &Tensor,
        wanted: &mut Wanted<'_>,
    ) -> Result<(Option<Tensor>, Tensor)> {
        let Some(trace) = &self.attention else { return Ok((None, between.clone())) };
        let Block { attention, norms, norm_eps: eps, residual, .. } = self.block;
        let y = trace.output.as_ref().zip(norms.after_attention.as_ref());
        let at_output = after_norm(y, *eps, *residual, between)?;
        wanted.norm(BlockWeight::AfterAttention, y, *eps, *residual, between)?;
        wanted.projection(Projection::Output, &attention.o_proj, &trace.input, &at_output)?;

        let at_context = linear(&at_output, attention.o_proj.weight())?;
        let at_rotated = attention::gradients(attention.scoring, trace, &at_context)?;
        let [at_q, at_k, at_v] = self.before_rotation(trace, at_rotated, wanted)?;
        let at_normed = ((linear(&at_q, attention.q_proj.weight())?
            + linear(&at_k, attention.k_proj.weight())?)?
            + linear(&at_v, attention.v_proj.weight())?)?;
        if wanted.any_of([Projection::Query, Projection::Key, Projection::Value]) {
            let normed = self.block.normed(&self.input, norms.before_attention.as_ref())?;
            wanted.projection(Projection::Query, &attention.q_proj, &normed, &at_q)?;
            wanted.projection(Projection::Key, &attention.k_proj, &normed, &at_k)?;
            wanted.projection(Projection::Value, &attention.v_proj, &normed, &at_v)?;
        }
        let x = norms.before_attention.as_ref().map(|norm| (&self.input, norm));
        wanted.norm(BlockWeight::BeforeAttention, x, *eps, 1.0, &at_normed)?;
        let at_input = match &norms.before_attention {
            Some(weight) => norm(&self.input, weight, *eps, &at_normed)?,
            None => at_normed,
        };
        Ok((Some(at_output), (between + at_input)?))
    }

    /// The gradients at the outputs of the projections q, k and v, [batch, t, heads·head_dim] each, from those behind the
    /// rotary embedding, [batch, t, heads, head_dim].
    fn before_rotation(
        &self,
        trace: &trace::AttentionTrace,
        [at_q, at_k, at_v]: [Tensor; 3],
        wanted: &mut Wanted<'_>,
    ) -> Result<[Tensor; 3]> {
        let attention = &self.block.attention;
        let back = |at: Tensor| match &trace.rotation {
            Some((cos, sin)) => rotation(&at, cos, sin),
            None => Ok(at),
        };
        let (mut at_q, mut at_k) = (back(at_q)?, back(at_k)?);
        if let (Some((q_norm, k_norm)), Some((q, k))) = (&attention.qk_norm, &trace.before_norm) {
            let mut through = |which, x: &Tensor, weight: &Tensor, at: Tensor| {
                let shape = at.dims().to_vec();
                // One norm for each head, or one for all of them.
                let rows = |x: &Tensor| x.reshape(((), weight.elem_count()));
                let (x, at) = (rows(x)?, rows(&at)?);
                wanted.norm(which, Some((&x, weight)), attention.norm_eps, 1.0, &at)?;
                Ok::<_, Error>(norm(&x, weight, attention.norm_eps, &at)?.reshape(shape)?)
            };
            at_q = through(BlockWeight::QueryNorm, q, q_norm, at_q)?;
            at_k = through(BlockWeight::KeyNorm, k, k_norm, at_k)?;
        }
        Ok([at_q.flatten_from(2)?, at_k.flatten_from(2)?, wide(&at_v)?.flatten_from(2)?])
    }
}
