//! One decoder block, divided into the parts before and after each pruned weight.

use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::{Linear, ops::rms_norm};

use super::{
    Architecture, Error, Form, KvCache, LayerSize, Result, Rope, Tensors,
    attention::Attention,
    attention_mask::{AttentionMask, Scoring},
    embedding_and_head::{norm_weight, scaled},
    kept, layout,
    layout::{BlockNorms, Slot},
    mlp::Mlp,
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
        self.attention.context(&self.normed(h, self.norms.before_attention.as_ref())?, rope, None)
    }

    /// a: [batch, t, heads·head_dim] → [batch, t, hidden], to be added to h; zeros without attention.
    ///
    /// # Errors
    /// If the device fails.
    pub fn attention_output(&self, a: &Tensor) -> Result<Tensor> {
        if !self.size().has_attention() {
            return zeros(a, self.o_proj());
        }
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
        self.mlp.activation(&self.normed(h, self.norms.before_mlp.as_ref())?)
    }

    /// f: [batch, t, channels] → [batch, t, hidden], to be added to h; zeros without FFN.
    ///
    /// # Errors
    /// If the device fails.
    pub fn mlp_output(&self, f: &Tensor) -> Result<Tensor> {
        if !self.size().has_mlp() {
            return zeros(f, self.down_proj());
        }
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
            h = (&h + self.attention_output(&self.attention.context(&normed, rope, cache)?)?)?;
        }
        if self.size().has_mlp() {
            h = (&h + self.mlp_output(&self.mlp_activation(&h)?)?)?;
        }
        Ok(h)
    }

    /// Keeps these query and key-value heads (ascending), with a new `o_proj` [hidden, kept·head_dim].
    ///
    /// # Errors
    /// If indices are empty, not ascending or too large; if the kept key-value heads do not all have the same
    /// number of kept query heads; or if `o_proj` has a wrong shape.
    pub fn keep_heads(&mut self, query_heads: &[usize], kv_heads: &[usize], o_proj: Tensor) -> Result<()> {
        let attention = &mut self.attention;
        let size = LayerSize { heads: attention.heads, kv_heads: attention.kv_heads, channels: 0 };
        kept::check_heads(self.layer, size, query_heads, kv_heads)?;
        let (hidden, head_dim) = (attention.o_proj.weight().dims()[0], attention.head_dim);
        let o_proj = replacement(
            self.layer,
            "o_proj",
            attention.o_proj.weight(),
            o_proj,
            [hidden, query_heads.len() * head_dim],
        )?;

        let (query_rows, kv_rows) =
            (kept::rows_of_heads(query_heads, head_dim), kept::rows_of_heads(kv_heads, head_dim));
        let (q_proj, k_proj, v_proj) = (
            keep_rows(&attention.q_proj, &query_rows)?,
            keep_rows(&attention.k_proj, &kv_rows)?,
            keep_rows(&attention.v_proj, &kv_rows)?,
        );
        let o_proj = Linear::new(o_proj, attention.o_proj.bias().cloned());
        let qk_norm = match attention.qk_norm.take() {
            Some((q, k)) if q.elem_count() != head_dim => {
                Some((elements(&q, &query_rows)?, elements(&k, &kv_rows)?))
            }
            norm => norm,
        };
        *attention = Attention {
            qk_norm,
            q_proj,
            k_proj,
            v_proj,
            o_proj,
            heads: query_heads.len(),
            kv_heads: kv_heads.len(),
            ..attention.clone()
        };
        Ok(())
    }

    /// Replaces the bias of `o_proj`, `[hidden]`.
    ///
    /// # Errors
    /// If the bias has another length.
    pub fn set_o_bias(&mut self, bias: Tensor) -> Result<()> {
        self.attention.o_proj = biased(self.layer, "o_proj", &self.attention.o_proj, bias)?;
        Ok(())
    }

    /// Replaces the bias of `down_proj`, `[hidden]`.
    ///
    /// # Errors
    /// If the bias has another length.
    pub fn set_down_bias(&mut self, bias: Tensor) -> Result<()> {
        self.mlp.down_proj = biased(self.layer, "down_proj", &self.mlp.down_proj, bias)?;
        Ok(())
    }

    /// Keeps these channels (ascending), with a new `down_proj` [hidden, kept].
    ///
    /// # Errors
    /// If indices are empty, not ascending or too large, or `down_proj` has a wrong shape.
    pub fn keep_channels(&mut self, channels: &[usize], down_proj: Tensor) -> Result<()> {
        kept::check_indices(self.layer, "channels", channels, self.mlp.channels())?;
        let hidden = self.mlp.down_proj.weight().dims()[0];
        let down_proj = replacement(
            self.layer,
            "down_proj",
            self.mlp.down_proj.weight(),
            down_proj,
            [hidden, channels.len()],
        )?;
        self.mlp = Mlp {
            gate_proj: keep_rows(&self.mlp.gate_proj, channels)?,
            up_proj: keep_rows(&self.mlp.up_proj, channels)?,
            down_proj: Linear::new(down_proj, self.mlp.down_proj.bias().cloned()),
            act: self.mlp.act,
        };
        Ok(())
    }
}

/// x: [batch, t, hidden] → [batch, t, 0], the input of a scored weight without columns.
fn without_columns(x: &Tensor) -> Result<Tensor> {
    Ok(x.narrow(D::Minus1, 0, 0)?)
}

/// The product of inputs [batch, t, 0] and a weight [hidden, 0].
fn zeros(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, t, _) = x.dims3()?;
    Ok(Tensor::zeros((batch, t, weight.dims()[0]), x.dtype(), x.device())?)
}

/// The bias, converted to the number type and device of its weight.
fn biased(layer: usize, what: &'static str, linear: &Linear, bias: Tensor) -> Result<Linear> {
    let weight = linear.weight();
    let hidden = weight.dims()[0];
    if bias.elem_count() != hidden {
        let (expected, found) = (format!("a bias of {hidden} numbers"), bias.elem_count().to_string());
        return Err(Error::Kept { layer, what, expected, found });
    }
    let bias = bias.reshape(hidden)?.to_device(weight.device())?.to_dtype(weight.dtype())?;
    Ok(Linear::new(weight.clone(), Some(bias)))
}

fn elements(vector: &Tensor, kept: &[usize]) -> Result<Tensor> {
    let kept: Vec<u32> = kept.iter().map(|&element| element as u32).collect();
    Ok(vector.index_select(&Tensor::new(kept, vector.device())?, 0)?)
}

fn keep_rows(linear: &Linear, rows: &[usize]) -> Result<Linear> {
    let rows: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
    let rows = Tensor::new(rows, linear.weight().device())?;
    let bias = linear.bias().map(|bias| bias.index_select(&rows, 0)).transpose()?;
    Ok(Linear::new(linear.weight().index_select(&rows, 0)?, bias))
}

/// The new weight, converted to the number type and device of the old one.
fn replacement(
    layer: usize,
    what: &'static str,
    old: &Tensor,
    new: Tensor,
    shape: [usize; 2],
) -> Result<Tensor> {
    if new.dims() != shape {
        let (expected, found) = (format!("a weight of shape {shape:?}"), format!("shape {:?}", new.dims()));
        return Err(Error::Kept { layer, what, expected, found });
    }
    Ok(new.to_device(old.device())?.to_dtype(old.dtype())?.contiguous()?)
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
