//! Gradients of a block against differences of a slow f64 forward pass.

use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::Linear;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{
    super::{
        super::{Rope, vector_jacobian::factor},
        Block, PartNorms,
        tests::{Form, HEAD_DIM, HIDDEN, Random, forms, numbers, rope, rope_in},
    },
    BlockWeight, Projection,
};

const PROJECTIONS: [Projection; 7] = [
    Projection::Query,
    Projection::Key,
    Projection::Value,
    Projection::Output,
    Projection::Gate,
    Projection::Up,
    Projection::Down,
];

const NORMS: [BlockWeight; 6] = [
    BlockWeight::BeforeAttention,
    BlockWeight::AfterAttention,
    BlockWeight::BeforeMlp,
    BlockWeight::AfterMlp,
    BlockWeight::QueryNorm,
    BlockWeight::KeyNorm,
];

fn all_weights() -> Vec<BlockWeight> {
    let of = PROJECTIONS.iter().flat_map(|&p| [BlockWeight::Matrix(p), BlockWeight::Bias(p)]);
    of.chain(NORMS).collect()
}

/// The block with each weight replaced by the result of `change`.
fn mapped(block: &Block, change: &dyn Fn(BlockWeight, &Tensor) -> Tensor) -> Block {
    let linear = |projection, linear: &Linear| {
        let bias = linear.bias().map(|bias| change(BlockWeight::Bias(projection), bias));
        Linear::new(change(BlockWeight::Matrix(projection), linear.weight()), bias)
    };
    let norm = |which, norm: &Option<Tensor>| norm.as_ref().map(|norm| change(which, norm));
    let (mut attention, mut mlp) = (block.attention.clone(), block.mlp.clone());
    attention.q_proj = linear(Projection::Query, &attention.q_proj);
    attention.k_proj = linear(Projection::Key, &attention.k_proj);
    attention.v_proj = linear(Projection::Value, &attention.v_proj);
    attention.o_proj = linear(Projection::Output, &attention.o_proj);
    attention.qk_norm = attention
        .qk_norm
        .map(|(q, k)| (change(BlockWeight::QueryNorm, &q), change(BlockWeight::KeyNorm, &k)));
    mlp.gate_proj = linear(Projection::Gate, &mlp.gate_proj);
    mlp.up_proj = linear(Projection::Up, &mlp.up_proj);
    mlp.down_proj = linear(Projection::Down, &mlp.down_proj);
    let norms = PartNorms {
        before_attention: norm(BlockWeight::BeforeAttention, &block.norms.before_attention),
        after_attention: norm(BlockWeight::AfterAttention, &block.norms.after_attention),
        before_mlp: norm(BlockWeight::BeforeMlp, &block.norms.before_mlp),
        after_mlp: norm(BlockWeight::AfterMlp, &block.norms.after_mlp),
    };
    Block { attention, mlp, norms, ..block.clone() }
}

fn f64s(x: &Tensor) -> Tensor {
    x.to_dtype(DType::F64).unwrap()
}

/// x: [.., width], f64.
fn normed(x: &Tensor, weight: Option<&Tensor>, eps: f32) -> Tensor {
    let Some(weight) = weight else { return x.clone() };
    x.broadcast_mul(&factor(x, eps).unwrap()).unwrap().broadcast_mul(weight).unwrap()
}

/// x: [batch, t, heads, head_dim], f64.
fn turned(x: &Tensor, rope: &Rope, windowed: bool) -> Tensor {
    let (_, t, _, head_dim) = x.dims4().unwrap();
    let (cos, sin) = rope.rotation(0, t, windowed).unwrap();
    let half = cos.dims()[1];
    let table = |x: &Tensor| f64s(x).reshape((1, t, 1, half)).unwrap();
    let by = |x: &Tensor, table: &Tensor| x.broadcast_mul(table).unwrap();
    let (cos, sin) = (table(&cos), table(&sin));
    let (a, b) = (x.narrow(3, 0, half).unwrap(), x.narrow(3, half, half).unwrap());
    let rest = x.narrow(3, 2 * half, head_dim - 2 * half).unwrap();
    let first = (by(&a, &cos) - by(&b, &sin)).unwrap();
    let second = (by(&a, &sin) + by(&b, &cos)).unwrap();
    Tensor::cat(&[first, second, rest], 3).unwrap()
}

