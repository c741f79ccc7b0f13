//! Numbers as a page says them.

use jiff::Timestamp;

use crate::prune::Part;

/// With a comma before each three digits: `15,191,712`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.char_indices().map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        if comma { format!(",{digit}") } else { digit.to_string() }
    });
    grouped.collect()
}

/// `0.123 %`, `12.345 %`, `1.2e-5 %`; a part without any output has none.
pub fn percent(share: f64) -> String {
    let value = 100.0 * share;
    match value.abs() {
        size if !size.is_finite() => "–".into(),
        0.0 => "0 %".into(),
        size if size < 5e-4 => format!("{value:.1e} %"),
        _ => format!("{value:.3} %"),
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

pub fn part(part: Part) -> &'static str {
    match part {
        Part::Attention => "attention",
        Part::Mlp => "MLP",
    }
}

/// `2026-11-25 04:24 UTC`.
pub fn date(unix_seconds: u64) -> String {
    let time = i64::try_from(unix_seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "unknown".into(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// `42 s`, `3.5 min`, `2.1 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1} s"),
        60.0..3600.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// `15.2 M`, `6.7 G`; as it is below ten thousand.
pub fn rounded(number: u64) -> String {
    let value = number as f64;
    match number {
        ..10_000 => count(number),
        10_000..1_000_000 => format!("{:.0} k", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", value / 1e6),
        _ => format!("{:.2} G", value / 1e9),
    }
}
