//! Axes: from numbers to places, and the numbers that are written along them.

use crate::words;

#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// With its unit: `error, % of ‖y‖²`.
    pub label: String,
    pub scale: Scale,
    /// Least and largest value; None: as the series need.
    pub range: Option<(f64, f64)>,
    pub ticks: Ticks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// Has no place for numbers that are not above 0.
    Logarithmic,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Ticks {
    Numbers,
    /// No fractions.
    Whole,
    /// Names of 0, 1, 2 …; where they do not fit beside each other, they stand in up to four rows.
    Names(Vec<String>),
    /// At these values, whatever the scale.
    At(Vec<f64>),
    /// Powers of ten of the values, which are log₁₀ of what is meant.
    Decades,
}

/// A value with what is written beside it; between labelled decades the text is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub text: String,
}

/// An axis with its range settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Laid {
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

    /// Logarithmic where [`words::needs_log_axis`].
    pub fn fitting(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let scale = if words::needs_log_axis(values) { Scale::Logarithmic } else { Scale::Linear };
        Self { scale, ..Self::numbers(label) }
    }

    pub fn within(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// Settles the range. Where it is free and linear it begins at 0, unless something lies below.
    pub(super) fn lay(&self, values: impl IntoIterator<Item = f64>) -> Laid {
        let scale = self.scale;
        let placed = |value: &f64| Laid { low: 1.0, high: 2.0, scale }.has_place(*value);
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
        Laid { low, high, scale }
    }

    /// At most about `most` of them.
    pub(super) fn ticks(&self, laid: &Laid, most: usize) -> Vec<Tick> {
        match (&self.ticks, laid.scale) {
            (Ticks::Names(names), _) => {
                let named = names.iter().enumerate();
                named.map(|(at, name)| Tick { at: at as f64, text: name.clone() }).collect()
            }
            (Ticks::At(values), _) => values.iter().map(|&at| Tick { at, text: plain(at, 0.0) }).collect(),
            (Ticks::Numbers | Ticks::Whole | Ticks::Decades, Scale::Logarithmic) => decades(laid, most),
            (Ticks::Numbers, Scale::Linear) => steps(laid, most, 0.0, &plain),
            (Ticks::Whole, Scale::Linear) => steps(laid, most, 1.0, &plain),
            (Ticks::Decades, Scale::Linear) => {
                steps(laid, most, 1.0, &|exponent, _| plain(10f64.powf(exponent), 0.0))
            }
        }
    }
}

impl Laid {
    pub fn has_place(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }

    /// From 0 at the low end to 1 at the high one; None where it has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        self.has_place(value).then_some(share)
    }
}

/// Steps of 1, 2 or 5 times a power of ten, at least `least` apart. The text is given the value and the step.
fn steps(laid: &Laid, most: usize, least: f64, text: &dyn Fn(f64, f64) -> String) -> Vec<Tick> {
    let rough = (laid.high - laid.low) / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(rough).max(least);
    let first = (laid.low / step - 1e-9).ceil() as i64;
    let last = (laid.high / step + 1e-9).floor() as i64;
    (first..=last).map(|count| count as f64 * step).map(|at| Tick { at, text: text(at, step) }).collect()
}

/// Powers of ten; where there are fewer than two of them, also their double and fivefold.
fn decades(laid: &Laid, most: usize) -> Vec<Tick> {
    let (first, last) = (laid.low.log10().floor() as i32, laid.high.log10().ceil() as i32);
    let inside = |at: &f64| (laid.low * 0.999..=laid.high * 1.001).contains(at);
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

/// A number as short as it can be told apart at this step: `0.25`, `1,500`, `2e-7`, `3M`.
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

/// With a comma before each three digits where there are more than four.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, part) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    if whole.len() <= 4 {
        return format!("{sign}{whole}{part}");
    }
    let digits = whole.char_indices().map(|(at, digit)| {
        let comma = at > 0 && (whole.len() - at).is_multiple_of(3);
        if comma { format!(",{digit}") } else { digit.to_string() }
    });
    format!("{sign}{}{part}", digits.collect::<String>())
}
