//! Numbers that stand in pictures and tables: errors to three digits, ratios, counts.

use crate::prune::LayerRatio;

/// A ratio from 0 to 1: `0.2031`; of heads and channels apart: `0.10/0.30`.
pub fn ratio<R: Into<LayerRatio>>(value: R) -> String {
    let value = value.into();
    match value.one() {
        Some(one) => format!("{one:.4}"),
        None => format!("{value:.2}"),
    }
}

/// An error: `1.23e-3`, `0` where there is none.
pub fn error(value: f64) -> String {
    if value == 0.0 {
        "0".into()
    } else if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".into() } else { "-inf".into() }
    } else {
        format!("{value:.2e}")
    }
}

/// A quantity of any size: four digits, with an exponent where they would not do.
pub fn measure(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        error(value)
    } else if (1e-3..1e5).contains(&size) {
        let digits = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}

/// A whole number, in threes: `28,672`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as per cent: `12.5 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How many of something there are.
pub fn plural(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number as u64), if number == 1 { one } else { many })
}

/// A place in an order, from 1: `1st`, `12th`.
pub fn ordinal(place: usize) -> String {
    let end = match (place % 100, place % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        (_, _) => "th",
    };
    format!("{place}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_stay_short() {
        assert_eq!(error(0.0), "0");
        assert_eq!(error(0.001234), "1.23e-3");
        assert_eq!(error(f64::NAN), "NaN");
        assert_eq!(error(f64::INFINITY), "inf");
        for (value, text) in
            [(0.0, "0"), (0.01, "0.01000"), (12.345, "12.35"), (4321.9, "4322"), (1e7, "1.00e7")]
        {
            assert_eq!(measure(value), text);
        }
    }

    #[test]
    fn counts_and_places_read_well() {
        assert_eq!([7, 999, 28_672, 1_000_000].map(count).join(" "), "7 999 28,672 1,000,000");
        assert_eq!(
            (plural(1, "batch", "batches"), plural(2, "batch", "batches")),
            ("1 batch".into(), "2 batches".into())
        );
        assert_eq!([1, 2, 3, 4, 11, 22, 113].map(ordinal).join(" "), "1st 2nd 3rd 4th 11th 22nd 113th");
    }
}
