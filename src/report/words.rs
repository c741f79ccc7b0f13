//! Numbers as a page says them.

/// With a comma before each three digits: `15,191,712`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.char_indices().map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        if comma { format!(",{digit}") } else { digit.to_string() }
    });
    grouped.collect()
}

/// `0.0123 %`, `12.3 %`; a part without any output has none.
pub fn percent(share: f64) -> String {
    let value = 100.0 * share;
    match value.abs() {
        _ if !value.is_finite() => "–".into(),
        0.0 => "0 %".into(),
        size if size < 1e-4 => format!("{value:.1e} %"),
        size if size < 1.0 => format!("{value:.4} %"),
        size if size < 10.0 => format!("{value:.3} %"),
        _ => format!("{value:.2} %"),
    }
}

/// `1.2e4` above ten thousand, else as it is.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e4).contains(&size) => format!("{value:.1e}"),
        size if size < 1.0 => value.to_string(),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// What is fewer, in per cent of what was there before.
pub fn fewer(before: u64, after: u64) -> String {
    format!("{:.1} %", 100.0 * (1.0 - after as f64 / before.max(1) as f64))
}
