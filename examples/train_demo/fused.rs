//! Differentiable fused operations. Composed of candle's operations, they would take dozens of passes through
//! memory.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

use crate::attention::exp;

/// Runs `f` with the widest vectors of this processor.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// The contiguous f32 values of a layout.
pub fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("a fused operation needs a contiguous tensor")
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// y = x / rms(x) · w over the last axis. x: [n, d], w: [d].
pub struct RmsNorm {
    pub eps: f32,
}

/// [n + 1, d]: the gradient of x in the first n rows, and that of w in the last row.
struct RmsNormGradient<'a> {
    eps: f32,
    /// [d]
    w: &'a Tensor,
}

#[inline(always)]
fn inverse_rms(row: &[f32], eps: f32) -> f32 {
    let mut sums = [0f32; 16];
    for chunk in row.as_chunks::<16>().0 {
        for (s, v) in sums.iter_mut().zip(chunk) {
            *s += v * v;
        }
    }
    1.0 / (sums.iter().sum::<f32>() / row.len() as f32 + eps).sqrt()
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (floats(x, lx)?, floats(w, lw)?);
        let d = w.len();
        let mut y = vec![0f32; x.len()];
        vectorised(
            #[inline(always)]
            || {
                for (row, out) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)) {
                    let scale = inverse_rms(row, self.eps);
                    for ((o, &v), &w) in out.iter_mut().zip(row).zip(w) {
                        *o = v * scale * w;
                    }
                }
            },
        );
        Ok((CpuStorage::F32(y), lx.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        gy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (n, _) = x.dims2()?;
        let both = x.apply_op2_no_bwd(&gy.contiguous()?, &RmsNormGradient { eps: self.eps, w })?;
        Ok((Some(both.narrow(0, 0, n)?), Some(both.get(n)?)))
    }
}

impl CustomOp2 for RmsNormGradient<'_> {
    fn name(&self) -> &'static str {
        "rms-norm-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        gy: &CpuStorage,
        lg: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, gy) = (floats(x, lx)?, floats(gy, lg)?);
        let w = self.w.to_vec1::<f32>()?;
        let d = w.len();
        let mut both = vec![0f32; x.len() + d];
        vectorised(
            #[inline(always)]
            || {
                let (gx, gw) = both.split_at_mut(x.len());
                for ((x, gy), gx) in x.chunks_exact(d).zip(gy.chunks_exact(d)).zip(gx.chunks_exact_mut(d)) {
                    let scale = inverse_rms(x, self.eps);
                    let mut along = 0f32;
                    for k in 0..d {
                        along += gy[k] * w[k] * x[k];
                        gw[k] += gy[k] * x[k] * scale;
                    }
                    let back = along * scale * scale * scale / d as f32;
                    for k in 0..d {
                        gx[k] = gy[k] * w[k] * scale - x[k] * back;
                    }
                }
            },
        );
        Ok((CpuStorage::F32(both), Shape::from((x.len() / d + 1, d))))
    }
}

/// silu(gate) · up of [n, 2·ffn], gates first → [n, ffn].
pub struct SwiGlu;

struct SwiGluGradient;

impl CustomOp1 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, two_ffn) = lx.shape().dims2()?;
        let (x, ffn) = (floats(x, lx)?, two_ffn / 2);
        let mut y = vec![0f32; n * ffn];
        vectorised(
            #[inline(always)]
            || {
                for (row, out) in x.chunks_exact(two_ffn).zip(y.chunks_exact_mut(ffn)) {
                    let (gate, up) = row.split_at(ffn);
                    for ((o, &g), &u) in out.iter_mut().zip(gate).zip(up) {
                        *o = g * u / (1.0 + exp(-g));
                    }
                }
            },
        );
        Ok((CpuStorage::F32(y), Shape::from((n, ffn))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gy: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(x.apply_op2_no_bwd(&gy.contiguous()?, &SwiGluGradient)?))
    }
}

