//! A decoder block on the processor: its parts, and the whole block in two passes over the tokens.

mod backward;

pub use backward::PartBackward;

use candle_core::{Result, Tensor};
use candle_nn::Linear;
use rayon::prelude::*;

use super::super::{Rope, attention::Attention, attention_mask::Scoring, mlp::Mlp};
use super::{
    Values, Weight,
    attention::{Heads, Strided, attend},
    buffers::Buffer,
    elementwise::{Gate, add_scaled, add_scaled_in_place, gated, rms_norm, rms_norm_in_place, rotate},
};

/// Tokens per task: enough that packing a weight takes little of the time of its product.
pub const TOKENS: usize = 512;

/// The weights of a block, borrowed from its tensors.
pub struct BlockOnProcessor<'b> {
    /// None if the block has no attention.
    pub attention: Option<AttentionWeights<'b>>,
    /// None if the block has no FFN.
    pub mlp: Option<MlpWeights<'b>>,
}

/// Norms around a part, and the factor of its output.
pub struct Around<'b> {
    pub before: Option<Values<'b>>,
    pub after: Option<Values<'b>>,
    pub eps: f32,
    pub factor: f32,
}

/// The attention of a block.
pub struct AttentionWeights<'b> {
    around: Around<'b>,
    q: Weight<'b>,
    k: Weight<'b>,
    v: Weight<'b>,
    o: Weight<'b>,
    qk_norm: Option<(Values<'b>, Values<'b>)>,
    sizes: Heads,
    rotated: bool,
    scoring: Scoring,
    norm_eps: f32,
}

/// The feed-forward network of a block.
pub struct MlpWeights<'b> {
    around: Around<'b>,
    gate: Weight<'b>,
    up: Weight<'b>,
    down: Weight<'b>,
    act: Gate,
}

/// The shape of hidden states: windows of `t` tokens.
#[derive(Clone, Copy)]
pub struct Shape {
    pub windows: usize,
    pub t: usize,
    pub hidden: usize,
}

/// Queries, keys and values: [windows, t, heads, head_dim].
struct Projected {
    q: Buffer,
    k: Buffer,
    v: Buffer,
}

impl<'b> Weight<'b> {
    fn of(linear: &'b Linear) -> Result<Self> {
        let (outputs, inputs) = linear.weight().dims2()?;
        let bias = linear.bias().map(Values::of).transpose()?;
        Ok(Self { values: Values::of(linear.weight())?, bias, outputs, inputs })
    }
}

impl Shape {
    /// h: [windows, t, hidden]
    pub fn of(h: &Tensor) -> Result<Self> {
        let (windows, t, hidden) = h.dims3()?;
        Ok(Self { windows, t, hidden })
    }

    fn tokens(self) -> usize {
        self.windows * self.t
    }

    /// Tokens per task: whole windows, or equal parts of one.
    fn per_task(self) -> (usize, usize) {
        if self.t <= TOKENS {
            let together = TOKENS / self.t * self.t;
            (together, together)
        } else {
            (self.t, self.t.div_ceil(self.t.div_ceil(TOKENS)))
        }
    }

    /// Calls `task` with the first token and the numbers of each stretch of tokens; out: [tokens, width].
    fn tasks(self, out: &mut [f32], width: usize, task: impl Fn(usize, &mut [f32]) + Sync) {
        let (outer, inner) = self.per_task();
        out.par_chunks_mut(outer * width).enumerate().for_each(|(stretch, out)| {
            out.par_chunks_mut(inner * width).enumerate().for_each(|(part, out)| {
                task(stretch * outer + part * inner, out);
            });
        });
    }
}

impl<'b> AttentionWeights<'b> {
    /// The weights of an attention in f32 on the processor.
    pub fn of(attention: &'b Attention, around: Around<'b>) -> Result<Self> {
        let Attention { heads, kv_heads, head_dim, rotated, scoring, norm_eps, .. } = *attention;
        let qk_norm = match &attention.qk_norm {
            Some((q, k)) => Some((Values::of(q)?, Values::of(k)?)),
            None => None,
        };
        Ok(Self {
            around,
            q: Weight::of(&attention.q_proj)?,
            k: Weight::of(&attention.k_proj)?,
            v: Weight::of(&attention.v_proj)?,
            o: Weight::of(&attention.o_proj)?,
            qk_norm,
            sizes: Heads { heads, kv_heads, head_dim },
            rotated,
            scoring,
            norm_eps,
        })
    }

