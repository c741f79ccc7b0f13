//! Causal multi-head attention with rotary positions, as a single differentiable operation.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use crate::fused::{floats, vectorised};

pub const HEAD_DIM: usize = 16;
/// Keys are processed in blocks of this size; a sequence consists of whole blocks.
pub const BLOCK: usize = 16;

type Lane = [f32; HEAD_DIM];

/// qkv: [n, 3·hidden], where n is a whole number of sequences → [n, hidden].
#[derive(Clone, Copy)]
pub struct Attention {
    pub heads: usize,
    /// Tokens per sequence.
    pub seq_len: usize,
    pub rope_theta: f32,
}

struct AttentionGradient(Attention);

/// e^x by a polynomial of degree five on |x| ≤ ln 2 / 2, which vectorises; the relative error is below 1e-6.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let t = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = t - ROUND;
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4f32;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        p = p.mul_add(r, c);
    }
    let y = (p * r).mul_add(r, r) + 1.0;
    f32::from_bits(y.to_bits().wrapping_add(t.to_bits() << 23))
}

/// cos and sin of the angle of every position and pair: [seq_len][head_dim / 2].
fn angles(seq_len: usize, theta: f32) -> Vec<[(f32, f32); HEAD_DIM / 2]> {
    (0..seq_len)
        .map(|position| {
            std::array::from_fn(|pair| {
                let frequency = theta.powf(-2.0 * pair as f32 / HEAD_DIM as f32);
                let angle = position as f32 * frequency;
                (angle.cos(), angle.sin())
            })
        })
        .collect()
}

/// Rotates the pair (d, d + head_dim/2) by its angle, or in the other direction if `back`.
#[inline(always)]
fn rotate(lane: &mut Lane, angles: &[(f32, f32); HEAD_DIM / 2], back: bool) {
    for (d, &(cos, sin)) in angles.iter().enumerate() {
        let sin = if back { -sin } else { sin };
        let (a, b) = (lane[d], lane[d + HEAD_DIM / 2]);
        lane[d] = a * cos - b * sin;
        lane[d + HEAD_DIM / 2] = b * cos + a * sin;
    }
}

/// One head of one sequence, gathered. Blocks hold their transpose: [block][head_dim][BLOCK].
struct Head {
    q: Vec<Lane>,
    k: Vec<Lane>,
    v: Vec<Lane>,
    k_blocks: Vec<[[f32; BLOCK]; HEAD_DIM]>,
    v_blocks: Vec<[[f32; BLOCK]; HEAD_DIM]>,
}

impl Head {
    fn new(seq_len: usize) -> Self {
        let lanes = || vec![[0f32; HEAD_DIM]; seq_len];
        let blocks = || vec![[[0f32; BLOCK]; HEAD_DIM]; seq_len / BLOCK];
        Self { q: lanes(), k: lanes(), v: lanes(), k_blocks: blocks(), v_blocks: blocks() }
    }

    /// qkv: [seq_len, 3·hidden] of one sequence. The queries are scaled by 1/√head_dim.
    #[inline(always)]
    fn gather(&mut self, qkv: &[f32], head: usize, hidden: usize, angles: &[[(f32, f32); HEAD_DIM / 2]]) {
        let scale = 1.0 / (HEAD_DIM as f32).sqrt();
        for (i, row) in qkv.chunks_exact(3 * hidden).enumerate() {
            let at = head * HEAD_DIM;
            self.q[i].copy_from_slice(&row[at..at + HEAD_DIM]);
            self.k[i].copy_from_slice(&row[hidden + at..hidden + at + HEAD_DIM]);
            self.v[i].copy_from_slice(&row[2 * hidden + at..2 * hidden + at + HEAD_DIM]);
            rotate(&mut self.q[i], &angles[i], false);
            rotate(&mut self.k[i], &angles[i], false);
            self.q[i].iter_mut().for_each(|q| *q *= scale);
            for d in 0..HEAD_DIM {
                self.k_blocks[i / BLOCK][d][i % BLOCK] = self.k[i][d];
                self.v_blocks[i / BLOCK][d][i % BLOCK] = self.v[i][d];
            }
        }
    }

