//! A block with fewer heads or channels, and with new output biases.

use candle_core::Tensor;
use candle_nn::Linear;

use super::{
    super::{Error, LayerSize, Result, attention::Attention, kept, mlp::Mlp},
    Block,
};

impl Block {
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
