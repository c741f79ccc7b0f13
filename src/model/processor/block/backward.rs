//! The backward pass of a block, from its input and the gradients at its output.
//!
//! Queries, keys and values of all tokens come first. Then a task computes its tokens forward to the input of `down_proj` and
//! back to the contexts. The attention goes back head by head, and tasks compute the rest.

use std::ops::Range;

use faer::{Accum, MatMut, MatRef};
use rayon::prelude::*;

use super::{
    super::{
        super::{Result, Rope},
        Weight,
        attention::{AtProjected, Strided, attend_backward},
        buffers::Buffer,
        elementwise::{add_scaled_in_place, gated, rms_norm_in_place, rotate, slopes},
    },
    Around, AttentionWeights, BlockOnProcessor, MlpWeights, Projected, Shape, Values,
};
use crate::product::multiply;

/// Inputs and gradients of one part.
pub struct PartBackward {
    /// The input of the scored weight: [tokens, columns].
    pub inputs: Vec<f32>,
    /// By draw, the gradient at the output of the scored weight: [tokens, hidden].
    pub outputs: Vec<Vec<f32>>,
}

/// The gradients of one block.
pub struct BlockBackward {
    pub attention: Option<PartBackward>,
    pub mlp: Option<PartBackward>,
    /// By draw, the gradient at the input of the block: [tokens, hidden].
    pub input: Vec<Vec<f32>>,
}

/// The results of one task.
struct Task<'t> {
    tokens: Range<usize>,
    /// Inputs of `o_proj` and `down_proj`; empty if the part is absent.
    a: &'t mut [f32],
    f: &'t mut [f32],
    draws: Vec<OfDraw<'t>>,
}

/// Gradients of one draw.
struct OfDraw<'t> {
    /// At the output of the block.
    at: &'t [f32],
    /// At the outputs of `o_proj` and `down_proj`, and at the input of the former.
    attention_output: &'t mut [f32],
    mlp_output: &'t mut [f32],
    context: &'t mut [f32],
    /// At the hidden states between the parts.
    between: &'t mut [f32],
}

impl Shape {
    /// The tokens of each task.
    pub fn stretches(self) -> Vec<Range<usize>> {
        let (outer, inner) = self.per_task();
        let tokens = self.tokens();
        let parts = |first: usize| {
            let end = (first + outer).min(tokens);
            (first..end).step_by(inner).map(move |first| first..(first + inner).min(end))
        };
        (0..tokens).step_by(outer).flat_map(parts).collect()
    }

    /// The rows of each task: x [tokens, width].
    pub fn split<T>(self, mut x: &mut [T], width: usize) -> Vec<&mut [T]> {
        let part = |tokens: Range<usize>| {
            let (part, rest) = std::mem::take(&mut x).split_at_mut(tokens.len() * width);
            x = rest;
            part
        };
        self.stretches().into_iter().map(part).collect()
    }
}

impl Weight<'_> {
    /// out ← at W, or out ← out + at W: at [tokens, outputs], out [tokens, inputs].
    fn backward(&self, at: &[f32], add: Accum, out: &mut [f32]) {
        let tokens = at.len() / self.outputs;
        let at = MatRef::from_row_major_slice(at, tokens, self.outputs);
        let weight = MatRef::from_row_major_slice(&self.values, self.outputs, self.inputs);
        let out = MatMut::from_row_major_slice_mut(out, tokens, self.inputs);
        multiply(out.transpose_mut(), add, weight.transpose(), at.transpose(), 1.0);
    }
}

impl Around<'_> {
    /// y: the output of the part's weight, if a norm follows it; `at` is the gradient at the hidden states after the part.
    fn at_output(&self, y: Option<&[f32]>, at: &[f32], out: &mut [f32]) {
        match (y, &self.after) {
            (Some(y), Some(norm)) => {
                out.fill(0.0);
                slopes::add_rms_norm(y, norm, self.eps, at, out);
                if self.factor != 1.0 {
                    out.iter_mut().for_each(|out| *out *= self.factor);
                }
            }
            (_, Some(_) | None) => out.iter_mut().zip(at).for_each(|(out, at)| *out = self.factor * at),
        }
    }

    /// out ← out + the gradient at h, from that at the normalised hidden states.
    fn add_at_input(&self, h: &[f32], at: &[f32], out: &mut [f32]) {
        match &self.before {
            Some(norm) => slopes::add_rms_norm(h, norm, self.eps, at, out),
            None => out.iter_mut().zip(at).for_each(|(out, at)| *out += at),
        }
    }

    /// h ← h + factor · norm(W x). Returns W x if a norm follows it.
    fn add_and_keep(&self, weight: &Weight<'_>, x: &[f32], h: &mut [f32]) -> Option<Buffer> {
        let mut y = Buffer::of(h.len());
        weight.forward(x, &mut y);
        let Some(norm) = &self.after else {
            add_scaled_in_place(h, &y, self.factor);
            return None;
        };
        let mut normed = Buffer::of(h.len());
        normed.copy_from_slice(&y);
        rms_norm_in_place(&mut normed, norm, self.eps);
        add_scaled_in_place(h, &normed, self.factor);
        Some(y)
    }
}