    /// Probabilities of the keys 0..=i for query i; zero up to the end of the last block.
    #[inline(always)]
    fn probabilities(&self, i: usize, p: &mut [[f32; BLOCK]]) {
        let last = i / BLOCK;
        products(&self.q[i], &self.k_blocks[..=last], p);
        for masked in &mut p[last][i % BLOCK + 1..] {
            *masked = f32::MIN;
        }
        let mut maxima = [f32::MIN; BLOCK];
        for block in &p[..=last] {
            for (m, &s) in maxima.iter_mut().zip(block) {
                *m = if s > *m { s } else { *m };
            }
        }
        let top = maxima.into_iter().fold(f32::MIN, f32::max);
        let mut sums = [0f32; BLOCK];
        for block in &mut p[..=last] {
            for (sum, s) in sums.iter_mut().zip(block.iter_mut()) {
                *s = exp(*s - top);
                *sum += *s;
            }
        }
        let inverse = 1.0 / sums.iter().sum::<f32>();
        for block in &mut p[..=last] {
            block.iter_mut().for_each(|s| *s *= inverse);
        }
        for masked in &mut p[last][i % BLOCK + 1..] {
            *masked = 0.0;
        }
    }
}

/// out[j] = ⟨x, row j⟩ of transposed blocks.
#[inline(always)]
fn products(x: &Lane, blocks: &[[[f32; BLOCK]; HEAD_DIM]], out: &mut [[f32; BLOCK]]) {
    for (out, block) in out.iter_mut().zip(blocks) {
        let mut sums = [0f32; BLOCK];
        for (row, &x) in block.iter().zip(x) {
            for (s, &r) in sums.iter_mut().zip(row) {
                *s = r.mul_add(x, *s);
            }
        }
        *out = sums;
    }
}

/// Σ_j weights[j] · lanes[j], in four independent sums.
#[inline(always)]
fn weighted_sum(weights: &[f32], lanes: &[Lane]) -> Lane {
    let mut sums = [[0f32; HEAD_DIM]; 4];
    for (w, l) in weights.as_chunks::<4>().0.iter().zip(lanes.as_chunks::<4>().0) {
        for lane in 0..4 {
            for d in 0..HEAD_DIM {
                sums[lane][d] = l[lane][d].mul_add(w[lane], sums[lane][d]);
            }
        }
    }
    std::array::from_fn(|d| (sums[0][d] + sums[1][d]) + (sums[2][d] + sums[3][d]))
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, _) = layout.shape().dims2()?;
        let qkv = floats(qkv, layout)?;
        let hidden = self.heads * HEAD_DIM;
        let angles = angles(self.seq_len, self.rope_theta);
        let mut out = vec![0f32; n * hidden];
        let sequences = qkv.par_chunks_exact(self.seq_len * 3 * hidden);
        sequences.zip(out.par_chunks_exact_mut(self.seq_len * hidden)).for_each(|(qkv, out)| {
            vectorised(
                #[inline(always)]
                || {
                    let mut head = Head::new(self.seq_len);
                    let mut p = vec![[0f32; BLOCK]; self.seq_len / BLOCK];
                    for h in 0..self.heads {
                        head.gather(qkv, h, hidden, &angles);
                        for i in 0..self.seq_len {
                            let keys = (i / BLOCK + 1) * BLOCK;
                            head.probabilities(i, &mut p);
                            let o = weighted_sum(&p.as_flattened()[..keys], &head.v[..keys]);
                            out[i * hidden + h * HEAD_DIM..][..HEAD_DIM].copy_from_slice(&o);
                        }
                    }
                },
            )
        });
        Ok((CpuStorage::F32(out), Shape::from((n, hidden))))
    }

    fn bwd(&self, qkv: &Tensor, _out: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(qkv.apply_op2_no_bwd(&g.contiguous()?, &AttentionGradient(*self))?))
    }
}

