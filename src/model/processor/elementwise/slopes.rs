//! Vector-Jacobian products of the operations on rows. `at` is the gradient at the result.

use super::{Gate, LANES, added, exp, rms_factor, vectorised};

/// out ← out + the gradient at x, for y = x / √(mean(x²) + eps) ⊙ weight: x, at, out [rows, weight's length].
pub fn add_rms_norm(x: &[f32], weight: &[f32], eps: f32, at: &[f32], out: &mut [f32]) {
    let width = weight.len();
    vectorised(
        #[inline(always)]
        || {
            let rows = x.chunks_exact(width).zip(at.chunks_exact(width)).zip(out.chunks_exact_mut(width));
            for ((x, at), out) in rows {
                let factor = rms_factor(x, eps);
                let along = triple(x, weight, at) * factor * factor * factor / width as f32;
                for (((out, x), weight), at) in out.iter_mut().zip(x).zip(weight).zip(at) {
                    *out += factor * weight * at - along * x;
                }
            }
        },
    );
}

/// Σ a b c, in a fixed order.
#[inline(always)]
fn triple(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest), (c, c_rest)) =
        (a.as_chunks::<LANES>(), b.as_chunks::<LANES>(), c.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        for (((sum, a), b), c) in sums.iter_mut().zip(a).zip(b).zip(c) {
            *sum += a * b * c;
        }
    }
    let mut sum = added(&sums);
    for ((a, b), c) in a_rest.iter().zip(b_rest).zip(c_rest) {
        sum += a * b * c;
    }
    sum
}

/// Σ a b, in a fixed order.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    vectorised(
        #[inline(always)]
        || product(a, b),
    )
}

#[inline(always)]
fn product(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let mut sum = added(&sums);
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum += a * b;
    }
    sum
}

/// f = act(gate) ⊙ up: the gradient at f becomes that at up in place, and `at_gate` that at gate.
pub fn gated(act: Gate, [gate, up]: [&[f32]; 2], at: &mut [f32], at_gate: &mut [f32]) {
    // √(2/π)
    const ROOT: f32 = 0.797_884_6;
    const CUBIC: f32 = 0.044_715;
    vectorised(
        #[inline(always)]
        || {
            let all = gate.iter().zip(up).zip(at.iter_mut()).zip(at_gate.iter_mut());
            match act {
                Gate::Silu => {
                    for (((&x, up), at), at_gate) in all {
                        let sigmoid = 1.0 / (1.0 + exp(-x));
                        *at_gate = *at * up * (sigmoid * (1.0 + x * (1.0 - sigmoid)));
                        *at *= x * sigmoid;
                    }
                }
                Gate::GeluTanh => {
                    for (((&x, up), at), at_gate) in all {
                        // (1 + tanh y)/2 = 1/(1 + e^(−2y)) = s, whose derivative is 2 s (1 − s) y′.
                        let y = ROOT * x * (1.0 + CUBIC * x * x);
                        let s = 1.0 / (1.0 + exp(-2.0 * y));
                        let slope = ROOT * (1.0 + 3.0 * CUBIC * x * x);
                        *at_gate = *at * up * (s + 2.0 * x * s * (1.0 - s) * slope);
                        *at *= x * s;
                    }
                }
            }
        },
    );
}

/// weights = softmax(scale · scores): the gradient at the weights becomes that at the scores in place.
pub fn softmax(scale: f32, weights: &[f32], at: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            let along = product(weights, at);
            for (at, weight) in at.iter_mut().zip(weights) {
                *at = scale * weight * (*at - along);
            }
        },
    );
}

/// x ← e^(x − most), and Σ of every `stretch` numbers in `sums`.
pub fn exponentials(x: &mut [f32], most: f32, stretch: usize, sums: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (x, sum) in x.chunks_mut(stretch).zip(sums) {
                *sum = super::exponentials(
                    x,
                    #[inline(always)]
                    |x| x - most,
                );
            }
        },
    );
}

/// The largest number.
pub fn largest(x: &[f32]) -> f32 {
    vectorised(
        #[inline(always)]
        || super::largest(x),
    )
}