impl BlockOnProcessor<'_> {
    /// The gradients of a block; h: [windows, t, hidden], `at`: by draw, the gradient at its output.
    pub fn backward(&self, h: &[f32], at: &[&[f32]], shape: Shape, rope: &Rope) -> Result<BlockBackward> {
        let hidden = shape.hidden;
        let projected = match &self.attention {
            Some(attention) => Some((attention, attention.projected(h, shape, rope)?)),
            None => None,
        };
        let width = self.attention.as_ref().map_or(0, |attention| attention.o.inputs);
        let channels = self.mlp.as_ref().map_or(0, |mlp| mlp.down.inputs);
        let new = |width: usize| vec![0.0; shape.tokens() * width];
        let by_draw = |width: usize| at.iter().map(|_| new(width)).collect::<Vec<_>>();
        let present = |width: usize| if width > 0 { hidden } else { 0 };
        let (mut a, mut f) = (new(width), new(channels));
        let (mut attention_outputs, mut mlp_outputs) = (by_draw(present(width)), by_draw(present(channels)));
        let mut contexts: Vec<Buffer> = at.iter().map(|_| Buffer::of(shape.tokens() * width)).collect();
        let mut between = by_draw(hidden);

        let inputs = shape.split(&mut a, width).into_iter().zip(shape.split(&mut f, channels));
        let mut tasks: Vec<Task<'_>> = shape
            .stretches()
            .into_iter()
            .zip(inputs)
            .map(|(tokens, (a, f))| Task { tokens, a, f, draws: Vec::with_capacity(at.len()) })
            .collect();
        let draws = at.iter().zip(&mut attention_outputs).zip(&mut mlp_outputs).zip(&mut contexts);
        for ((((at, attention_output), mlp_output), context), between) in draws.zip(&mut between) {
            let split = shape
                .split(attention_output, present(width))
                .into_iter()
                .zip(shape.split(mlp_output, present(channels)))
                .zip(shape.split(context, width))
                .zip(shape.split(between, hidden));
            for (task, (((attention_output, mlp_output), context), between)) in tasks.iter_mut().zip(split) {
                let at = &at[task.tokens.start * hidden..task.tokens.end * hidden];
                task.draws.push(OfDraw { at, attention_output, mlp_output, context, between });
            }
        }
        tasks.into_par_iter().for_each(|task| self.task(h, projected.as_ref(), shape, task));

        if let Some((attention, projected)) = &projected {
            let contexts: Vec<&[f32]> = contexts.iter().map(|at| &**at).collect();
            let at_projected = attention.back(projected, shape, &contexts);
            for (at, between) in at_projected.into_iter().zip(&mut between) {
                attention.add_at_input(h, at, shape, rope, between)?;
            }
        }
        let part = |width, inputs, outputs| (width > 0).then_some(PartBackward { inputs, outputs });
        Ok(BlockBackward {
            attention: part(width, a, attention_outputs),
            mlp: part(channels, f, mlp_outputs),
            input: between,
        })
    }

    /// Forward from the contexts to the input of `down_proj`, and back to the gradient at the contexts.
    fn task(
        &self,
        h: &[f32],
        projected: Option<&(&AttentionWeights<'_>, Projected)>,
        shape: Shape,
        task: Task<'_>,
    ) {
        let Task { tokens, a, f, draws } = task;
        let h = &h[tokens.start * shape.hidden..tokens.end * shape.hidden];
        let mut between = Buffer::of(h.len());
        between.copy_from_slice(h);
        let attention_output = projected.and_then(|(attention, projected)| {
            attention.attended(projected, shape, tokens.start, a);
            attention.around.add_and_keep(&attention.o, a, &mut between)
        });
        let mlp = self.mlp.as_ref().map(|mlp| (mlp, mlp.forward(&between, f)));
        for draw in draws {
            draw.between.copy_from_slice(draw.at);
            if let Some((mlp, forward)) = &mlp {
                mlp.back(&between, forward, draw.at, draw.mlp_output, draw.between);
            }
            if let Some((attention, _)) = projected {
                let y = attention_output.as_deref();
                attention.around.at_output(y, draw.between, draw.attention_output);
                attention.o.backward(draw.attention_output, Accum::Replace, draw.context);
            }
        }
    }
}

/// Intermediate results of an FFN.
struct MlpForward {
    gate: Buffer,
    up: Buffer,
    /// The output of `down_proj`, if a norm follows.
    output: Option<Buffer>,
}