impl CustomOp2 for AttentionGradient {
    fn name(&self) -> &'static str {
        "attention-gradient"
    }

    fn cpu_fwd(
        &self,
        qkv: &CpuStorage,
        lq: &Layout,
        g: &CpuStorage,
        lg: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let Attention { heads, seq_len, rope_theta } = self.0;
        let (qkv, g) = (floats(qkv, lq)?, floats(g, lg)?);
        let hidden = heads * HEAD_DIM;
        let angles = angles(seq_len, rope_theta);
        let mut gradient = vec![0f32; qkv.len()];
        let sequences = qkv.par_chunks_exact(seq_len * 3 * hidden).zip(g.par_chunks_exact(seq_len * hidden));
        sequences.zip(gradient.par_chunks_exact_mut(seq_len * 3 * hidden)).for_each(
            |((qkv, g), gradient)| {
                vectorised(
                    #[inline(always)]
                    || {
                        let mut head = Head::new(seq_len);
                        let mut p = vec![[0f32; BLOCK]; seq_len / BLOCK];
                        let mut gp = p.clone();
                        for h in 0..heads {
                            head.gather(qkv, h, hidden, &angles);
                            let (mut gk, mut gv) =
                                (vec![[0f32; HEAD_DIM]; seq_len], vec![[0f32; HEAD_DIM]; seq_len]);
                            for i in 0..seq_len {
                                let blocks = i / BLOCK + 1;
                                let mut go = [0f32; HEAD_DIM];
                                go.copy_from_slice(&g[i * hidden + h * HEAD_DIM..][..HEAD_DIM]);
                                head.probabilities(i, &mut p);
                                products(&go, &head.v_blocks[..blocks], &mut gp);
                                let mut along = [0f32; BLOCK];
                                for (p, gp) in p[..blocks].iter().zip(&gp) {
                                    for ((a, p), gp) in along.iter_mut().zip(p).zip(gp) {
                                        *a += p * gp;
                                    }
                                }
                                let along: f32 = along.iter().sum();
                                for (p, gp) in p[..blocks].iter().zip(&mut gp) {
                                    for (p, gp) in p.iter().zip(gp) {
                                        *gp = p * (*gp - along);
                                    }
                                }
                                let keys = blocks * BLOCK;
                                let (p, gs) = (&p.as_flattened()[..keys], &gp.as_flattened()[..keys]);
                                let q = head.q[i];
                                for (((gk, gv), &p), &gs) in gk.iter_mut().zip(&mut gv).zip(p).zip(gs) {
                                    for d in 0..HEAD_DIM {
                                        gk[d] = q[d].mul_add(gs, gk[d]);
                                        gv[d] = go[d].mul_add(p, gv[d]);
                                    }
                                }
                                let mut gq = weighted_sum(gs, &head.k[..keys]);
                                gq.iter_mut().for_each(|q| *q /= (HEAD_DIM as f32).sqrt());
                                rotate(&mut gq, &angles[i], true);
                                gradient[i * 3 * hidden + h * HEAD_DIM..][..HEAD_DIM].copy_from_slice(&gq);
                            }
                            for (i, (gk, gv)) in gk.iter_mut().zip(&gv).enumerate() {
                                rotate(gk, &angles[i], true);
                                let row = &mut gradient[i * 3 * hidden..][..3 * hidden];
                                row[hidden + h * HEAD_DIM..][..HEAD_DIM].copy_from_slice(gk);
                                row[2 * hidden + h * HEAD_DIM..][..HEAD_DIM].copy_from_slice(gv);
                            }
                        }
                    },
                )
            },
        );
        Ok((CpuStorage::F32(gradient), lq.shape().clone()))
    }
}
