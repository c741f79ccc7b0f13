//! Durations, ages and dates as text.

use jiff::Timestamp;

/// The time of a running clock: `0:12`, `1:02:03`; `–` if it is unknown.
pub fn clock(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A duration: `42.0 s`, `3.5 min`, `2.1 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1} s"),
        60.0..3600.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// An age, computed from two Unix times in seconds: `just now`, `5 min ago`, `3 weeks ago`. A time in the
/// future is `just now`.
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

/// A date with its time of day: `2026-11-25 04:24 UTC`.
pub fn date(unix_seconds: u64) -> String {
    let time = i64::try_from(unix_seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "unknown".into(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_hours_from_the_first_hour() {
        for (time, text) in
            [(0.2, "0:00"), (12.0, "0:12"), (3723.0, "1:02:03"), (59.6, "1:00"), (f64::NAN, "–")]
        {
            assert_eq!(clock(time), text);
        }
    }

    #[test]
    fn a_duration_is_in_its_largest_full_unit() {
        assert_eq!([42.0, 210.0, 7560.0].map(duration).join(", "), "42.0 s, 3.5 min, 2.1 h");
    }

    #[test]
    fn an_age_is_in_one_unit() {
        let now = 1_800_000_000;
        for (seconds, text) in [
            (0, "just now"),
            (59, "just now"),
            (300, "5 min ago"),
            (7200, "2 h ago"),
            (86_400, "1 day ago"),
            (86_400 * 20, "2 weeks ago"),
            (86_400 * 100, "3 months ago"),
            (86_400 * 800, "2 years ago"),
        ] {
            assert_eq!(ago(now, now - seconds), text);
        }
        assert_eq!(ago(5, 9), "just now");
    }

    #[test]
    fn a_date_is_in_utc() {
        assert_eq!(date(1_764_044_640), "2025-11-25 04:24 UTC");
        assert_eq!(date(u64::MAX), "unknown");
    }
}
