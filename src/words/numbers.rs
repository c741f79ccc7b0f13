//! Counts, sizes and measured values as text.

use crate::config::ByteSize;

/// A parameter count with three significant digits: `812`, `12.3 k`, `2.40 M`, `6.74 B`.
pub fn parameters(count: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")];
    let number = count as f64;
    // 0.9995 of a unit or more is rounded to 1.00 of that unit.
    match UNITS.into_iter().find(|(size, _)| number >= size * 0.9995) {
        Some((size, unit)) => format!("{}{unit}", three_digits(number / size)),
        None => count.to_string(),
    }
}

/// A size in binary units: `61.2 MiB`.
pub fn bytes(count: u64) -> String {
    ByteSize(count).to_string()
}

/// A whole number with thousands separators: `15,191,712`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 batch`, `1,024 batches`.
pub fn plural(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number as u64), if number == 1 { one } else { many })
}

/// A position, counted from 1: `1st`, `12th`.
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

/// An absolute error with three significant digits: `1.23e-3`; exactly zero is `0`.
pub fn error(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        value if value.is_finite() => format!("{value:.2e}"),
        value => value.to_string(),
    }
}

/// A difference with its sign and this number of decimals: `+0.250`, `−1.5`.
pub fn signed(value: f64, decimals: usize) -> String {
    format!("{value:+.decimals$}").replace('-', "−")
}

/// A value of any magnitude with four significant digits, in scientific notation outside 10⁻³ to 10⁵.
pub fn measure(value: f64) -> String {
    let size = value.abs();
    if (1e-3..1e5).contains(&size) {
        let digits = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{value:.digits$}")
    } else {
        error(value)
    }
}

/// A setting or statistic with few digits: `0.01`, `12.3`, `4321`, `1.2e4`.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e4).contains(&size) => format!("{value:.1e}"),
        size if size < 1.0 => value.to_string(),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A perplexity: `12.3456`, `1234.5`, `1.234e5`.
pub fn perplexity(value: f64) -> String {
    match value {
        value if value.is_nan() => "–".into(),
        value if value < 100.0 => format!("{value:.4}"),
        value if value < 10_000.0 => format!("{value:.1}"),
        value => format!("{value:.3e}"),
    }
}

/// A standard error with two significant digits after its value: ` ± 0.12`; nothing if it is unknown.
pub fn plus_minus(error: Option<f64>) -> String {
    let digits = |error: f64| match error {
        _ if !(1e-4..1e4).contains(&error) => format!("{error:.1e}"),
        _ => format!("{error:.*}", (1.0 - error.log10().floor()).clamp(0.0, 6.0) as usize),
    };
    error.map_or(String::new(), |error| format!(" ± {}", digits(error)))
}

/// The text of a value, or `-` if there is none.
pub fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".into(), text)
}

/// A number with three significant digits: `1.23`, `12.3`, `123`.
fn three_digits(number: f64) -> String {
    match number {
        n if n < 9.995 => format!("{n:.2}"),
        n if n < 99.95 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_have_three_significant_digits_and_a_unit() {
        for (count, text) in [
            (0, "0"),
            (812, "812"),
            (999, "999"),
            (1000, "1.00 k"),
            (12_345, "12.3 k"),
            (999_499, "999 k"),
            (999_999, "1.00 M"),
            (2_400_000, "2.40 M"),
            (6_738_415_616, "6.74 B"),
        ] {
            assert_eq!(parameters(count), text);
        }
    }

    #[test]
    fn counts_have_a_comma_before_every_three_digits() {
        assert_eq!([7, 999, 28_672, 1_000_000].map(count).join(" "), "7 999 28,672 1,000,000");
    }

    #[test]
    fn a_noun_is_singular_only_for_one() {
        let batches = |number| plural(number, "batch", "batches");
        assert_eq!([0, 1, 2, 1024].map(batches).join(", "), "0 batches, 1 batch, 2 batches, 1,024 batches");
    }

    #[test]
    fn positions_from_11_to_13_end_in_th() {
        assert_eq!([1, 2, 3, 4, 11, 22, 113].map(ordinal).join(" "), "1st 2nd 3rd 4th 11th 22nd 113th");
    }

    #[test]
    fn values_of_every_magnitude_are_short() {
        for (value, text) in [(0.0, "0"), (0.001234, "1.23e-3"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
            assert_eq!(error(value), text);
        }
        for (value, text) in
            [(0.0, "0"), (0.01, "0.01000"), (12.345, "12.35"), (4321.9, "4322"), (1e7, "1.00e7")]
        {
            assert_eq!(measure(value), text);
        }
        for (value, text) in [(8.25, "8.2500"), (1234.56, "1234.6"), (123_456.0, "1.235e5")] {
            assert_eq!(perplexity(value), text);
        }
    }
}
