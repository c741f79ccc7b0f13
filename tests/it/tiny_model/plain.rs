//! The forward pass by its formulas, one token and one head at a time, in f64.

use slimgpt::model::{Activation, Architecture, Form, Norms, QkNorm, RopeScaling};

use super::Tensors;

/// The logits after each token, `[tokens][vocab]`. Rotary positions are unscaled or linear.
pub fn logits(architecture: &Architecture, tensors: &Tensors, tokens: &[u32]) -> Vec<Vec<f64>> {
    let model = Model { architecture, tensors };
    let Form { multipliers, logits_cap, .. } = architecture.form;
    let embedded = |&id: &u32| {
        let row = model.row("model.embed_tokens.weight", id as usize);
        row.iter().map(|x| x * multipliers.embedding).collect()
    };
    let mut h: Vec<Vec<f64>> = tokens.iter().map(embedded).collect();
    for layer in 0..architecture.layers.len() {
        model.block(layer, &mut h);
    }
    let head = if architecture.tied { "model.embed_tokens" } else { "lm_head" };
    let logits = |h: &Vec<f64>| {
        let logits = model.linear(head, &model.norm("model.norm.weight", h));
        logits.iter().map(|logit| capped(logit / multipliers.logits_divisor, logits_cap)).collect()
    };
    h.iter().map(logits).collect()
}

struct Model<'a> {
    architecture: &'a Architecture,
    tensors: &'a Tensors,
}

impl Model<'_> {
    fn block(&self, layer: usize, h: &mut [Vec<f64>]) {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let (size, head_dim) = (self.architecture.layers[layer], self.architecture.head_dim);
        let Form { multipliers, attention_cap, norms, qk_norm, .. } = self.architecture.form;
        let (input, attention) = ("input_layernorm.weight", "post_attention_layernorm.weight");
        let (pre, post) = ("pre_feedforward_layernorm.weight", "post_feedforward_layernorm.weight");
        let around = match norms {
            Norms::Before => [Some(input), None, Some(attention), None],
            Norms::After => [None, Some(attention), None, Some(post)],
            Norms::Both => [Some(input), Some(attention), Some(pre), Some(post)],
        };
        let normed =
            |norm: Option<&str>, x: &[f64]| norm.map_or(x.to_vec(), |norm| self.norm(&name(norm), x));
        let contribute = |h: &mut [f64], y: Vec<f64>, norm: Option<&str>| {
            let y: Vec<f64> = normed(norm, &y).iter().map(|y| y * multipliers.residual).collect();
            add(h, &y);
        };
        let x: Vec<_> = h.iter().map(|h| normed(around[0], h)).collect();
        let heads = |part: &str, norm: &str, turned: bool| -> Vec<Vec<Vec<f64>>> {
            let split = |(position, x): (usize, &Vec<f64>)| {
                let y = self.linear(&name(part), x);
                let whole = turned && qk_norm == QkNorm::Projections;
                let y = if whole { self.norm(&name(norm), &y) } else { y };
                let heads = y.chunks(head_dim).map(|head| {
                    let normed = turned && qk_norm == QkNorm::Heads;
                    let head = if normed { self.norm(&name(norm), head) } else { head.to_vec() };
                    if turned { self.turn(&head, position, layer) } else { head }
                });
                heads.collect()
            };
            x.iter().enumerate().map(split).collect()
        };
        let q = heads("self_attn.q_proj", "self_attn.q_norm.weight", true);
        let k = heads("self_attn.k_proj", "self_attn.k_norm.weight", true);
        let v = heads("self_attn.v_proj", "", false);
        let scale = multipliers.attention.unwrap_or(1.0 / (head_dim as f64).sqrt());

        for (i, h) in h.iter_mut().enumerate() {
            let seen =
                (0..=i).filter(|j| self.architecture.window(layer).is_none_or(|window| j + window > i));
            let seen: Vec<usize> = seen.collect();
            let mut context = Vec::new();
            for (head, query) in q[i].iter().enumerate() {
                let kv = head / size.group();
                let score = |&j: &usize| capped(scale * dot(query, &k[j][kv]), attention_cap).exp();
                let scores: Vec<f64> = seen.iter().map(score).collect();
                let total: f64 = scores.iter().sum();
                let mix = |d: usize| {
                    seen.iter().zip(&scores).map(|(&j, score)| score / total * v[j][kv][d]).sum::<f64>()
                };
                context.extend((0..head_dim).map(mix));
            }
            contribute(h, self.linear(&name("self_attn.o_proj"), &context), around[1]);
            let x = normed(around[2], h);
            let (gate, up) = (self.linear(&name("mlp.gate_proj"), &x), self.linear(&name("mlp.up_proj"), &x));
            let f: Vec<f64> = gate.iter().zip(&up).map(|(&gate, up)| self.activation(gate) * up).collect();
            contribute(h, self.linear(&name("mlp.down_proj"), &f), around[3]);
        }
    }

    fn activation(&self, x: f64) -> f64 {
        match self.architecture.form.activation {
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::GeluTanh => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
        }
    }

    fn row(&self, name: &str, row: usize) -> Vec<f64> {
        let (shape, values) = &self.tensors[name];
        values[row * shape[1]..(row + 1) * shape[1]].iter().map(|&value| value.into()).collect()
    }

    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let weight = format!("{name}.weight");
        let bias = self.tensors.get(&format!("{name}.bias"));
        let row = |i| dot(&self.row(&weight, i), x) + bias.map_or(0.0, |(_, values)| values[i].into());
        (0..self.tensors[&weight].0[0]).map(row).collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let scale = (dot(x, x) / x.len() as f64 + self.architecture.norm_eps).sqrt();
        let offset = if self.architecture.form.offset_norms { 1.0 } else { 0.0 };
        let weights = self.tensors[name].1.iter().map(|&weight| f64::from(weight) + offset);
        x.iter().zip(weights).map(|(x, weight)| x / scale * weight).collect()
    }

    fn turn(&self, head: &[f64], position: usize, layer: usize) -> Vec<f64> {
        let Architecture { rope, windowed_rope, positions, .. } = self.architecture;
        if !positions[layer].rotated {
            return head.to_vec();
        }
        let rope = windowed_rope.as_ref().filter(|_| positions[layer].windowed).unwrap_or(rope);
        let (head, kept) = head.split_at((head.len() as f64 * rope.partial) as usize);
        let half = head.len() / 2;
        let stretch = match rope.scaling {
            RopeScaling::None => 1.0,
            RopeScaling::Linear { factor } => factor,
            RopeScaling::Dynamic { .. }
            | RopeScaling::Llama3 { .. }
            | RopeScaling::Yarn { .. }
            | RopeScaling::LongRope { .. } => unimplemented!("compared with other implementations"),
        };
        let angle = |i: usize| position as f64 / stretch * rope.theta.powf(-(i as f64) / half as f64);
        let first = (0..half).map(|i| head[i] * angle(i).cos() - head[half + i] * angle(i).sin());
        let second = (0..half).map(|i| head[half + i] * angle(i).cos() + head[i] * angle(i).sin());
        first.chain(second).chain(kept.iter().copied()).collect()
    }
}

fn capped(x: f64, cap: Option<f64>) -> f64 {
    cap.map_or(x, |cap| cap * (x / cap).tanh())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(h: &mut [f64], y: &[f64]) {
    h.iter_mut().zip(y).for_each(|(h, y)| *h += y);
}
