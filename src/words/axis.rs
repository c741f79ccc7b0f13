//! The rule for log axes, shared by the terminal and saved charts.

/// Minimum ratio of the largest to the smallest positive value for a log axis.
const SPREAD: f64 = 30.0;

/// True if the range of the positive values is so wide that a linear axis would hide the small ones.
pub fn needs_log_axis(values: impl IntoIterator<Item = f64>) -> bool {
    let positive = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
    let (low, high) =
        positive.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    high / low >= SPREAD
}

#[cfg(test)]
mod tests {
    use super::needs_log_axis;

    #[test]
    fn only_positive_values_determine_a_log_axis() {
        assert!(needs_log_axis([0.1, 3.0]));
        assert!(!needs_log_axis([0.1, 2.9, 0.0, -5.0, f64::NAN, f64::INFINITY]));
        assert!(!needs_log_axis([]) && !needs_log_axis([0.0]));
    }
}
