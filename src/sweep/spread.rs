//! Mean and sample standard deviation.

use serde::Serialize;

/// The distribution of values that differ only in their seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub mean: f64,
    /// √(Σ(x − mean)² / (n − 1)); None for a single value.
    pub deviation: Option<f64>,
    pub count: usize,
}

impl Spread {
    /// The distribution of the values; None if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().collect();
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let deviation = (count > 1).then(|| (squares / (count as f64 - 1.0)).sqrt());
        (count > 0).then_some(Self { mean, deviation, count })
    }

    /// The mean minus and plus the deviation.
    pub fn ends(&self) -> (f64, f64) {
        let deviation = self.deviation.unwrap_or(0.0);
        (self.mean - deviation, self.mean + deviation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_the_sample_standard_deviation() {
        let spread = Spread::of([2.0, 4.0, 9.0]).unwrap();
        assert_eq!((spread.mean, spread.count), (5.0, 3));
        assert!((spread.deviation.unwrap() - 13f64.sqrt()).abs() < 1e-12);
        assert_eq!(Spread::of([3.0]), Some(Spread { mean: 3.0, deviation: None, count: 1 }));
        assert_eq!(Spread::of([]), None);
    }
}
