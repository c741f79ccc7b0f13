//! How numbers are written: errors, ratios, counts, sizes, times.

/// A ratio from 0 to 1: `0.2031`.
pub fn ratio(value: f64) -> String {
    format!("{value:.4}")
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

/// Parameters: `6.74 B`, `2.40 M`.
pub fn parameters(value: u64) -> String {
    let size = value as f64;
    match value {
        0..1_000 => value.to_string(),
        1_000..1_000_000 => format!("{:.1} K", size / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} M", size / 1e6),
        1_000_000_000.. => format!("{:.2} B", size / 1e9),
    }
}

/// Bytes, in binary units.
pub fn bytes(count: u64) -> String {
    crate::config::ByteSize(count).to_string()
}

/// A share as per cent: `12.5 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How much a number has changed, in per cent: `−19.6 %`.
pub fn change(before: f64, after: f64) -> String {
    if before == 0.0 || !(after / before).is_finite() {
        return String::new();
    }
    format!("{} %", signed((after / before - 1.0) * 100.0))
}

/// One decimal and always a sign.
pub fn signed(value: f64) -> String {
    let sign = if value < 0.0 { '−' } else { '+' };
    format!("{sign}{:.1}", value.abs())
}

/// Seconds: `0:07`, `12:03`, `1:02:03`.
pub fn seconds(value: f64) -> String {
    let whole = if value.is_finite() { value.max(0.0).round() as u64 } else { 0 };
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
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
    fn counts_sizes_and_times_read_well() {
        assert_eq!((count(7), count(999), count(28_672), count(1_000_000)).2, "28,672");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(parameters(6_738_415_616), "6.74 B");
        assert_eq!(parameters(2_400_000), "2.40 M");
        assert_eq!(
            (seconds(7.2), seconds(723.0), seconds(3723.0)),
            ("0:07".into(), "12:03".into(), "1:02:03".into())
        );
        assert_eq!(change(8.0, 6.0), "−25.0 %");
        assert_eq!(change(0.0, 6.0), "");
        assert_eq!([1, 2, 3, 4, 11, 22, 113].map(ordinal).join(" "), "1st 2nd 3rd 4th 11th 22nd 113th");
    }
}