/// The output of a block in f64, with whole scores.
fn slow(block: &Block, h: &Tensor, rope: &Rope) -> Tensor {
    let attention = &block.attention;
    let (scoring, eps) = (attention.scoring, block.norm_eps);
    let x = normed(h, block.norms.before_attention.as_ref(), eps);
    let (batch, t, _) = x.dims3().unwrap();
    let projected = |linear: &Linear, heads: usize, norm: Option<&Tensor>, rotated: bool| {
        let x = x.flatten_to(1).unwrap().matmul(&linear.weight().t().unwrap()).unwrap();
        let x = linear.bias().map_or(x.clone(), |bias| x.broadcast_add(bias).unwrap());
        let split = |x: &Tensor| x.reshape((batch, t, heads, HEAD_DIM)).unwrap();
        let x = match norm {
            Some(norm) if norm.elem_count() == HEAD_DIM => normed(&split(&x), Some(norm), eps),
            norm => split(&normed(&x, norm, eps)),
        };
        let x = if rotated { turned(&x, rope, scoring.mask.window.is_some()) } else { x };
        let group = attention.heads / heads;
        let x = x.transpose(1, 2).unwrap().unsqueeze(2).unwrap();
        x.broadcast_as((batch, heads, group, t, HEAD_DIM))
            .unwrap()
            .reshape((batch, attention.heads, t, HEAD_DIM))
            .unwrap()
    };
    let (q_norm, k_norm) = attention.qk_norm.as_ref().map(|(q, k)| (q, k)).unzip();
    let q = projected(&attention.q_proj, attention.heads, q_norm, attention.rotated);
    let k = projected(&attention.k_proj, attention.kv_heads, k_norm, attention.rotated);
    let v = projected(&attention.v_proj, attention.kv_heads, None, false);
    let scores = (q.matmul(&k.t().unwrap()).unwrap() * f64::from(scoring.scale)).unwrap();
    let scores = match scoring.cap.map(f64::from) {
        Some(cap) => ((scores / cap).unwrap().tanh().unwrap() * cap).unwrap(),
        None => scores,
    };
    let mask = f64s(&scoring.mask.matrix(0, t, 0, &Device::Cpu).unwrap());
    let weights = candle_nn::ops::softmax(&scores.broadcast_add(&mask).unwrap(), D::Minus1).unwrap();
    let context = weights.matmul(&v).unwrap().transpose(1, 2).unwrap().flatten_from(2).unwrap();
    let after = |h: &Tensor, y: &Tensor, norm: &Option<Tensor>| {
        (h + (normed(y, norm.as_ref(), eps) * block.residual).unwrap()).unwrap()
    };
    let y = attention.o_proj.forward(&context.contiguous().unwrap()).unwrap();
    let h = after(h, &y, &block.norms.after_attention);
    let f = block.mlp.activation(&normed(&h, block.norms.before_mlp.as_ref(), eps)).unwrap();
    after(&h, &block.mlp.down_proj.forward(&f).unwrap(), &block.norms.after_mlp)
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    (f64s(a) * f64s(b)).unwrap().sum_all().unwrap().to_scalar().unwrap()
}

const STEP: f64 = 1e-6;

/// The derivative of `f` at 0.
fn slope(f: impl Fn(f64) -> f64) -> f64 {
    (f(STEP) - f(-STEP)) / (2.0 * STEP)
}

#[track_caller]
fn agree(found: f64, expected: f64, size: f64, what: &str) {
    assert!((found - expected).abs() < 1e-5 * size, "{what}: {found} is not {expected}, of {size}");
}

fn norm(x: &Tensor) -> f64 {
    dot(x, x).sqrt()
}

