//! The intermediate results of a block's forward pass that its backward pass needs.

use candle_core::{Module, Tensor};

use super::super::{
    super::{Result, Rope, attend::attend},
    Block,
};

/// One block with its input and its intermediate results for a batch of windows.
#[derive(Clone, Debug)]
pub(super) struct BlockTrace<'b> {
    pub(super) block: &'b Block,
    /// h: [batch, t, hidden]
    pub(super) input: Tensor,
    /// The hidden states between the parts, [batch, t, hidden].
    pub(super) between: Tensor,
    pub(super) attention: Option<AttentionTrace>,
    pub(super) mlp: Option<MlpTrace>,
}

#[derive(Clone, Debug)]
pub(super) struct AttentionTrace {
    /// Queries and keys before their norms, if the block has these: [batch, t, heads, head_dim].
    pub before_norm: Option<(Tensor, Tensor)>,
    /// Queries, keys and values as they enter the scores: [batch, t, heads, head_dim].
    pub q: Tensor,
    pub k: Tensor,
    pub v: Tensor,
    /// Cosines and sines of the rotary embedding, [t, rotated/2]; None if the layer does not rotate.
    pub rotation: Option<(Tensor, Tensor)>,
    /// The input of `o_proj`: [batch, t, heads·head_dim].
    pub input: Tensor,
    /// The output of `o_proj`, if a norm follows: [batch, t, hidden].
    pub output: Option<Tensor>,
}

#[derive(Clone, Debug)]
pub(super) struct MlpTrace {
    /// [batch, t, channels], before the activation.
    pub gate: Tensor,
    /// [batch, t, channels]
    pub up: Tensor,
    /// The input of `down_proj`: [batch, t, channels].
    pub input: Tensor,
    /// The output of `down_proj`, if a norm follows: [batch, t, hidden].
    pub output: Option<Tensor>,
}

impl Block {
    /// Computes the block and keeps what [`BlockTrace::gradients`] needs. h: [batch, t, hidden], whole windows.
    ///
    /// # Errors
    /// As for [`Block::attention_context`].
    pub(super) fn trace(&self, h: &Tensor, rope: &Rope) -> Result<BlockTrace<'_>> {
        let h = h.contiguous()?;
        let attention = self.size().has_attention().then(|| self.trace_attention(&h, rope)).transpose()?;
        let between = match &attention {
            Some(trace) => self.after_attention(&h, &trace.input)?,
            None => h.clone(),
        };
        let mlp = self.size().has_mlp().then(|| self.trace_mlp(&between)).transpose()?;
        Ok(BlockTrace { block: self, input: h, between, attention, mlp })
    }

    fn trace_attention(&self, h: &Tensor, rope: &Rope) -> Result<AttentionTrace> {
        let attention = &self.attention;
        let x = self.normed(h, self.norms.before_attention.as_ref())?;
        let (_, t, _) = x.dims3()?;
        let windowed = attention.scoring.mask.window.is_some();
        let rotation = attention.rotated.then(|| rope.rotation(0, t, windowed)).transpose()?;
        let turn = |x: Tensor| if attention.rotated { rope.turn(&x, 0, windowed) } else { Ok(x) };
        let (q_norm, k_norm) = attention.qk_norm.as_ref().map(|(q, k)| (q, k)).unzip();
        let (q, k) = (attention.q_proj.forward(&x)?, attention.k_proj.forward(&x)?);
        let before_norm = match q_norm {
            Some(_) => Some((
                attention.split(&q, attention.heads, None)?,
                attention.split(&k, attention.kv_heads, None)?,
            )),
            None => None,
        };
        let q = turn(attention.split(&q, attention.heads, q_norm)?)?;
        let k = turn(attention.split(&k, attention.kv_heads, k_norm)?)?;
        let v = attention.split(&attention.v_proj.forward(&x)?, attention.kv_heads, None)?;
        let input =
            attend(&q.transpose(1, 2)?, &k.transpose(1, 2)?, &v.transpose(1, 2)?, 0, attention.scoring)?;
        let output = match self.norms.after_attention {
            Some(_) => Some(attention.o_proj.forward(&input)?),
            None => None,
        };
        Ok(AttentionTrace { before_norm, q, k, v, rotation, input, output })
    }

    fn trace_mlp(&self, between: &Tensor) -> Result<MlpTrace> {
        let x = self.normed(between, self.norms.before_mlp.as_ref())?;
        let (gate, up) = (self.mlp.gate_proj.forward(&x)?, self.mlp.up_proj.forward(&x)?);
        let input = self.mlp.gated(&gate, &up)?;
        let output = match self.norms.after_mlp {
            Some(_) => Some(self.mlp.down_proj.forward(&input)?),
            None => None,
        };
        Ok(MlpTrace { gate, up, input, output })
    }
}

impl BlockTrace<'_> {
    /// The input of `o_proj`: [batch, t, heads·head_dim]; None without attention.
    pub fn attention_inputs(&self) -> Option<&Tensor> {
        self.attention.as_ref().map(|trace| &trace.input)
    }

    /// The input of `down_proj`: [batch, t, channels]; None without FFN.
    pub fn mlp_inputs(&self) -> Option<&Tensor> {
        self.mlp.as_ref().map(|trace| &trace.input)
    }
}
