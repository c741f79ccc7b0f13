//! Axes: their ranges, the positions of values, and their ticks.

use crate::words;

/// An axis in the description of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The quantity and its unit, such as `error, % of ‖y‖²`.
    pub label: String,
    pub scale: Scale,
    /// The smallest and the largest value; None if they are taken from the series.
    pub range: Option<(f64, f64)>,
    pub ticks: Ticks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// Values of 0 or less are not drawn.
    Logarithmic,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Ticks {
    Numbers,
    /// Ticks at whole numbers only.
    Whole,
    /// Names of the values 0, 1, 2 …, in up to four rows.
    Names(Vec<String>),
    /// Ticks at these values only, on any scale.
    At(Vec<f64>),
    /// Ticks for values that are logarithms, each shown as a power of 10.
    Decades,
}

/// A tick: a value and its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub text: String,
}

/// The range of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisRange {
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
}

impl Axis {
    pub fn numbers(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, range: None, ticks: Ticks::Numbers }
    }

    pub fn whole(label: impl Into<String>) -> Self {
        Self { ticks: Ticks::Whole, ..Self::numbers(label) }
    }

    /// An axis for these values, logarithmic if [`words::needs_log_axis`] says so.
    pub fn fitting(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let scale = if words::needs_log_axis(values) { Scale::Logarithmic } else { Scale::Linear };
        Self { scale, ..Self::numbers(label) }
    }

    pub fn within(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// The given range, otherwise that of the values. A linear axis includes 0.
    pub(super) fn range_of(&self, values: impl IntoIterator<Item = f64>) -> AxisRange {
        let scale = self.scale;
        let placed = |value: &f64| AxisRange { low: 1.0, high: 2.0, scale }.is_drawn(*value);
        let fold = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let found = values.into_iter().filter(placed).fold((f64::INFINITY, f64::NEG_INFINITY), fold);
        let (low, high) = match (self.range, scale) {
            (Some(range), _) => range,
            (None, _) if found.0 > found.1 => (0.1, 1.0),
            (None, Scale::Linear) => {
                let (low, high) = (found.0.min(0.0), found.1.max(0.0));
                (low, if high > low { high + 0.04 * (high - low) } else { low + 1.0 })
            }
            (None, Scale::Logarithmic) => (found.0 / 1.25, found.1 * 1.25),
        };
        let high = if high > low { high } else { low + low.abs().max(1.0) };
        AxisRange { low, high, scale }
    }

    /// At most about `most` ticks.
    pub(super) fn ticks(&self, range: &AxisRange, most: usize) -> Vec<Tick> {
        match (&self.ticks, range.scale) {
            (Ticks::Names(names), _) => {
                let named = names.iter().enumerate();
                named.map(|(at, name)| Tick { at: at as f64, text: name.clone() }).collect()
            }
            (Ticks::At(values), _) => values.iter().map(|&at| Tick { at, text: plain(at, 0.0) }).collect(),
            (Ticks::Numbers | Ticks::Whole | Ticks::Decades, Scale::Logarithmic) => decades(range, most),
            (Ticks::Numbers, Scale::Linear) => steps(range, most, 0.0, &plain),
            (Ticks::Whole, Scale::Linear) => steps(range, most, 1.0, &plain),
            (Ticks::Decades, Scale::Linear) => {
                steps(range, most, 1.0, &|exponent, _| plain(10f64.powf(exponent), 0.0))
            }
        }
    }
}

impl AxisRange {
    pub fn is_drawn(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }

    /// The position on the axis, 0 at the low end and 1 at the high end; None if the value is not drawn.
    pub fn place(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        self.is_drawn(value).then_some(share)
    }
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten, at least `least` apart. `text` receives the value
/// and the step.
fn steps(range: &AxisRange, most: usize, least: f64, text: &dyn Fn(f64, f64) -> String) -> Vec<Tick> {
    let rough = (range.high - range.low) / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(rough).max(least);
    let first = (range.low / step - 1e-9).ceil() as i64;
    let last = (range.high / step + 1e-9).floor() as i64;
    (first..=last).map(|count| count as f64 * step).map(|at| Tick { at, text: text(at, step) }).collect()
}

/// Ticks at powers of ten. If the range contains fewer than two powers, also at some of their multiples.
fn decades(range: &AxisRange, most: usize) -> Vec<Tick> {
    let (first, last) = (range.low.log10().floor() as i32, range.high.log10().ceil() as i32);
    let inside = |at: &f64| (range.low * 0.999..=range.high * 1.001).contains(at);
    let whole = (first..=last).map(|power| 10f64.powi(power)).filter(inside).count();
    let factors: &[f64] = match whole {
        0 => &[1.0, 2.0, 3.0, 5.0, 7.0],
        1 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let every = whole.div_ceil(most.max(1)).max(1) as i32;
    let powers = (first..=last).filter(|power| power.rem_euclid(every) == 0);
    powers
        .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
        .filter(inside)
        .map(|at| Tick { at, text: plain(at, at) })
        .collect()
}

/// A number with as many digits as its step needs: `0.25`, `1500`, `15,000`, `2e-7`, `3M`.
pub fn plain(value: f64, step: f64) -> String {
    let size = value.abs().max(step.abs());
    if value.abs() < 1e-12 * size {
        return "0".into();
    }
    for (unit, suffix) in [(1e9, "B"), (1e6, "M")] {
        if value.abs() >= unit || step.abs() >= 0.1 * unit {
            return format!("{}{suffix}", plain(value / unit, step / unit));
        }
    }
    if size < 1e-4 {
        let power = value.abs().log10().floor() as i32;
        let digits = plain(value / 10f64.powi(power), 0.0);
        return format!("{digits}e{power}");
    }
    let wanted =
        if step == 0.0 { 3.0 - size.log10().floor() - 1.0 } else { -(step.abs().log10() + 1e-9).floor() };
    let text = format!("{value:.*}", wanted.clamp(0.0, 6.0) as usize);
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    grouped(text)
}

/// Adds thousands separators to numbers of five or more digits, and replaces a hyphen with a minus sign.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, part) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    match whole.parse() {
        Ok(number) if whole.len() > 4 => format!("{sign}{}{part}", words::count(number)),
        Ok(_) | Err(_) => format!("{sign}{whole}{part}"),
    }
}
