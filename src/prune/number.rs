//! The number types of an elimination: f32 and f64.

use crate::product;

/// f32 or f64.
pub(super) trait Number: product::Number + Default + Into<f64> + 'static {
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
}

impl Number for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
}

impl Number for f64 {
    fn of(value: f64) -> Self {
        value
    }
}

/// Numbers summed in parallel lanes, which fill the processor's vector registers.
const LANES: usize = 8;

/// Σ a_i b_i in f64, always summed in the same order.
///
/// The loops use no adapters of the standard library that the compiler would call for every element, because it
/// inlines only functions marked for it across units of code generation.
pub(super) fn dot<A: Number, B: Number>(a: &[A], b: &[B]) -> f64 {
    let (a, b) = (&a[..a.len().min(b.len())], &b[..a.len().min(b.len())]);
    let ((a_lanes, a_rest), (b_lanes, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut rest = 0.0;
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        rest += a.into() * b.into();
    }
    let mut sums = [0.0; LANES];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for k in 0..LANES {
            sums[k] += a[k].into() * b[k].into();
        }
    }
    for sum in sums {
        rest += sum;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f32_values_are_summed_in_f64() {
        let a: Vec<f32> = (0..1003).map(|i| 1.0 + i as f32 * 1e-3).collect();
        let exact: f64 = a.iter().map(|&a| f64::from(a) * f64::from(a)).sum();
        assert!((dot(&a, &a) - exact).abs() < 1e-12 * exact);
        let matrix = faer::Mat::from_fn(1003, 2, |i, j| a[i] * (1 + j) as f32);
        let columns = crate::prune::shared_work::columns_squared(matrix.as_ref());
        assert!((columns[0] - exact).abs() < 1e-12 * exact);
        assert!((columns[1] - 4.0 * exact).abs() < 1e-12 * exact);
    }
}
