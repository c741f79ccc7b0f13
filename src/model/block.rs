//! One decoder block, divided into the parts before and after each pruned weight.

mod backward;
mod narrow;
#[cfg(test)]
mod tests;

pub use backward::{BlockGradients, BlockWeight, PartGradients, Projection, WeightGradients};

use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::{Linear, ops::rms_norm};

use super::{
    Architecture, Error, Form, KvCache, LayerSize, Result, Rope, Tensors,
    attention::Attention,
    attention_mask::{AttentionMask, Scoring},
    embedding_and_head::{norm_weight, scaled},
    layout,
    layout::{BlockNorms, Slot},
    mlp::Mlp,
    processor::{self, Around, AttentionWeights, BlockOnProcessor, MlpWeights, Shape, Values},
};

/// A decoder block with its own sizes:
/// h ← h + o_proj(context(norm₁ h)), then h ← h + down_proj(activation(norm₂ h)). Some families also
/// normalise the output of each part, or normalise only the output, or multiply it by a constant.
#[derive(Clone, Debug)]
pub struct Block {
    layer: usize,
    attention: Attention,
    mlp: Mlp,
    norms: PartNorms,
    norm_eps: f32,
    /// The factor of each part's output.
    residual: f64,
}

/// The norms around the parts, [hidden] each.
#[derive(Clone, Debug)]
struct PartNorms {
    before_attention: Option<Tensor>,
    after_attention: Option<Tensor>,
    before_mlp: Option<Tensor>,
    after_mlp: Option<Tensor>,
}

impl Block {
    /// Loads block `layer` onto a device, in the number type of the computation.
    ///
    /// # Errors
    /// If there is no such layer; otherwise as for [`Tensors::tensor`].
    pub fn load(
        weights: &dyn Tensors,
        architecture: &Architecture,
        layer: usize,
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        let Some(&size) = architecture.layers.get(layer) else {
            return Err(Error::NoSuchLayer { layer, last: architecture.layers.len() - 1 });
        };
        let loader = Loader {
            weights,
            prefix: format!("model.layers.{layer}."),
            slots: layout::block(architecture, layer),
            offset_norms: architecture.form.offset_norms,
            device,
            dtype,
        };
        let norm_eps = architecture.norm_eps as f32;
        let Form { multipliers, attention_cap, activation, .. } = architecture.form;
        let Architecture { hidden, head_dim, .. } = *architecture;
        let LayerSize { heads, kv_heads, channels } = size;
        let (queries, keys) = (heads * head_dim, kv_heads * head_dim);
        let attention = Attention {
            q_proj: loader.linear("self_attn.q_proj", [queries, hidden])?,
            k_proj: loader.linear("self_attn.k_proj", [keys, hidden])?,
            v_proj: loader.linear("self_attn.v_proj", [keys, hidden])?,
            o_proj: loader.linear("self_attn.o_proj", [hidden, queries])?,
            qk_norm: loader.norm("self_attn.q_norm")?.zip(loader.norm("self_attn.k_norm")?),
            heads,
            kv_heads,
            head_dim,
            rotated: architecture.positions[layer].rotated,
            scoring: Scoring {
                scale: multipliers
                    .attention
                    .map_or_else(|| (head_dim as f32).powf(-0.5), |scale| scale as f32),
                cap: attention_cap.map(|cap| cap as f32),
                mask: AttentionMask { window: architecture.window(layer) },
            },
            norm_eps,
        };
        let mlp = Mlp {
            gate_proj: loader.linear("mlp.gate_proj", [channels, hidden])?,
            up_proj: loader.linear("mlp.up_proj", [channels, hidden])?,
            down_proj: loader.linear("mlp.down_proj", [hidden, channels])?,
            act: activation,
        };
        let names = BlockNorms::around(architecture.form.norms, size);
        let norm = |name: Option<&str>| name.map_or(Ok(None), |name| loader.norm(name));
        let norms = PartNorms {
            before_attention: norm(names.before_attention)?,
            after_attention: norm(names.after_attention)?,
            before_mlp: norm(names.before_mlp)?,
            after_mlp: norm(names.after_mlp)?,
        };
        Ok(Self { layer, attention, mlp, norms, norm_eps, residual: multipliers.residual })
    }