    /// h: [windows, t, hidden] → a: [windows, t, heads·head_dim], the input of `o_proj`.
    pub fn contexts(&self, h: &[f32], shape: Shape, rope: &Rope) -> super::super::Result<Vec<f32>> {
        let projected = self.projected(h, shape, rope)?;
        let mut out = vec![0.0; shape.tokens() * self.o.inputs];
        shape.tasks(&mut out, self.o.inputs, |first, out| self.attended(&projected, shape, first, out));
        Ok(out)
    }

    /// Queries, keys and values of all tokens, with their positions.
    fn projected(&self, h: &[f32], shape: Shape, rope: &Rope) -> super::super::Result<Projected> {
        let Shape { t, hidden, .. } = shape;
        let table = match self.rotated {
            true => Some(rope.rotation(0, t, self.scoring.mask.window.is_some())?),
            false => None,
        };
        let table = table
            .as_ref()
            .map(|(cos, sin)| Ok::<_, candle_core::Error>((Values::of(cos)?, Values::of(sin)?)));
        let table = table.transpose()?;
        let buffer = |weight: &Weight<'_>| Buffer::of(shape.tokens() * weight.outputs);
        let mut projected = Projected { q: buffer(&self.q), k: buffer(&self.k), v: buffer(&self.v) };
        let (_, inner) = shape.per_task();
        let Projected { q, k, v } = &mut projected;
        // Parts of windows, so that equal tokens of a window alone and in a batch belong to equal tasks.
        let outputs = q
            .par_chunks_mut(inner * self.q.outputs)
            .zip(k.par_chunks_mut(inner * self.k.outputs))
            .zip(v.par_chunks_mut(inner * self.v.outputs));
        let norms = self.qk_norm.as_ref().map(|(q, k)| (&**q, &**k)).unzip();
        let turn = |x: &mut [f32], width: usize, first: usize, norm: Option<&[f32]>| {
            if let Some(norm) = norm {
                rms_norm_in_place(x, norm, self.norm_eps);
            }
            let Some((cos, sin)) = &table else { return };
            let half = cos.len() / t;
            for (token, x) in x.chunks_exact_mut(width).enumerate() {
                let position = (first + token) % t * half;
                rotate(x, self.sizes.head_dim, &cos[position..][..half], &sin[position..][..half]);
            }
        };
        outputs.zip(h.par_chunks(inner * hidden)).enumerate().for_each(|(task, (((q, k), v), h))| {
            let first = task * inner;
            self.around.normed(h, |x| {
                self.q.forward(x, q);
                self.k.forward(x, k);
                self.v.forward(x, v);
            });
            turn(q, self.q.outputs, first, norms.0);
            turn(k, self.k.outputs, first, norms.1);
        });
        Ok(projected)
    }

    /// The contexts of consecutive tokens, of whole windows or a part of one: out [tokens, heads·head_dim].
    fn attended(&self, projected: &Projected, Shape { t, .. }: Shape, first: usize, out: &mut [f32]) {
        let Heads { heads, kv_heads, head_dim } = self.sizes;
        let strided = |values, heads| Strided::of_tokens(values, t, heads, head_dim);
        let inputs =
            [strided(&projected.q, heads), strided(&projected.k, kv_heads), strided(&projected.v, kv_heads)];
        let width = self.o.inputs;
        out.par_chunks_mut(t * width).enumerate().for_each(|(window, out)| {
            let place = (first / t + window, first % t, 0);
            attend(inputs, self.sizes, self.scoring, place, out);
        });
    }

    /// h ← h + the part's output, for its input a: [tokens, heads·head_dim].
    fn add(&self, a: &[f32], h: &mut [f32]) {
        self.around.add(&self.o, a, h);
    }

    /// The hidden states after the part, from its input a.
    pub fn after(&self, h: &[f32], a: &[f32], shape: Shape) -> Vec<f32> {
        self.around.after(&self.o, h, a, shape)
    }
}