impl CustomOp2 for SwiGluGradient {
    fn name(&self) -> &'static str {
        "swiglu-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        gy: &CpuStorage,
        lg: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, two_ffn) = lx.shape().dims2()?;
        let (x, gy, ffn) = (floats(x, lx)?, floats(gy, lg)?, two_ffn / 2);
        let mut gx = vec![0f32; x.len()];
        vectorised(
            #[inline(always)]
            || {
                for ((x, gx), gy) in
                    x.chunks_exact(two_ffn).zip(gx.chunks_exact_mut(two_ffn)).zip(gy.chunks_exact(ffn))
                {
                    let (gate, up) = x.split_at(ffn);
                    let (g_gate, g_up) = gx.split_at_mut(ffn);
                    for k in 0..ffn {
                        let sigmoid = 1.0 / (1.0 + exp(-gate[k]));
                        g_gate[k] = gy[k] * up[k] * sigmoid * (1.0 + gate[k] * (1.0 - sigmoid));
                        g_up[k] = gy[k] * gate[k] * sigmoid;
                    }
                }
            },
        );
        Ok((CpuStorage::F32(gx), lx.shape().clone()))
    }
}

/// Mean negative log-likelihood (nats per token) of logits [n, vocabulary] for its n targets → [].
pub struct CrossEntropy {
    pub targets: Vec<u32>,
}

struct CrossEntropyGradient<'a> {
    targets: &'a [u32],
    /// The gradient of the loss, divided by n.
    scale: f32,
}

/// Stores exp(row − max) in `row`. Returns (log Σ exp, Σ exp(row − max)).
#[inline(always)]
fn exponentials(row: &mut [f32]) -> (f32, f32) {
    let mut maxima = [f32::MIN; 16];
    let (chunks, rest) = row.as_chunks::<16>();
    for chunk in chunks {
        for (m, &v) in maxima.iter_mut().zip(chunk) {
            *m = if v > *m { v } else { *m };
        }
    }
    let top = maxima.iter().chain(rest).copied().fold(f32::MIN, f32::max);
    for v in row.iter_mut() {
        *v = exp(*v - top);
    }
    let mut sums = [0f32; 16];
    let (chunks, rest) = row.as_chunks::<16>();
    for chunk in chunks {
        for (s, v) in sums.iter_mut().zip(chunk) {
            *s += v;
        }
    }
    let sum = sums.iter().chain(rest).sum::<f32>();
    (top + sum.ln(), sum)
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, vocabulary) = layout.shape().dims2()?;
        let logits = floats(logits, layout)?;
        let mut row = vec![0f32; vocabulary];
        let total = vectorised(
            #[inline(always)]
            || {
                let mut total = 0f64;
                for (logits, &target) in logits.chunks_exact(vocabulary).zip(&self.targets) {
                    row.copy_from_slice(logits);
                    let (log_sum, _) = exponentials(&mut row);
                    total += f64::from(log_sum - logits[target as usize]);
                }
                total
            },
        );
        Ok((CpuStorage::F32(vec![(total / n as f64) as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let scale = g.to_scalar::<f32>()? / self.targets.len() as f32;
        Ok(Some(logits.apply_op1_no_bwd(&CrossEntropyGradient { targets: &self.targets, scale })?))
    }
}

impl CustomOp1 for CrossEntropyGradient<'_> {
    fn name(&self) -> &'static str {
        "cross-entropy-gradient"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, vocabulary) = layout.shape().dims2()?;
        let mut gradient = floats(logits, layout)?.to_vec();
        vectorised(
            #[inline(always)]
            || {
                for (row, &target) in gradient.chunks_exact_mut(vocabulary).zip(self.targets) {
                    let (_, sum) = exponentials(row);
                    let factor = self.scale / sum;
                    for v in row.iter_mut() {
                        *v *= factor;
                    }
                    row[target as usize] -= self.scale;
                }
            },
        );
        Ok((CpuStorage::F32(gradient), layout.shape().clone()))
    }
}
