//! The forward pass by its formulas, one token and one head at a time, in f64.

use slimgpt::model::{Architecture, QkNorm, RopeScaling};

use super::Tensors;

/// The logits after each token, `[tokens][vocab]`. Rotary positions are unscaled or linear.
pub fn logits(architecture: &Architecture, tensors: &Tensors, tokens: &[u32]) -> Vec<Vec<f64>> {
    let model = Model { architecture, tensors };
    let mut h: Vec<Vec<f64>> =
        tokens.iter().map(|&id| model.row("model.embed_tokens.weight", id as usize)).collect();
    for layer in 0..architecture.layers.len() {
        model.block(layer, &mut h);
    }
    let head = if architecture.tied { "model.embed_tokens" } else { "lm_head" };
    h.iter().map(|h| model.linear(head, &model.norm("model.norm.weight", h))).collect()
}

struct Model<'a> {
    architecture: &'a Architecture,
    tensors: &'a Tensors,
}

impl Model<'_> {
    fn block(&self, layer: usize, h: &mut [Vec<f64>]) {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        let (size, head_dim) = (self.architecture.layers[layer], self.architecture.head_dim);
        let x: Vec<_> = h.iter().map(|h| self.norm(&name("input_layernorm.weight"), h)).collect();
        let heads = |part: &str, norm: &str, turned: bool| -> Vec<Vec<Vec<f64>>> {
            let split = |(position, x): (usize, &Vec<f64>)| {
                let y = self.linear(&name(part), x);
                let heads = y.chunks(head_dim).map(|head| {
                    let normed = turned && self.architecture.form.qk_norm == QkNorm::Heads;
                    let head = if normed { self.norm(&name(norm), head) } else { head.to_vec() };
                    if turned { self.turn(&head, position) } else { head }
                });
                heads.collect()
            };
            x.iter().enumerate().map(split).collect()
        };
        let q = heads("self_attn.q_proj", "self_attn.q_norm.weight", true);
        let k = heads("self_attn.k_proj", "self_attn.k_norm.weight", true);
        let v = heads("self_attn.v_proj", "", false);

        for (i, h) in h.iter_mut().enumerate() {
            let seen =
                (0..=i).filter(|j| self.architecture.window(layer).is_none_or(|window| j + window > i));
            let seen: Vec<usize> = seen.collect();
            let mut context = Vec::new();
            for (head, query) in q[i].iter().enumerate() {
                let kv = head / size.group();
                let scores: Vec<f64> =
                    seen.iter().map(|&j| (dot(query, &k[j][kv]) / (head_dim as f64).sqrt()).exp()).collect();
                let total: f64 = scores.iter().sum();
                let mix = |d: usize| {
                    seen.iter().zip(&scores).map(|(&j, score)| score / total * v[j][kv][d]).sum::<f64>()
                };
                context.extend((0..head_dim).map(mix));
            }
            add(h, &self.linear(&name("self_attn.o_proj"), &context));
            let x = self.norm(&name("post_attention_layernorm.weight"), h);
            let (gate, up) = (self.linear(&name("mlp.gate_proj"), &x), self.linear(&name("mlp.up_proj"), &x));
            let f: Vec<f64> =
                gate.iter().zip(&up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
            add(h, &self.linear(&name("mlp.down_proj"), &f));
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
        x.iter().zip(&self.tensors[name].1).map(|(x, &weight)| x / scale * f64::from(weight)).collect()
    }

    fn turn(&self, head: &[f64], position: usize) -> Vec<f64> {
        let half = head.len() / 2;
        let stretch = match self.architecture.rope.scaling {
            RopeScaling::None => 1.0,
            RopeScaling::Linear { factor } => factor,
            RopeScaling::Dynamic { .. }
            | RopeScaling::Llama3 { .. }
            | RopeScaling::Yarn { .. }
            | RopeScaling::LongRope { .. } => unimplemented!("compared with other implementations"),
        };
        let angle = |i: usize| {
            position as f64 / stretch * self.architecture.rope.theta.powf(-(i as f64) / half as f64)
        };
        let first = (0..half).map(|i| head[i] * angle(i).cos() - head[half + i] * angle(i).sin());
        let second = (0..half).map(|i| head[half + i] * angle(i).cos() + head[i] * angle(i).sin());
        first.chain(second).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(h: &mut [f64], y: &[f64]) {
    h.iter_mut().zip(y).for_each(|(h, y)| *h += y);
}
