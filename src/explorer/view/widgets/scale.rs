//! Scales: the position of a value on an axis, and the tick labels.

use crate::words;

/// How values are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    Linear,
    Log,
}

/// An axis from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub spacing: Spacing,
}

/// Smallest value of a log axis relative to the largest; smaller ones are drawn at the bottom.
const FAINTEST: f64 = 1e-8;

/// A tick label.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// From 0 at `low` to 1 at `high`.
    pub place: f64,
    pub label: String,
}

impl Scale {
    /// An axis from 0 to the next round number at or above `highest`.
    pub fn from_zero(highest: f64) -> Self {
        let high = if highest.is_finite() && highest > 0.0 { round_up(highest) } else { 1.0 };
        Self { low: 0.0, high, spacing: Spacing::Linear }
    }

    /// An axis from exactly `low` to exactly `high`.
    pub fn between(low: f64, high: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, spacing: Spacing::Linear }
    }

    /// A log axis with round ends around all positive values within eight decades of the largest; None without a positive value.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut range: Option<(f64, f64)> = None;
        for value in values.into_iter().filter(|v| v.is_finite() && *v > 0.0) {
            let (low, high) = range.unwrap_or((value, value));
            range = Some((low.min(value), high.max(value)));
        }
        let (low, high) = range?;
        let (mut low, mut high) = (decade_step_below(low.max(high * FAINTEST)), decade_step_above(high));
        if high / low < 4.0 {
            (low, high) = (decade_step_below(low / 1.5), decade_step_above(high * 1.5));
        }
        Some(Self { low, high, spacing: Spacing::Log })
    }

    /// A log axis if [`words::needs_log_axis`] says so, otherwise a linear one from 0.
    pub fn of(values: impl IntoIterator<Item = f64> + Clone) -> Self {
        let linear = || {
            let highest = values.clone().into_iter().filter(|v| v.is_finite()).fold(0.0, f64::max);
            Self::from_zero(highest)
        };
        match words::needs_log_axis(values.clone()) {
            true => Self::log(values.clone()).unwrap_or_else(linear),
            false => linear(),
        }
    }

    /// The position of a value from 0 to 1, clamped to the ends; None for a value without a position.
    pub fn place(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let place = match self.spacing {
            Spacing::Linear => (value - self.low) / (self.high - self.low),
            Spacing::Log if value > 0.0 => (value / self.low).ln() / (self.high / self.low).ln(),
            Spacing::Log => return None,
        };
        (!place.is_nan()).then(|| place.clamp(0.0, 1.0))
    }

    /// About `most` evenly spaced ticks.
    pub fn ticks(&self, most: usize) -> Vec<Tick> {
        match self.spacing {
            Spacing::Linear => self.linear_ticks(most),
            Spacing::Log => self.log_ticks(most),
        }
    }

    fn linear_ticks(&self, most: usize) -> Vec<Tick> {
        let span = self.high - self.low;
        if most < 2 {
            return self.ends();
        }
        let step = round_step(span / most as f64);
        let digits = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        let tick = |n: i64| {
            let value = n as f64 * step;
            let label = if step >= 1e6 { format!("{value:.0e}") } else { format!("{value:.digits$}") };
            Tick { place: (value - self.low) / span, label }
        };
        (first..=last).take(most + 1).map(tick).collect()
    }

    /// Ticks at the two ends only, if there is no room for more.
    fn ends(&self) -> Vec<Tick> {
        let label = |value: f64| {
            if value.abs() >= 1e6 {
                return format!("{value:.0e}");
            }
            let text = format!("{value:.6}");
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        };
        vec![Tick { place: 0.0, label: label(self.low) }, Tick { place: 1.0, label: label(self.high) }]
    }

    fn log_ticks(&self, most: usize) -> Vec<Tick> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let decades = (last - first).max(1) as usize;
        let span = (self.high / self.low).log10();
        let steps: &[f64] = if span * 3.0 <= most as f64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let skip = (decades + 1).div_ceil(most.max(1)).max(1);
        (first..=last)
            .step_by(skip)
            .flat_map(|decade| steps.iter().map(move |step| (*step, decade)))
            .map(|(step, decade)| (step * 10f64.powi(decade), format!("{step:.0}e{decade}")))
            .filter(|(value, _)| *value >= self.low * 0.999 && *value <= self.high * 1.001)
            .filter_map(|(value, label)| self.place(value).map(|place| Tick { place, label }))
            .collect()
    }
}

fn power_below(value: f64) -> f64 {
    10f64.powi((value.log10() + 1e-9).floor() as i32)
}

/// The smallest number at or above `value` that is 1, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a power of ten.
fn round_up(value: f64) -> f64 {
    up_to(value, &[1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0])
}

/// The smallest number at or above `value` that is 1, 2 or 5 times a power of ten.
fn round_step(value: f64) -> f64 {
    up_to(value, &[1.0, 2.0, 5.0, 10.0])
}

fn up_to(value: f64, steps: &[f64]) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = power_below(value);
    let next = steps.iter().find(|&&step| value <= step * power * (1.0 + 1e-9));
    next.copied().unwrap_or(10.0) * power
}

fn decade_step_below(value: f64) -> f64 {
    let power = power_below(value);
    [5.0, 2.0, 1.0].into_iter().find(|step| step * power <= value * (1.0 + 1e-9)).unwrap_or(1.0) * power
}

fn decade_step_above(value: f64) -> f64 {
    let power = power_below(value);
    [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= value * (1.0 - 1e-9)).unwrap_or(10.0)
        * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, most: usize) -> Vec<String> {
        scale.ticks(most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_include_the_ends() {
        assert_eq!(labels(Scale::from_zero(0.237), 5), ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25"]);
        assert_eq!(labels(Scale::from_zero(0.18), 2), ["0.0", "0.1", "0.2"]);
        assert_eq!(labels(Scale::from_zero(f64::NAN), 2), ["0.0", "0.5", "1.0"]);
        assert_eq!(labels(Scale::from_zero(0.27), 1), ["0", "0.3"]);
        assert_eq!(Scale::from_zero(0.0).high, 1.0);
    }

    #[test]
    fn log_ticks_are_decades_or_steps_inside_one() {
        let wide = Scale::log([1e-6, 0.3, 0.0, f64::NAN, f64::INFINITY, -1.0]).unwrap();
        assert_eq!((wide.low, wide.high), (1e-6, 0.5));
        assert_eq!(labels(wide, 3), ["1e-6", "1e-3"]);
        let narrow = Scale::log([0.012, 0.04]).unwrap();
        assert_eq!(labels(narrow, 8), ["1e-2", "2e-2", "5e-2"]);
        assert_eq!(Scale::log([0.0, f64::NAN]), None);
    }

    #[test]
    fn nan_has_no_position() {
        let log = Scale::log([1e-3, 1.0]).unwrap();
        for bad in [f64::NAN, 0.0, -1.0] {
            assert_eq!(log.place(bad), None);
        }
        assert_eq!(log.place(f64::INFINITY), Some(1.0));
        assert_eq!(log.place(1e-9), Some(0.0));
        assert_eq!(Scale::between(f64::NAN, 2.0).place(0.5), Some(0.5));
    }

    #[test]
    fn the_spacing_follows_the_spread() {
        assert_eq!(Scale::of([1.0, 20.0]).spacing, Spacing::Linear);
        assert_eq!(Scale::of([1e-4, 30.0]).spacing, Spacing::Log);
        assert_eq!(Scale::of([0.0, f64::NAN]).spacing, Spacing::Linear);
    }
}
