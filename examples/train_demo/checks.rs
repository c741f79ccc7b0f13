//! Tests of the fused operations against the same formulas in candle's basic operations.

use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::ops::{rms_norm_slow, silu, softmax};
use candle_nn::rotary_emb::rope_slow;

use crate::attention::{Attention, HEAD_DIM};
use crate::fused::{CrossEntropy, RmsNorm, SwiGlu};

const CPU: Device = Device::Cpu;

/// A tensor [rows, columns] with distinct entries.
fn waves(rows: usize, columns: usize, phase: f32) -> Result<Tensor> {
    let values: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.7131 + phase).sin() * 1.5).collect();
    Tensor::from_vec(values, (rows, columns), &CPU)
}

fn assert_close(a: &Tensor, b: &Tensor) {
    let largest = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
    let largest = largest.to_scalar::<f32>().unwrap();
    assert!(largest < 2e-5, "largest difference {largest}");
}

/// Checks that results and gradients of Σ weights · result are equal.
fn assert_same(x: &Var, fused: Tensor, plain: Tensor) -> Result<()> {
    assert_close(&fused, &plain);
    let (rows, columns) = plain.dims2()?;
    let weights = waves(rows, columns, 0.3)?;
    let gradient = |y: Tensor| (y * &weights)?.sum_all()?.backward();
    let (fused, plain) = (gradient(fused)?, gradient(plain)?);
    assert_close(fused.get(x).unwrap(), plain.get(x).unwrap());
    Ok(())
}

fn plain_attention(qkv: &Tensor, heads: usize, seq_len: usize, theta: f32) -> Result<Tensor> {
    let sequences = qkv.dim(0)? / seq_len;
    let hidden = heads * HEAD_DIM;
    let angle = |f: fn(f32) -> f32| -> Result<Tensor> {
        let of = |i: usize| {
            let (position, pair) = (i / (HEAD_DIM / 2), i % (HEAD_DIM / 2));
            f(position as f32 * theta.powf(-2.0 * pair as f32 / HEAD_DIM as f32))
        };
        Tensor::from_vec((0..seq_len * HEAD_DIM / 2).map(of).collect(), (seq_len, HEAD_DIM / 2), &CPU)
    };
    let (cos, sin) = (angle(f32::cos)?, angle(f32::sin)?);
    let part = |k: usize| {
        let part = qkv.narrow(1, k * hidden, hidden)?.reshape((sequences, seq_len, heads, HEAD_DIM))?;
        part.transpose(1, 2)?.contiguous()
    };
    let (q, k) = (rope_slow(&part(0)?, &cos, &sin)?, rope_slow(&part(1)?, &cos, &sin)?);
    let mask = |i: usize| if i % seq_len > i / seq_len { -1e9f32 } else { 0.0 };
    let mask = Tensor::from_vec((0..seq_len * seq_len).map(mask).collect(), (seq_len, seq_len), &CPU)?;
    let scores = (q.matmul(&k.t()?.contiguous()?)? / (HEAD_DIM as f64).sqrt())?.broadcast_add(&mask)?;
    softmax(&scores, D::Minus1)?.matmul(&part(2)?)?.transpose(1, 2)?.reshape((sequences * seq_len, hidden))
}

#[test]
fn fused_attention_equals_plain_attention() -> Result<()> {
    let (heads, seq_len, theta) = (3, 48, 10_000.0);
    let qkv = Var::from_tensor(&waves(2 * seq_len, 3 * heads * HEAD_DIM, 0.0)?)?;
    let fused = qkv.apply_op1(Attention { heads, seq_len, rope_theta: theta })?;
    assert_same(&qkv, fused, plain_attention(&qkv, heads, seq_len, theta)?)
}

#[test]
fn fused_norm_equals_the_plain_norm() -> Result<()> {
    let x = Var::from_tensor(&waves(5, 64, 0.0)?)?;
    let w = Var::from_tensor(&waves(1, 64, 2.0)?.flatten_all()?)?;
    let fused = || x.apply_op2(w.as_tensor(), RmsNorm { eps: 1e-5 });
    let plain = || rms_norm_slow(&x, &w, 1e-5);
    assert_same(&x, fused()?, plain()?)?;
    assert_same(&w, fused()?, plain()?)
}

#[test]
fn fused_swiglu_equals_silu_times_up() -> Result<()> {
    let x = Var::from_tensor(&waves(5, 64, 0.0)?)?;
    let plain = (silu(&x.narrow(1, 0, 32)?)? * x.narrow(1, 32, 32)?)?;
    assert_same(&x, x.apply_op1(SwiGlu)?, plain)
}

#[test]
fn fused_cross_entropy_equals_the_plain_one() -> Result<()> {
    let x = Var::from_tensor(&waves(4, 50, 0.0)?)?;
    let targets = vec![3, 49, 0, 17];
    let plain = candle_nn::loss::cross_entropy(&x, &Tensor::new(targets.as_slice(), &CPU)?)?;
    let fused = x.apply_op1(CrossEntropy { targets })?;
    assert_same(&x, fused.reshape((1, 1))?, plain.reshape((1, 1))?)
}
