//! Ratios, percentages and relative changes as text.

use crate::prune::LayerRatio;

/// A pruning ratio from 0 to 1: `0.2031`; both values if heads and channels differ: `0.10/0.30`.
pub fn ratio<R: Into<LayerRatio>>(value: R) -> String {
    let value = value.into();
    match value.one() {
        Some(one) => format!("{one:.4}"),
        None => format!("{:.2}/{:.2}", value.attention, value.mlp),
    }
}

/// A fraction as a percentage with one decimal: `12.5 %`.
pub fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// A relative error as a percentage: `12.345 %`, `1.2e-5 %`; `–` if it is not finite, which happens for a
/// part with zero output.
pub fn relative_error(fraction: f64) -> String {
    let value = 100.0 * fraction;
    match value.abs() {
        size if !size.is_finite() => "–".into(),
        0.0 => "0 %".into(),
        size if size < 5e-4 => format!("{value:.1e} %"),
        _ => format!("{value:.3} %"),
    }
}

/// The progress of a stage as a whole percentage: `42 %`. Unfinished work is never shown as 100 %.
pub fn progress(fraction: f64) -> String {
    if !fraction.is_finite() {
        return "–".into();
    }
    let whole = (100.0 * fraction).round();
    format!("{} %", if fraction < 1.0 { whole.min(99.0) } else { whole })
}

/// The relative change from `before` to `after` with its sign: `−19.1 %`, `+0.4 %`, `0 %`.
pub fn change(before: f64, after: f64) -> String {
    let tenths = (1000.0 * (after - before) / before).round();
    match tenths {
        t if !t.is_finite() => "–".into(),
        0.0 => "0 %".into(),
        t if t < 0.0 => format!("−{:.1} %", -t / 10.0),
        t => format!("+{:.1} %", t / 10.0),
    }
}

/// The fraction of `before` that was removed: `26.1 %`.
pub fn fewer(before: u64, after: u64) -> String {
    percent(1.0 - after as f64 / before.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_shows_both_parts_only_if_they_differ() {
        assert_eq!(ratio(0.25), "0.2500");
        assert_eq!(ratio(LayerRatio::new(0.1, 0.3)), "0.10/0.30");
    }

    #[test]
    fn small_relative_errors_keep_two_significant_digits() {
        for (fraction, text) in
            [(0.0, "0 %"), (0.12345, "12.345 %"), (1.2e-7, "1.2e-5 %"), (f64::NAN, "–"), (f64::INFINITY, "–")]
        {
            assert_eq!(relative_error(fraction), text);
        }
    }

    #[test]
    fn unfinished_work_is_never_at_100_per_cent() {
        assert_eq!([0.424, 0.999, 1.0, f64::NAN].map(progress).join(", "), "42 %, 99 %, 100 %, –");
    }

    #[test]
    fn a_change_has_a_sign_unless_it_rounds_to_zero() {
        assert_eq!(change(15.2, 12.3), "−19.1 %");
        assert_eq!(change(10.0, 10.04), "+0.4 %");
        assert_eq!(change(10.0, 10.0), "0 %");
        assert_eq!(change(0.0, 1.0), "–");
    }

    #[test]
    fn fewer_is_the_removed_fraction() {
        assert_eq!(fewer(200, 150), "25.0 %");
        assert_eq!(fewer(0, 0), "100.0 %");
    }
}
