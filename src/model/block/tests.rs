use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{super::attention_mask::AttentionMask, *};
use crate::model::{Activation, RopeScaling, RopeSettings};

pub(super) const HIDDEN: usize = 24;
pub(super) const HEAD_DIM: usize = 8;

/// What differs between the blocks of the families.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Form {
    pub window: Option<usize>,
    pub cap: Option<f32>,
    pub biases: bool,
    /// The widths of the query and key norm, if any.
    pub qk_norm: Option<[usize; 2]>,
    pub after: bool,
    pub gelu: bool,
    pub residual: Option<f64>,
    pub rotated_part: Option<f64>,
}

pub(super) struct Random(pub ChaCha8Rng);

impl Random {
    pub fn tensor(&mut self, shape: &[usize], scale: f32) -> Tensor {
        let count = shape.iter().product();
        let values = (0..count).map(|_| self.0.random_range(-scale..scale)).collect::<Vec<f32>>();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn linear(&mut self, outputs: usize, inputs: usize, biases: bool) -> Linear {
        let bias = biases.then(|| self.tensor(&[outputs], 0.5));
        Linear::new(self.tensor(&[outputs, inputs], 0.4), bias)
    }

    fn norm(&mut self, width: usize) -> Tensor {
        (self.tensor(&[width], 0.5) + 1.0).unwrap()
    }

    pub fn block(&mut self, form: Form) -> Block {
        let (heads, kv_heads, channels) = (6, 2, 40);
        let (wide, narrow) = (heads * HEAD_DIM, kv_heads * HEAD_DIM);
        let attention = Attention {
            q_proj: self.linear(wide, HIDDEN, form.biases),
            k_proj: self.linear(narrow, HIDDEN, form.biases),
            v_proj: self.linear(narrow, HIDDEN, form.biases),
            o_proj: self.linear(HIDDEN, wide, form.biases),
            qk_norm: form.qk_norm.map(|[q, k]| (self.norm(q), self.norm(k))),
            heads,
            kv_heads,
            head_dim: HEAD_DIM,
            rotated: true,
            scoring: Scoring { scale: 0.3, cap: form.cap, mask: AttentionMask { window: form.window } },
            norm_eps: 1e-5,
        };
        let mlp = Mlp {
            gate_proj: self.linear(channels, HIDDEN, form.biases),
            up_proj: self.linear(channels, HIDDEN, form.biases),
            down_proj: self.linear(HIDDEN, channels, form.biases),
            act: if form.gelu { Activation::GeluTanh } else { Activation::Silu },
        };
        let after = |random: &mut Self| form.after.then(|| random.norm(HIDDEN));
        let norms = PartNorms {
            before_attention: Some(self.norm(HIDDEN)),
            after_attention: after(self),
            before_mlp: Some(self.norm(HIDDEN)),
            after_mlp: after(self),
        };
        Block { layer: 0, attention, mlp, norms, norm_eps: 1e-5, residual: form.residual.unwrap_or(1.0) }
    }
}

/// The block as operations on whole tensors.
fn slow(block: &Block, h: &Tensor, rope: &Rope) -> Tensor {
    let normed = block.normed(h, block.norms.before_attention.as_ref()).unwrap();
    let a = block.attention.context(&normed, rope, None).unwrap();
    let h = (h + block.attention_output(&a).unwrap()).unwrap();
    let f = block.mlp.activation(&block.normed(&h, block.norms.before_mlp.as_ref()).unwrap()).unwrap();
    (&h + block.mlp_output(&f).unwrap()).unwrap()
}

pub(super) fn numbers(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

pub(super) fn forms() -> Vec<Form> {
    let plain = Form::default();
    vec![
        plain,
        Form { window: Some(70), biases: true, ..plain },
        Form { cap: Some(2.0), gelu: true, after: true, ..plain },
        Form { qk_norm: Some([HEAD_DIM, HEAD_DIM]), residual: Some(0.3), ..plain },
        Form { qk_norm: Some([6 * HEAD_DIM, 2 * HEAD_DIM]), rotated_part: Some(0.5), ..plain },
    ]
}

pub(super) fn rope(form: Form, positions: usize) -> Rope {
    rope_in(form, positions, DType::F32)
}

pub(super) fn rope_in(form: Form, positions: usize, dtype: DType) -> Rope {
    let settings = RopeSettings::new(1e4, RopeScaling::None);
    let settings = RopeSettings { partial: form.rotated_part.unwrap_or(settings.partial), ..settings };
    Rope::new(&settings, HEAD_DIM, positions, &Device::Cpu, dtype).unwrap()
}

#[test]
fn tasks_compute_the_same_as_operations_on_whole_tensors_for_any_block_and_length() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(3));
    for form in forms() {
        let block = random.block(form);
        for (windows, t) in [(3, 1), (7, 130), (2, 513), (1, 700)] {
            let (h, rope) = (random.tensor(&[windows, t, HIDDEN], 2.0), rope(form, t));
            let (found, expected) = (block.forward(&h, &rope).unwrap(), slow(&block, &h, &rope));
            let expected = numbers(&expected);
            let far = numbers(&found).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let size = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
            assert!(far < 3e-6 * size, "{windows} windows of {t}: {far} of {size}");
        }
    }
}

#[test]
fn the_parts_of_a_block_have_the_bits_of_the_whole_block() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(4));
    for form in forms() {
        let block = random.block(form);
        for (windows, t) in [(5, 130), (2, 700)] {
            let (h, rope) = (random.tensor(&[windows, t, HIDDEN], 2.0), rope(form, t));
            let between = block.after_attention(&h, &block.attention_context(&h, &rope).unwrap()).unwrap();
            let parts = block.after_mlp(&between, &block.mlp_activation(&between).unwrap()).unwrap();
            assert!(numbers(&parts) == numbers(&block.forward(&h, &rope).unwrap()));
        }
    }
}

#[test]
fn a_window_alone_and_any_number_of_threads_give_the_same_bits() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(5));
    for form in forms() {
        let block = random.block(form);
        for (windows, t) in [(9, 130), (2, 700)] {
            let (h, rope) = (random.tensor(&[windows, t, HIDDEN], 2.0), rope(form, t));
            let together = numbers(&block.forward(&h, &rope).unwrap());
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                assert!(pool.install(|| numbers(&block.forward(&h, &rope).unwrap())) == together);
            }
            let alone = (0..windows).map(|window| h.narrow(0, window, 1).unwrap());
            let alone = alone.flat_map(|h| numbers(&block.forward(&h, &rope).unwrap()));
            assert!(alone.collect::<Vec<_>>() == together);
        }
    }
}