#[test]
fn gradients_of_every_form_of_block_are_those_of_differences_in_f64() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(11));
    for form in forms() {
        let block = random.block(form);
        let (windows, t) = (2, 150);
        let rope_of = |dtype| rope_in(form, t, dtype);
        let h = random.tensor(&[windows, t, HIDDEN], 2.0);
        let at = random.tensor(&[windows, t, HIDDEN], 1.0);
        let trace = block.trace(&h, &rope_of(DType::F32)).unwrap();
        let found = trace.gradients(&at, &all_weights()).unwrap();

        let wide = mapped(&block, &|_, weight| f64s(weight));
        let rope = rope_of(DType::F64);
        let loss = |block: &Block, h: &Tensor| dot(&slow(block, h, &rope), &at);
        let along = random.tensor(&[windows, t, HIDDEN], 1.0);
        let moved = |by: f64| (f64s(&h) + (f64s(&along) * by).unwrap()).unwrap();
        let expected = slope(|by| loss(&wide, &moved(by)));
        agree(
            dot(&found.input, &along),
            expected,
            norm(&found.input) * norm(&along),
            &format!("{form:?}: h"),
        );

        let mut checked = 0;
        for which in all_weights() {
            let Some((_, gradient)) = found.weights.iter().find(|(weight, _)| *weight == which) else {
                continue;
            };
            let along = random.tensor(gradient.dims(), 1.0);
            let changed = |by: f64| {
                mapped(&wide, &|weight, x| {
                    if weight == which { (x + (f64s(&along) * by).unwrap()).unwrap() } else { x.clone() }
                })
            };
            let expected = slope(|by| loss(&changed(by), &f64s(&h)));
            agree(
                dot(gradient, &along),
                expected,
                norm(gradient) * norm(&along),
                &format!("{form:?}: {which:?}"),
            );
            checked += 1;
        }
        let biases = if form.biases { 7 } else { 0 };
        let norms = 2 + if form.after { 2 } else { 0 } + if form.qk_norm.is_some() { 2 } else { 0 };
        assert_eq!(checked, 7 + biases + norms, "{form:?}");
    }
}

#[test]
fn gradients_at_the_outputs_of_the_parts_add_up_to_those_of_their_biases() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(12));
    for form in forms() {
        let block = random.block(Form { biases: true, ..form });
        let (h, at) = (random.tensor(&[1, 40, HIDDEN], 2.0), random.tensor(&[1, 40, HIDDEN], 1.0));
        let trace = block.trace(&h, &rope(form, 40)).unwrap();
        let asked = [Projection::Output, Projection::Down].map(BlockWeight::Bias);
        let found = trace.gradients(&at, &asked).unwrap();
        let outputs = [found.attention_output.unwrap(), found.mlp_output.unwrap()];
        for (which, output) in asked.iter().zip(&outputs) {
            let (_, bias) = found.weights.iter().find(|(weight, _)| weight == which).unwrap();
            let sum = output.flatten_to(1).unwrap().sum(0).unwrap();
            assert!(norm(&(sum - bias).unwrap()) < 1e-5 * norm(bias));
        }
    }
}

#[test]
fn tasks_compute_the_same_gradients_as_operations_on_whole_tensors() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(13));
    for form in forms() {
        let block = random.block(form);
        for (windows, t) in [(7, 130), (2, 513), (1, 700)] {
            let shape = [windows, t, HIDDEN];
            let (h, rope) = (random.tensor(&shape, 2.0), rope(form, t));
            let at = [random.tensor(&shape, 1.0), random.tensor(&shape, 1.0)];
            let found = block.gradients(&h, &rope, &at, &[]).unwrap();
            let trace = block.trace(&h, &rope).unwrap();
            let near = |found: &Tensor, expected: &Tensor, what: &str| {
                let (found, expected) = (numbers(found), numbers(expected));
                assert_eq!(found.len(), expected.len());
                let far = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                let size = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
                assert!(far < 5e-6 * size, "{form:?}, {windows} windows of {t}, {what}: {far} of {size}");
            };
            let (attention, mlp) = (found.attention.unwrap(), found.mlp.unwrap());
            near(&attention.inputs, trace.attention_inputs().unwrap(), "inputs of o_proj");
            near(&mlp.inputs, trace.mlp_inputs().unwrap(), "inputs of down_proj");
            for (draw, at) in at.iter().enumerate() {
                let expected = trace.gradients(at, &[]).unwrap();
                near(&attention.outputs[draw], &expected.attention_output.unwrap(), "outputs of o_proj");
                near(&mlp.outputs[draw], &expected.mlp_output.unwrap(), "outputs of down_proj");
                near(&found.input[draw], &expected.input, "input");
            }
        }
    }
}
