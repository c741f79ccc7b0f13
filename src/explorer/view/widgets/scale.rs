//! Scales: the position of a value on an axis, and the tick labels.

use crate::words::{self, Notation};

/// How values are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    Linear,
    #[default]
    Log,
}

/// An axis from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub spacing: Spacing,
    /// The notation of the tick labels.
    notation: Notation,
    /// Follows the number of a tick label.
    unit: &'static str,
    /// Place of `low` on a log axis. It is above 0 if the axis also has a place for the value 0, at its lower end.
    floor: f64,
}

/// The part of a log axis below its lowest value, if the axis has a place for 0.
const ZERO: f64 = 0.1;
/// Linear axes that end outside this range have scientific labels.
const PLAIN: std::ops::Range<f64> = 1e-3..1e6;
/// Minimum number of ticks of an axis with room for them.
const FEWEST: usize = 3;

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
        Self::new(0.0, high, Spacing::Linear)
    }

    /// An axis from exactly `low` to exactly `high`.
    pub fn between(low: f64, high: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let high = if high > low { high } else { low + 1.0 };
        Self::new(low, high, Spacing::Linear)
    }

    fn new(low: f64, high: f64, spacing: Spacing) -> Self {
        Self { low, high, spacing, notation: Notation::Scientific, unit: "", floor: 0.0 }
    }

    /// The same axis with tick labels in this notation.
    pub fn noted(self, notation: Notation) -> Self {
        Self { notation, ..self }
    }

    /// The same axis with a unit behind the numbers of the tick labels.
    pub fn in_units(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// A log axis that also shows values of exactly 0, if there are any: they are at its lower end.
    pub fn log_with_zeros(values: impl IntoIterator<Item = f64> + Clone) -> Option<Self> {
        let zeros = values.clone().into_iter().any(|value| value == 0.0);
        let scale = Self::log(values)?;
        Some(Self { floor: if zeros { ZERO } else { 0.0 }, ..scale })
    }

    /// An axis for errors with this spacing; None without a positive value.
    pub fn errors(values: impl IntoIterator<Item = f64> + Clone, spacing: Spacing) -> Option<Self> {
        match spacing {
            Spacing::Log => Self::log_with_zeros(values),
            Spacing::Linear => {
                let finite = values.into_iter().filter(|value| value.is_finite());
                let highest = finite.fold(0.0, f64::max);
                (highest > 0.0).then(|| Self::from_zero(highest))
            }
        }
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
        Some(Self::new(low, high, Spacing::Log))
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
            Spacing::Log if value > 0.0 => {
                let place = (value / self.low).ln() / (self.high / self.low).ln();
                self.floor + (1.0 - self.floor) * place.clamp(0.0, 1.0)
            }
            Spacing::Log if value == 0.0 && self.floor > 0.0 => 0.0,
            Spacing::Log => return None,
        };
        (!place.is_nan()).then(|| place.clamp(0.0, 1.0))
    }

    /// About `most` evenly spaced ticks; if `most` is at least three, never fewer than three.
    pub fn ticks(&self, most: usize) -> Vec<Tick> {
        let values = match self.spacing {
            _ if most < 2 => vec![self.low, self.high],
            Spacing::Linear => self.linear_ticks(most),
            Spacing::Log => self.log_ticks(most),
        };
        let zero = (self.floor > 0.0).then_some(0.0);
        let digits = self.digits(&values);
        let tick = |value: f64| Some(Tick { place: self.place(value)?, label: self.label(value, digits) });
        zero.into_iter().chain(values).filter_map(tick).collect()
    }

    fn linear_ticks(&self, most: usize) -> Vec<f64> {
        let span = self.high - self.low;
        let steps = |step: f64| {
            let first = (self.low / step - 1e-9).ceil() as i64;
            let last = (self.high / step + 1e-9).floor() as i64;
            (first..=last).map(|n| n as f64 * step).take(most.max(FEWEST) + 3).collect::<Vec<f64>>()
        };
        let step = round_step(span / most as f64);
        // A rounder step may leave too few ticks.
        let finer = [1.0, 0.5, 0.4, 0.2, 0.1].map(|factor| steps(step * factor));
        finer
            .into_iter()
            .find(|ticks| ticks.len() >= FEWEST.min(most))
            .unwrap_or_else(|| vec![self.low, self.high])
    }

    fn log_ticks(&self, most: usize) -> Vec<f64> {
        const MANTISSAS: [&[f64]; 4] =
            [&[1.0], &[1.0, 3.0], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]];
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let inside = |value: &f64| *value >= self.low * 0.999 && *value <= self.high * 1.001;
        let ticks = |mantissas: &[f64], skip: usize| {
            let decades = (first..=last).step_by(skip);
            let values = decades
                .flat_map(|decade| mantissas.iter().map(move |mantissa| mantissa * 10f64.powi(decade)));
            values.filter(inside).collect::<Vec<f64>>()
        };
        let decades = (last - first).max(1) as usize;
        let sparse = (1..=decades).map(|skip| ticks(MANTISSAS[0], skip));
        let dense = MANTISSAS[1..].iter().map(|mantissas| ticks(mantissas, 1));
        // As many decades as fit; steps inside the decades if those are too few.
        let most = most.max(FEWEST);
        let all: Vec<Vec<f64>> = sparse.chain(dense).collect();
        let fits = all.iter().find(|ticks| (FEWEST..=most).contains(&ticks.len()));
        let enough = || all.iter().filter(|ticks| ticks.len() >= FEWEST).min_by_key(|ticks| ticks.len());
        let (low, high) = (self.low, self.high);
        fits.or_else(enough).cloned().unwrap_or_else(|| vec![low, (low * high).sqrt(), high])
    }

    fn is_scientific(&self) -> bool {
        !PLAIN.contains(&self.high.abs())
    }

    /// Decimals of the labels of a linear axis: as few as tell the labels apart exactly.
    fn digits(&self, values: &[f64]) -> usize {
        let factor = match self.notation {
            Notation::Scientific => 1.0,
            Notation::PerCent => 100.0,
        };
        let small = self.is_scientific();
        let exact = |value: &f64, digits: usize| {
            let value = value * factor;
            let power = if small && value != 0.0 { value.abs().log10().floor() } else { 0.0 };
            let scaled = value * 10f64.powf(digits as f64 - power);
            (scaled - scaled.round()).abs() < 1e-6 * (1e-3 + scaled.abs())
        };
        (0..9).find(|&digits| values.iter().all(|value| exact(value, digits))).unwrap_or(3)
    }

    fn label(&self, value: f64, digits: usize) -> String {
        let value = match self.notation {
            Notation::Scientific => value,
            Notation::PerCent => 100.0 * value,
        };
        let number = match self.spacing {
            _ if value == 0.0 && self.floor > 0.0 => "0".into(),
            Spacing::Linear if value != 0.0 && self.is_scientific() => scientific(value, digits),
            Spacing::Linear => format!("{value:.digits$}"),
            Spacing::Log if self.notation == Notation::PerCent && (1e-2..1e3).contains(&value) => {
                words::short(value).trim_end_matches(".0").to_string()
            }
            Spacing::Log => scientific(value, 1),
        };
        match self.notation {
            Notation::Scientific if self.unit.is_empty() => number,
            Notation::Scientific => format!("{number} {}", self.unit),
            Notation::PerCent => format!("{number} %"),
        }
    }
}

