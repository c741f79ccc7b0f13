//! Operations on rows in the widest vectors of the processor: norms, gates, rotary positions, softmax.
//!
//! Sums run in fixed lanes, so the width of the vectors does not change the bits.

pub mod slopes;

/// Numbers summed in parallel lanes.
const LANES: usize = 16;

/// Runs `f` with the widest vectors of this processor.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// The activation function of a gate.
#[derive(Clone, Copy)]
pub enum Gate {
    Silu,
    GeluTanh,
}

/// out ← x / √(mean(x²) + eps) ⊙ weight for each row of x: [rows, weight's length].
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    vectorised(
        #[inline(always)]
        || {
            for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
                let factor = rms_factor(x, eps);
                for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
                    *out = x * factor * weight;
                }
            }
        },
    );
}

/// [`rms_norm`] in place.
pub fn rms_norm_in_place(x: &mut [f32], weight: &[f32], eps: f32) {
    vectorised(
        #[inline(always)]
        || {
            for x in x.chunks_exact_mut(weight.len()) {
                let factor = rms_factor(x, eps);
                for (x, weight) in x.iter_mut().zip(weight) {
                    *x = *x * factor * weight;
                }
            }
        },
    );
}

#[inline(always)]
fn rms_factor(x: &[f32], eps: f32) -> f32 {
    let (lanes, rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for x in lanes {
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum += x * x;
        }
    }
    let mut sum = added(&sums);
    for x in rest {
        sum += x * x;
    }
    1.0 / (sum / x.len() as f32 + eps).sqrt()
}

/// gate ← act(gate) ⊙ up, of equal lengths.
pub fn gated(act: Gate, gate: &mut [f32], up: &[f32]) {
    // √(2/π)
    const ROOT: f32 = 0.797_884_6;
    vectorised(
        #[inline(always)]
        || match act {
            Gate::Silu => {
                for (gate, up) in gate.iter_mut().zip(up) {
                    *gate = *gate / (1.0 + exp(-*gate)) * up;
                }
            }
            Gate::GeluTanh => {
                for (gate, up) in gate.iter_mut().zip(up) {
                    let x = *gate;
                    // x (1 + tanh y) / 2 = x / (1 + e^(−2y))
                    let y = ROOT * x * (1.0 + 0.044_715 * x * x);
                    *gate = x / (1.0 + exp(-2.0 * y)) * up;
                }
            }
        },
    );
}

/// out ← h + factor · y.
pub fn add_scaled(h: &[f32], y: &[f32], factor: f32, out: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            for ((out, h), y) in out.iter_mut().zip(h).zip(y) {
                *out = h + factor * y;
            }
        },
    );
}

/// h ← h + factor · y.
pub fn add_scaled_in_place(h: &mut [f32], y: &[f32], factor: f32) {
    vectorised(
        #[inline(always)]
        || h.iter_mut().zip(y).for_each(|(h, y)| *h += factor * y),
    );
}

/// Rotates the heads of one token, [heads, head_dim], by angles with these cosines and sines: element i of a head with
/// element i + length of `cos`.
pub fn rotate(token: &mut [f32], head_dim: usize, cos: &[f32], sin: &[f32]) {
    let half = cos.len();
    vectorised(
        #[inline(always)]
        || {
            for head in token.chunks_exact_mut(head_dim) {
                let (first, second) = head[..2 * half].split_at_mut(half);
                for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        },
    );
}

/// softmax(scale · x).
pub fn softmax(scale: f32, x: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            let most = largest(x);
            let sum = exponentials(
                x,
                #[inline(always)]
                |x| scale * (x - most),
            );
            let inverse = 1.0 / sum;
            x.iter_mut().for_each(|x| *x *= inverse);
        },
    );
}

/// The largest number and Σ e^(x − largest).
pub fn log_sum_parts(x: &mut [f32]) -> (f32, f32) {
    vectorised(
        #[inline(always)]
        || {
            let most = largest(x);
            (
                most,
                exponentials(
                    x,
                    #[inline(always)]
                    |x| x - most,
                ),
            )
        },
    )
}

/// The largest number of x, Σ e^(x − largest), and Σ e^(x − largest) (x − other).
pub fn exponentials_and_differences(x: &[f32], other: &[f32]) -> (f32, f32, f32) {
    vectorised(
        #[inline(always)]
        || {
            let most = largest(x);
            let (mut sums, mut differences) = ([0.0; LANES], [0.0; LANES]);
            for (x, other) in x.chunks(LANES).zip(other.chunks(LANES)) {
                for (((x, other), sum), difference) in
                    x.iter().zip(other).zip(&mut sums).zip(&mut differences)
                {
                    let weight = exp(x - most);
                    *sum += weight;
                    *difference += weight * (x - other);
                }
            }
            (most, added(&sums), added(&differences))
        },
    )
}

#[inline(always)]
fn largest(x: &[f32]) -> f32 {
    let (lanes, rest) = x.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for x in lanes {
        for (most, &x) in most.iter_mut().zip(x) {
            *most = if x > *most { x } else { *most };
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for lane in most {
        largest = if lane > largest { lane } else { largest };
    }
    for &x in rest {
        largest = if x > largest { x } else { largest };
    }
    largest
}

#[inline(always)]
fn added(lanes: &[f32; LANES]) -> f32 {
    let mut sum = 0.0;
    for lane in lanes {
        sum += lane;
    }
    sum
}

/// x ← e^exponent(x); the sum, in a fixed order.
#[inline(always)]
fn exponentials(x: &mut [f32], exponent: impl Fn(f32) -> f32) -> f32 {
    let (lanes, rest) = x.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for x in lanes {
        for (sum, x) in sums.iter_mut().zip(x) {
            *x = exp(exponent(*x));
            *sum += *x;
        }
    }
    let mut sum = added(&sums);
    for x in rest {
        *x = exp(exponent(*x));
        sum += *x;
    }
    sum
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