impl<'b> MlpWeights<'b> {
    /// The weights of an FFN in f32 on the processor.
    pub fn of(mlp: &'b Mlp, around: Around<'b>) -> Result<Self> {
        Ok(Self {
            around,
            gate: Weight::of(&mlp.gate_proj)?,
            up: Weight::of(&mlp.up_proj)?,
            down: Weight::of(&mlp.down_proj)?,
            act: mlp.gate(),
        })
    }

    /// h: [windows, t, hidden] → f: [windows, t, channels], the input of `down_proj`.
    pub fn activations(&self, h: &[f32], shape: Shape) -> Vec<f32> {
        let channels = self.down.inputs;
        let mut out = vec![0.0; shape.tokens() * channels];
        shape.tasks(&mut out, channels, |first, out| {
            let tokens = out.len() / channels;
            self.activated(&h[first * shape.hidden..][..tokens * shape.hidden], out);
        });
        out
    }

    fn activated(&self, h: &[f32], out: &mut [f32]) {
        self.around.normed(h, |x| {
            let mut up = Buffer::of(out.len());
            self.gate.forward(x, out);
            self.up.forward(x, &mut up);
            gated(self.act, out, &up);
        });
    }

    /// The hidden states after the part, from its input f.
    pub fn after(&self, h: &[f32], f: &[f32], shape: Shape) -> Vec<f32> {
        self.around.after(&self.down, h, f, shape)
    }
}

impl Around<'_> {
    /// Calls `then` with the normalised hidden states.
    fn normed(&self, h: &[f32], then: impl FnOnce(&[f32])) {
        match &self.before {
            None => then(h),
            Some(norm) => {
                let mut normed = Buffer::of(h.len());
                rms_norm(h, norm, self.eps, &mut normed);
                then(&normed);
            }
        }
    }

    /// h ← h + factor · norm(W x).
    fn add(&self, weight: &Weight<'_>, x: &[f32], h: &mut [f32]) {
        let y = self.output(weight, x, h.len());
        add_scaled_in_place(h, &y, self.factor);
    }

    fn output(&self, weight: &Weight<'_>, x: &[f32], length: usize) -> Buffer {
        let mut y = Buffer::of(length);
        weight.forward(x, &mut y);
        if let Some(norm) = &self.after {
            rms_norm_in_place(&mut y, norm, self.eps);
        }
        y
    }

    fn after(&self, weight: &Weight<'_>, h: &[f32], x: &[f32], shape: Shape) -> Vec<f32> {
        let (hidden, width) = (shape.hidden, weight.inputs);
        let mut out = vec![0.0; h.len()];
        shape.tasks(&mut out, hidden, |first, out| {
            let tokens = out.len() / hidden;
            let y = self.output(weight, &x[first * width..][..tokens * width], out.len());
            add_scaled(&h[first * hidden..][..out.len()], &y, self.factor, out);
        });
        out
    }
}

impl BlockOnProcessor<'_> {
    /// h: [windows, t, hidden] → the output of the block. Queries, keys and values of all tokens come first; then a task computes
    /// everything else for its tokens.
    pub fn forward(&self, h: &[f32], shape: Shape, rope: &Rope) -> super::super::Result<Vec<f32>> {
        let hidden = shape.hidden;
        let projected = match &self.attention {
            Some(attention) => Some((attention, attention.projected(h, shape, rope)?)),
            None => None,
        };
        let mut out = vec![0.0; h.len()];
        shape.tasks(&mut out, hidden, |first, out| {
            let tokens = out.len() / hidden;
            out.copy_from_slice(&h[first * hidden..][..out.len()]);
            if let Some((attention, projected)) = &projected {
                let mut a = Buffer::of(tokens * attention.o.inputs);
                attention.attended(projected, shape, first, &mut a);
                attention.add(&a, out);
            }
            if let Some(mlp) = &self.mlp {
                let mut f = Buffer::of(tokens * mlp.down.inputs);
                mlp.activated(out, &mut f);
                mlp.around.add(&mlp.down, &f, out);
            }
        });
        Ok(out)
    }
}