impl MlpWeights<'_> {
    /// f: the input of `down_proj`.
    fn forward(&self, h: &[f32], f: &mut [f32]) -> MlpForward {
        let (mut gate, mut up) = (Buffer::of(f.len()), Buffer::of(f.len()));
        self.around.normed(h, |x| {
            self.gate.forward(x, &mut gate);
            self.up.forward(x, &mut up);
        });
        f.copy_from_slice(&gate);
        gated(self.act, f, &up);
        let output = self.around.after.as_ref().map(|_| {
            let mut y = Buffer::of(h.len());
            self.down.forward(f, &mut y);
            y
        });
        MlpForward { gate, up, output }
    }

    /// out ← out + the gradient at h through the part; `output` ← that at the output of `down_proj`.
    fn back(&self, h: &[f32], forward: &MlpForward, at: &[f32], output: &mut [f32], out: &mut [f32]) {
        self.around.at_output(forward.output.as_deref(), at, output);
        let (mut at_up, mut at_gate) = (Buffer::of(forward.up.len()), Buffer::of(forward.up.len()));
        self.down.backward(output, Accum::Replace, &mut at_up);
        slopes::gated(self.act, [&forward.gate, &forward.up], &mut at_up, &mut at_gate);
        let mut at_normed = Buffer::of(h.len());
        self.gate.backward(&at_gate, Accum::Replace, &mut at_normed);
        self.up.backward(&at_up, Accum::Add, &mut at_normed);
        self.around.add_at_input(h, &at_normed, out);
    }
}

impl AttentionWeights<'_> {
    /// By draw, the gradients at queries, keys and values.
    fn back(&self, projected: &Projected, Shape { t, .. }: Shape, at: &[&[f32]]) -> Vec<AtProjected> {
        let (heads, kv_heads, head_dim) = (self.sizes.heads, self.sizes.kv_heads, self.sizes.head_dim);
        let strided = |values, heads| Strided::of_tokens(values, t, heads, head_dim);
        let inputs =
            [strided(&projected.q, heads), strided(&projected.k, kv_heads), strided(&projected.v, kv_heads)];
        attend_backward(inputs, self.sizes, self.scoring, t, at)
    }

    /// out ← out + the gradient at h: [windows, t, hidden], from those at queries, keys and values.
    fn add_at_input(
        &self,
        h: &[f32],
        mut at: AtProjected,
        shape: Shape,
        rope: &Rope,
        out: &mut [f32],
    ) -> Result<()> {
        let Shape { t, hidden, .. } = shape;
        let table = match self.rotated {
            true => Some(rope.rotation(0, t, self.scoring.mask.window.is_some())?),
            false => None,
        };
        // The transposed rotation is that by the negative angle.
        let table = table.map(|(cos, sin)| Ok::<_, candle_core::Error>((cos, sin.neg()?))).transpose()?;
        let table = table
            .as_ref()
            .map(|(cos, sin)| Ok::<_, candle_core::Error>((Values::of(cos)?, Values::of(sin)?)));
        let table = table.transpose()?;
        let turn_back = |x: &mut [f32], width: usize, first: usize| {
            let Some((cos, sin)) = &table else { return };
            let half = cos.len() / t;
            for (token, x) in x.chunks_exact_mut(width).enumerate() {
                let position = (first + token) % t * half;
                rotate(x, self.sizes.head_dim, &cos[position..][..half], &sin[position..][..half]);
            }
        };
        let (q, k, v) = (
            shape.split(&mut at.q, self.q.outputs),
            shape.split(&mut at.k, self.k.outputs),
            shape.split(&mut at.v, self.v.outputs),
        );
        let tasks: Vec<_> =
            shape.stretches().into_iter().zip(q).zip(k).zip(v).zip(shape.split(out, hidden)).collect();
        tasks.into_par_iter().for_each(|((((tokens, q), k), v), out)| {
            let h = &h[tokens.start * hidden..tokens.end * hidden];
            turn_back(q, self.q.outputs, tokens.start);
            turn_back(k, self.k.outputs, tokens.start);
            if let Some((q_norm, k_norm)) = &self.qk_norm {
                self.around.normed(h, |x| {
                    self.back_through_norm(&self.q, x, q_norm, q);
                    self.back_through_norm(&self.k, x, k_norm, k);
                });
            }
            let mut at_normed = Buffer::of(h.len());
            self.q.backward(q, Accum::Replace, &mut at_normed);
            self.k.backward(k, Accum::Add, &mut at_normed);
            self.v.backward(v, Accum::Add, &mut at_normed);
            self.around.add_at_input(h, &at_normed, out);
        });
        Ok(())
    }

    /// The gradient at the output of a projection with a norm, from that behind the norm, in place. The output is computed
    /// again, which is cheaper than keeping it for all tokens.
    fn back_through_norm(&self, projection: &Weight<'_>, x: &[f32], norm: &[f32], at: &mut [f32]) {
        let mut y = Buffer::of(at.len());
        projection.forward(x, &mut y);
        let mut behind = Buffer::of(at.len());
        behind.copy_from_slice(at);
        at.fill(0.0);
        slopes::add_rms_norm(&y, norm, self.norm_eps, &behind, at);
    }
}
