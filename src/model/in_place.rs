//! In-place operations of the processor on activations, row by row on all cores: softmax, gate, scattering of
//! contexts.

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, bail};
use rayon::prelude::*;

use super::attention_mask::Scoring;

/// Minimum number of values per task.
const TASK: usize = 1 << 14;
/// Numbers processed in parallel lanes, which fill the processor's vector registers.
const LANES: usize = 8;

/// scores: [.., rows, keys] → softmax of the scaled and capped scores over the visible keys of each row, 0 for the others.
/// Row r of the stack is the query at position `first_query` + r mod `rows`; column c is the key at `first_key` + c.
pub struct CausalSoftmax {
    pub scoring: Scoring,
    pub rows: usize,
    pub first_query: usize,
    pub first_key: usize,
}

/// gate ← silu(gate) ⊙ up, of equal shapes.
pub struct Gated;

/// Copies contexts [kv_heads, group · rows, head_dim] to their positions in out [windows, t, heads,
/// head_dim].
pub struct ScatterContexts {
    pub window: usize,
    pub first_row: usize,
    pub rows: usize,
    pub first_head: usize,
}

impl InplaceOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let Some(&keys) = layout.dims().last() else { bail!("a softmax has no rows in {layout:?}") };
        let scores = numbers_mut(storage, layout)?;
        let Scoring { scale, cap, mask } = self.scoring;
        let rows_at_once = TASK.div_ceil(keys);
        scores.par_chunks_mut(rows_at_once * keys).enumerate().for_each(|(task, scores)| {
            for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
                let query = self.first_query + (task * rows_at_once + row) % self.rows;
                let end = query + 1 - self.first_key;
                let begin = mask.first_visible(query).saturating_sub(self.first_key);
                scores[..begin].fill(0.0);
                scores[end..].fill(0.0);
                let scores = &mut scores[begin..end];
                match cap {
                    Some(cap) => {
                        scores.iter_mut().for_each(|score| *score = cap * (scale * *score / cap).tanh());
                        softmax(1.0, scores);
                    }
                    None => softmax(scale, scores),
                }
            }
        });
        Ok(())
    }
}

impl InplaceOp2 for Gated {
    fn name(&self) -> &'static str {
        "gated"
    }

    fn cpu_fwd(&self, gate: &mut CpuStorage, l1: &Layout, up: &CpuStorage, l2: &Layout) -> Result<()> {
        let (gate, up) = (numbers_mut(gate, l1)?, numbers(up, l2)?);
        gate.par_chunks_mut(TASK).zip(up.par_chunks(TASK)).for_each(|(gate, up)| {
            for (gate, up) in gate.iter_mut().zip(up) {
                *gate = *gate / (1.0 + exp(-*gate)) * up;
            }
        });
        Ok(())
    }
}

impl InplaceOp2 for ScatterContexts {
    fn name(&self) -> &'static str {
        "scatter-contexts"
    }

    fn cpu_fwd(&self, out: &mut CpuStorage, l1: &Layout, contexts: &CpuStorage, l2: &Layout) -> Result<()> {
        let (_, t, heads, head_dim) = l1.shape().dims4()?;
        let out = numbers_mut(out, l1)?;
        let contexts = numbers(contexts, l2)?;
        let first = (self.window * t + self.first_row) * heads * head_dim;
        for (row, out) in out[first..].chunks_exact_mut(heads * head_dim).take(self.rows).enumerate() {
            let contexts = contexts.chunks_exact(head_dim).skip(row).step_by(self.rows);
            for (out, context) in out[self.first_head * head_dim..].chunks_exact_mut(head_dim).zip(contexts) {
                out.copy_from_slice(context);
            }
        }
        Ok(())
    }
}

fn numbers<'s>(storage: &'s CpuStorage, layout: &Layout) -> Result<&'s [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(numbers), Some((start, end))) => Ok(&numbers[start..end]),
        _ => bail!("expected contiguous f32 numbers, found {layout:?}"),
    }
}

fn numbers_mut<'s>(storage: &'s mut CpuStorage, layout: &Layout) -> Result<&'s mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(numbers), Some((start, end))) => Ok(&mut numbers[start..end]),
        _ => bail!("expected contiguous f32 numbers, found {layout:?}"),
    }
}

/// softmax(scale · x), summed in a fixed order.
fn softmax(scale: f32, x: &mut [f32]) {
    let (eights, rest) = x.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for x in eights {
        for (most, &x) in most.iter_mut().zip(x) {
            *most = if x > *most { x } else { *most };
        }
    }
    let most = most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);

    let (eights, rest) = x.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for x in eights {
        for (sum, x) in sums.iter_mut().zip(x) {
            *x = exp(scale * (*x - most));
            *sum += *x;
        }
    }
    let mut sum = sums.iter().sum::<f32>();
    for x in rest {
        *x = exp(scale * (*x - most));
        sum += *x;
    }
    let inverse = 1.0 / sum;
    for x in x {
        *x *= inverse;
    }
}

/// eˣ within two units in the last place. It has no branches, so compilers vectorise it: 2ᵏ · eʳ, |r| ≤ ln 2
/// / 2.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding this constant rounds to an integer, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts. The product of k and the first part is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Values outside the range become the smallest normal number and infinity.
    let within = if x < -87.0 { -87.0 } else { x };
    let within = if within > 89.0 { 89.0 } else { within };
    let rounded = within * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let r = (within - k * LN_2_HIGH) - k * LN_2_LOW;
    // Minimax on ±ln 2 / 2 (Cephes, expf).
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 5.0e-1;
    let e = p * r * r + r + 1.0;
    // Two factors, because 2¹²⁸ is not representable: 2ᵏ = 2^(k/2) · 2^(k − k/2).
    let k = rounded.to_bits() as i32 - ROUND.to_bits() as i32;
    let half = k >> 1;
    let power = |k: i32| f32::from_bits(((k + 127) << 23) as u32);
    e * power(half) * power(k - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_equals_that_of_the_library_within_two_units_in_the_last_place() {
        for i in -860_000..880_000 {
            let x = i as f32 * 1e-4;
            let (fast, slow) = (exp(x), f64::from(x).exp());
            assert!((f64::from(fast) / slow - 1.0).abs() < 2.5e-7, "{x}: {fast} is not {slow}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(100.0), f32::INFINITY);
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn a_softmax_of_any_length_adds_up_to_one() {
        for length in [1, 7, 8, 9, 100] {
            let mut x: Vec<f32> = (0..length).map(|i| (i as f32).sin() * 9.0).collect();
            let slow: Vec<f64> = x.iter().map(|&x| (0.5 * f64::from(x)).exp()).collect();
            let sum: f64 = slow.iter().sum();
            softmax(0.5, &mut x);
            for (x, slow) in x.iter().zip(&slow) {
                assert!((f64::from(*x) - slow / sum).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn nan_survives_the_softmax() {
        let mut x = [1.0, f32::NAN, 2.0];
        softmax(1.0, &mut x);
        assert!(x.iter().any(|x| x.is_nan()));
    }
}