    /// Index of the layer, from 0.
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// The current sizes.
    pub fn size(&self) -> LayerSize {
        let Attention { heads, kv_heads, .. } = self.attention;
        LayerSize { heads, kv_heads, channels: self.mlp.channels() }
    }

    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.attention.head_dim
    }

    /// [hidden, heads·head_dim]
    pub fn o_proj(&self) -> &Tensor {
        self.attention.o_proj.weight()
    }

    /// `[hidden]`, if `o_proj` has a bias.
    pub fn o_bias(&self) -> Option<&Tensor> {
        self.attention.o_proj.bias()
    }

    /// `[hidden]`, if `down_proj` has a bias.
    pub fn down_bias(&self) -> Option<&Tensor> {
        self.mlp.down_proj.bias()
    }

    /// [hidden, channels]
    pub fn down_proj(&self) -> &Tensor {
        self.mlp.down_proj.weight()
    }

    /// h: [batch, t, hidden] → a: [batch, t, heads·head_dim], the input of `o_proj`; no columns without attention.
    ///
    /// # Errors
    /// If the sequence is longer than the rotary tables, or the device fails.
    pub fn attention_context(&self, h: &Tensor, rope: &Rope) -> Result<Tensor> {
        if !self.size().has_attention() {
            return without_columns(h);
        }
        if processor::applies(h) {
            return computed(h, |h, shape| self.attention_weights()?.contexts(h, shape, rope));
        }
        self.attention.context(&self.normed(h, self.norms.before_attention.as_ref())?, rope, None)
    }

    /// The hidden states after the attention. h: [batch, t, hidden], a: [batch, t, heads·head_dim].
    ///
    /// # Errors
    /// If the device fails.
    pub fn after_attention(&self, h: &Tensor, a: &Tensor) -> Result<Tensor> {
        if !self.size().has_attention() {
            return Ok(h.clone());
        }
        if processor::applies(h) {
            let a = a.contiguous()?;
            let a = Values::of(&a)?;
            return computed(h, |h, shape| Ok(self.attention_weights()?.after(h, &a, shape)));
        }
        Ok((h + self.attention_output(a)?)?)
    }

    /// a: [batch, t, heads·head_dim] → [batch, t, hidden], to be added to h.
    fn attention_output(&self, a: &Tensor) -> Result<Tensor> {
        let y = self.attention.o_proj.forward(a)?;
        scaled(self.normed(&y, self.norms.after_attention.as_ref())?, self.residual)
    }

    /// h: [batch, t, hidden], after the attention → f: [batch, t, channels], the input of `down_proj`; no columns without
    /// FFN.
    ///
    /// # Errors
    /// If the device fails.
    pub fn mlp_activation(&self, h: &Tensor) -> Result<Tensor> {
        if !self.size().has_mlp() {
            return without_columns(h);
        }
        if processor::applies(h) {
            return computed(h, |h, shape| Ok(self.mlp_weights()?.activations(h, shape)));
        }
        self.mlp.activation(&self.normed(h, self.norms.before_mlp.as_ref())?)
    }

    /// The hidden states after the FFN. h: [batch, t, hidden], f: [batch, t, channels].
    ///
    /// # Errors
    /// If the device fails.
    pub fn after_mlp(&self, h: &Tensor, f: &Tensor) -> Result<Tensor> {
        if !self.size().has_mlp() {
            return Ok(h.clone());
        }
        if processor::applies(h) {
            let f = f.contiguous()?;
            let f = Values::of(&f)?;
            return computed(h, |h, shape| Ok(self.mlp_weights()?.after(h, &f, shape)));
        }
        Ok((h + self.mlp_output(f)?)?)
    }

    /// f: [batch, t, channels] → [batch, t, hidden], to be added to h.
    fn mlp_output(&self, f: &Tensor) -> Result<Tensor> {
        let y = self.mlp.down_proj.forward(f)?;
        scaled(self.normed(&y, self.norms.after_mlp.as_ref())?, self.residual)
    }

    /// The factor of each part's output; None if a norm follows the part.
    pub fn residual_factor(&self) -> Option<f64> {
        let PartNorms { after_attention, after_mlp, .. } = &self.norms;
        (after_attention.is_none() && after_mlp.is_none()).then_some(self.residual)
    }

    /// Whether removing heads leaves the contexts of the kept heads unchanged.
    pub fn heads_are_independent(&self) -> bool {
        let norm = self.attention.qk_norm.as_ref();
        norm.is_none_or(|(q, _)| q.elem_count() == self.attention.head_dim)
    }

    /// x: [batch, t, hidden], normalised if the block has this norm.
    fn normed(&self, x: &Tensor, norm: Option<&Tensor>) -> Result<Tensor> {
        Ok(match norm {
            Some(norm) => rms_norm(x, norm, self.norm_eps)?,
            None => x.clone(),
        })
    }

    /// Computes the whole block; h: [batch, t, hidden] → [batch, t, hidden].
    ///
    /// # Errors
    /// As for [`Block::attention_context`].
    pub fn forward(&self, h: &Tensor, rope: &Rope) -> Result<Tensor> {
        if processor::applies(h) {
            let block = self.on_processor()?;
            return computed(h, |h, shape| block.forward(h, shape, rope));
        }
        self.run(h, rope, None)
    }

    /// Like [`Block::forward`], for the next tokens of a sequence whose start is in the cache.
    ///
    /// # Errors
    /// As for [`Block::attention_context`].
    pub fn forward_cached(&self, h: &Tensor, rope: &Rope, cache: &mut KvCache) -> Result<Tensor> {
        self.run(h, rope, Some(cache))
    }

    fn run(&self, h: &Tensor, rope: &Rope, cache: Option<&mut KvCache>) -> Result<Tensor> {
        let mut h = h.clone();
        if self.size().has_attention() {
            let normed = self.normed(&h, self.norms.before_attention.as_ref())?;
            h = self.after_attention(&h, &self.attention.context(&normed, rope, cache)?)?;
        }
        self.after_mlp(&h, &self.mlp_activation(&h)?)
    }

    fn on_processor(&self) -> Result<BlockOnProcessor<'_>> {
        let attention = self.size().has_attention().then(|| self.attention_weights()).transpose()?;
        let mlp = self.size().has_mlp().then(|| self.mlp_weights()).transpose()?;
        Ok(BlockOnProcessor { attention, mlp })
    }

    fn attention_weights(&self) -> Result<AttentionWeights<'_>> {
        let PartNorms { before_attention, after_attention, .. } = &self.norms;
        Ok(AttentionWeights::of(&self.attention, self.around(before_attention, after_attention)?)?)
    }

    fn mlp_weights(&self) -> Result<MlpWeights<'_>> {
        let PartNorms { before_mlp, after_mlp, .. } = &self.norms;
        Ok(MlpWeights::of(&self.mlp, self.around(before_mlp, after_mlp)?)?)
    }

    fn around<'b>(&self, before: &'b Option<Tensor>, after: &'b Option<Tensor>) -> Result<Around<'b>> {
        let values = |norm: &'b Option<Tensor>| norm.as_ref().map(Values::of).transpose();
        let (before, after) = (values(before)?, values(after)?);
        Ok(Around { before, after, eps: self.norm_eps, factor: self.residual as f32 })
    }
}

