//! Numbers as a person reads them.

use crate::config::ByteSize;

/// Three digits that count: `812`, `12.3 k`, `2.40 M`, `6.74 B`.
pub fn parameters(count: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k")];
    let number = count as f64;
    // Half of the last digit below a unit, the number would round up to 1000 of the smaller one.
    match UNITS.into_iter().find(|(size, _)| number >= size * 0.9995) {
        Some((size, unit)) => format!("{}{unit}", three_digits(number / size)),
        None => count.to_string(),
    }
}

/// In binary units: `61.2 MiB`.
pub fn bytes(count: u64) -> String {
    ByteSize(count).to_string()
}

/// `0:12`, `1:02:03`; `–` where it is not known.
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long ago something was, by Unix seconds: `just now`, `5 min ago`, `3 weeks ago`. What lies ahead is just now.
pub fn ago(now: u64, then: u64) -> String {
    let seconds = now.saturating_sub(then);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let some = |count: u64, one: &str| format!("{count} {one}{} ago", if count == 1 { "" } else { "s" });
    match days {
        0 if minutes == 0 => "just now".into(),
        0 if hours == 0 => format!("{minutes} min ago"),
        0 => format!("{hours} h ago"),
        1..14 => some(days, "day"),
        14..60 => some(days / 7, "week"),
        60..730 => some(days / 30, "month"),
        _ => some(days / 365, "year"),
    }
}

/// A share in whole per cent: `42 %`. What is not yet complete never reads as 100 %.
pub fn per_cent(share: f64) -> String {
    if !share.is_finite() {
        return "–".into();
    }
    let per_cent = if share < 1.0 { (share * 100.0).round().min(99.0) } else { (share * 100.0).round() };
    format!("{per_cent} %")
}

/// How much smaller or larger, to a tenth of a per cent: `−19.1 %`, `+0.4 %`, `0 %`.
pub fn change(before: f64, after: f64) -> String {
    let tenths = (1000.0 * (after - before) / before).round();
    match tenths {
        t if !t.is_finite() => "–".into(),
        0.0 => "0 %".into(),
        t if t < 0.0 => format!("−{:.1} %", -t / 10.0),
        t => format!("+{:.1} %", t / 10.0),
    }
}

/// `1.23`, `12.3`, `123`.
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
    fn counts_have_three_digits_and_a_unit() {
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
    fn times_have_hours_only_where_there_are_any() {
        for (time, text) in
            [(0.2, "0:00"), (12.0, "0:12"), (3723.0, "1:02:03"), (59.6, "1:00"), (f64::NAN, "–")]
        {
            assert_eq!(seconds(time), text);
        }
    }

    #[test]
    fn what_was_is_told_as_a_person_would() {
        let now = 1_800_000_000;
        for (before, text) in [
            (0, "just now"),
            (59, "just now"),
            (300, "5 min ago"),
            (7200, "2 h ago"),
            (86_400, "1 day ago"),
            (86_400 * 20, "2 weeks ago"),
            (86_400 * 100, "3 months ago"),
            (86_400 * 800, "2 years ago"),
        ] {
            assert_eq!(ago(now, now - before), text);
        }
        assert_eq!(ago(5, 9), "just now");
    }

    #[test]
    fn what_is_not_complete_is_not_100_per_cent() {
        assert_eq!(per_cent(0.999), "99 %");
        assert_eq!(per_cent(1.0), "100 %");
        assert_eq!(per_cent(0.424), "42 %");
    }

    #[test]
    fn a_change_has_a_sign() {
        assert_eq!(change(15.2, 12.3), "−19.1 %");
        assert_eq!(change(10.0, 10.04), "+0.4 %");
        assert_eq!(change(10.0, 10.0), "0 %");
        assert_eq!(change(0.0, 1.0), "–");
    }
}