/// `1e-3`, `1.5e-3`
fn scientific(value: f64, digits: usize) -> String {
    format!("{value:.digits$e}").replace(".0e", "e")
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
        assert_eq!(labels(Scale::from_zero(0.27), 1), ["0.0", "0.3"]);
        assert_eq!(
            labels(Scale::from_zero(0.27).noted(Notation::PerCent), 3),
            ["0 %", "10 %", "20 %", "30 %"]
        );
        assert_eq!(Scale::from_zero(0.0).high, 1.0);
    }

    #[test]
    fn log_ticks_are_decades_or_steps_inside_one() {
        let wide = Scale::log([1e-6, 0.3, 0.0, f64::NAN, f64::INFINITY, -1.0]).unwrap();
        assert_eq!((wide.low, wide.high), (1e-6, 0.5));
        assert_eq!(labels(wide, 3), ["1e-6", "1e-4", "1e-2"]);
        assert_eq!(labels(wide.noted(Notation::PerCent), 3), ["1e-4 %", "0.01 %", "1 %"]);
        let narrow = Scale::log([0.012, 0.04]).unwrap();
        assert_eq!(labels(narrow, 8), ["1e-2", "2e-2", "5e-2"]);
        assert_eq!(Scale::log([0.0, f64::NAN]), None);
    }

    #[test]
    fn every_axis_has_at_least_three_ticks() {
        for low in [1e-7, 3e-5, 0.012, 0.9, 4.0, 700.0] {
            for wide in [1.01, 1.7, 3.0, 11.0, 80.0, 3e3, 1e6] {
                for most in 2..9 {
                    let log = Scale::log([low, low * wide]).unwrap();
                    for scale in [log, Scale::from_zero(low * wide), Scale::between(low, low * wide)] {
                        let ticks = scale.ticks(most);
                        let enough = ticks.len() >= FEWEST.min(most);
                        assert!(enough && ticks.len() <= most.max(FEWEST) + 4, "{scale:?} {most}: {ticks:?}");
                        let labels: std::collections::BTreeSet<_> =
                            ticks.iter().map(|tick| &tick.label).collect();
                        assert_eq!(labels.len(), ticks.len(), "{scale:?} {most}: {ticks:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_value_of_zero_has_a_place_below_all_others() {
        let scale = Scale::log_with_zeros([0.0, 1e-3, 0.1]).unwrap();
        assert_eq!(scale.place(0.0), Some(0.0));
        assert!(scale.place(1e-3).unwrap() >= ZERO && scale.place(0.1).unwrap() <= 1.0);
        assert_eq!(scale.ticks(4)[0], Tick { place: 0.0, label: "0".into() });
        assert_eq!(Scale::log_with_zeros([1e-3, 0.1]).unwrap().place(0.0), None);
    }

    #[test]
    fn a_unit_follows_the_numbers() {
        let scale = Scale::between(1.7, 2.4).in_units("M");
        assert_eq!(labels(scale, 4), ["1.8 M", "2.0 M", "2.2 M", "2.4 M"]);
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