/// x: [batch, t, hidden] → [batch, t, 0], the input of a scored weight without columns.
fn without_columns(x: &Tensor) -> Result<Tensor> {
    Ok(x.narrow(D::Minus1, 0, 0)?)
}

/// The inputs x [batch, t, n] of a weight, reduced to these columns (u32).
///
/// # Errors
/// If the device fails.
///
/// # Panics
/// If a column does not exist.
pub fn select_columns(x: &Tensor, columns: &Tensor) -> Result<Tensor> {
    if !processor::applies(x) || columns.elem_count() == 0 {
        return Ok(x.index_select(columns, 2)?);
    }
    let ((batch, t, width), x, columns) = (x.dims3()?, x.contiguous()?, columns.to_vec1::<u32>()?);
    let selected = processor::columns_of(&Values::of(&x)?, width, &columns);
    Ok(Tensor::from_vec(selected, (batch, t, columns.len()), x.device())?)
}

/// The result [batch, t, width] of a computation from h: [batch, t, hidden].
fn computed(h: &Tensor, compute: impl FnOnce(&[f32], Shape) -> Result<Vec<f32>>) -> Result<Tensor> {
    let (shape, numbers) = (Shape::of(h)?, h.contiguous()?);
    let result = compute(&Values::of(&numbers)?, shape)?;
    Ok(Tensor::from_vec(result, (shape.windows, shape.t, ()), h.device())?)
}

struct Loader<'a> {
    weights: &'a dyn Tensors,
    prefix: String,
    slots: Vec<Slot>,
    offset_norms: bool,
    device: &'a Device,
    dtype: DType,
}

impl Loader<'_> {
    /// A projection with a weight of this shape; that of an absent part has no elements.
    fn linear(&self, name: &str, shape: [usize; 2]) -> Result<Linear> {
        let weight = match self.optional(&format!("{name}.weight"))? {
            Some(weight) => weight,
            None => Tensor::zeros(&shape, self.dtype, self.device)?,
        };
        Ok(Linear::new(weight, self.optional(&format!("{name}.bias"))?))
    }

    /// The weight of a norm; None if the architecture does not have it.
    fn norm(&self, name: &str) -> Result<Option<Tensor>> {
        let Some(slot) = self.slot(&format!("{name}.weight")) else { return Ok(None) };
        let form = (slot.shape[0], self.offset_norms);
        norm_weight(self.weights, &slot.name, form, self.device, self.dtype).map(Some)
    }

    fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name.strip_prefix(&self.prefix) == Some(name))
    }

    /// An optional tensor; None if the architecture does not have it.
    fn optional(&self, name: &str) -> Result<Option<Tensor>> {
        self.slot(name)
            .map(|slot| self.weights.tensor(&slot.name, &slot.shape, self.device, self.dtype))
            .transpose()
    }
}
