//! The ratio of each layer: the incremental pruning ratio (arXiv 2412.18110, §3.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Error, Ratio};
use super::{LayerRatio, Part};

/// The change of the ratio with depth (arXiv 2412.18110, §3.3). Layer i of n has the ratio first + (last −
/// first) · t_i.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Schedule {
    /// t_i = ln(1+i) / ln n (used in the paper).
    #[default]
    Log,
    /// t_i = i / (n−1).
    Linear,
    /// The same ratio for all layers.
    Uniform,
    /// The logarithmic curve, reversed over the layers.
    LogDecrease,
    /// The linear curve, reversed over the layers.
    LinearDecrease,
    /// Ratios from a search over the effect of each part on the loss.
    Auto,
    /// One ratio per layer.
    Custom(Vec<LayerRatio>),
}

/// The first layer's ratio relative to the mean: a mean of 0.2 on 32 layers gives the paper's 0.0625 → 0.25.
const FIRST_OF_MEAN: f64 = 0.3125;

/// The numbers that determine the ends of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// The mean over the layers; the curve starts at 0.3125 of it.
    Mean(Ratio),
    /// The two ends of the curve, before a decreasing schedule reverses it.
    FirstLast(Ratio, Ratio),
}

/// The removal ratio of each of `n_layers` layers. A custom schedule ignores the span.
///
/// # Errors
/// If a ratio is outside [0, 1), a custom schedule has another length, or a uniform one has two different
/// ends.
pub fn ratios(n_layers: usize, schedule: &Schedule, span: Span) -> Result<Vec<LayerRatio>, Error> {
    let curve: fn(usize, usize) -> f64 = match schedule {
        Schedule::Log | Schedule::LogDecrease => log_curve,
        Schedule::Linear | Schedule::LinearDecrease => linear_curve,
        // `Auto` uses these ratios until the search has finished.
        Schedule::Uniform | Schedule::Auto => return Ok(one_each(uniform(n_layers, span)?)),
        Schedule::Custom(values) => return custom(n_layers, values),
    };
    let t: Vec<f64> = (0..n_layers).map(|i| curve(i, n_layers)).collect();
    let (first, last) = ends(&t, span)?;
    let mut ratios =
        t.iter().map(|t| Ratio::new(first + (last - first) * t)).collect::<Result<Vec<Ratio>, Error>>()?;
    if matches!(schedule, Schedule::LogDecrease | Schedule::LinearDecrease) {
        ratios.reverse();
    }
    Ok(one_each(ratios))
}

fn one_each(ratios: Vec<Ratio>) -> Vec<LayerRatio> {
    ratios.into_iter().map(|ratio| LayerRatio::both(ratio.get())).collect()
}

fn log_curve(i: usize, n: usize) -> f64 {
    if n == 1 { 1.0 } else { (i as f64).ln_1p() / (n as f64).ln() }
}

fn linear_curve(i: usize, n: usize) -> f64 {
    if n == 1 { 1.0 } else { i as f64 / (n - 1) as f64 }
}

/// With a mean R alone, r_first = 0.3125 R, and r_last solves mean(r) = R.
fn ends(t: &[f64], span: Span) -> Result<(f64, f64), Error> {
    match span {
        Span::FirstLast(first, last) => Ok((first.get(), last.get())),
        Span::Mean(mean) => {
            let first = FIRST_OF_MEAN * mean.get();
            let t_mean = t.iter().sum::<f64>() / t.len().max(1) as f64;
            let last = if t_mean > 0.0 { first + (mean.get() - first) / t_mean } else { first };
            match Ratio::new(last) {
                Ok(last) => Ok((first, last.get())),
                Err(_) => Err(Error::Mean { mean, last, layers: t.len(), largest: largest_mean(t_mean) }),
            }
        }
    }
}

/// The largest mean with a last ratio below 1, rounded down to four digits. `t_mean` is the mean of the curve.
fn largest_mean(t_mean: f64) -> f64 {
    let limit = 1.0 / (FIRST_OF_MEAN + (1.0 - FIRST_OF_MEAN) / t_mean);
    ((limit - 1e-9) * 1e4).floor() / 1e4
}

fn uniform(n_layers: usize, span: Span) -> Result<Vec<Ratio>, Error> {
    match span {
        Span::Mean(ratio) => Ok(vec![ratio; n_layers]),
        Span::FirstLast(first, last) if first == last => Ok(vec![first; n_layers]),
        Span::FirstLast(first, last) => Err(Error::UniformSpan { first, last }),
    }
}

fn custom(n_layers: usize, values: &[LayerRatio]) -> Result<Vec<LayerRatio>, Error> {
    if values.len() != n_layers {
        return Err(Error::ScheduleLength { expected: n_layers, found: values.len() });
    }
    for (layer, value) in values.iter().enumerate() {
        for part in [Part::Attention, Part::Mlp] {
            let name = || format!("custom ratio of layer {layer}");
            Ratio::named(value.of(part), name, "correct it in the schedule")?;
        }
    }
    Ok(values.to_vec())
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("log"),
            Self::Linear => f.write_str("linear"),
            Self::Uniform => f.write_str("uniform"),
            Self::LogDecrease => f.write_str("log-decrease"),
            Self::LinearDecrease => f.write_str("linear-decrease"),
            Self::Auto => f.write_str("auto"),
            Self::Custom(ratios) => write!(f, "custom ({} ratios)", ratios.len()),
        }
    }
}

impl Schedule {
    /// The schedule with this name; `None` for an unknown name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "log" => Self::Log,
            "linear" => Self::Linear,
            "uniform" => Self::Uniform,
            "log-decrease" => Self::LogDecrease,
            "linear-decrease" => Self::LinearDecrease,
            "auto" => Self::Auto,
            _ => return None,
        })
    }
}

impl Serialize for Schedule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Custom(ratios) => ratios.serialize(serializer),
            named => serializer.collect_str(named),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a schedule's name or a list of ratios")]
enum NameOrRatios {
    Name(String),
    Ratios(Vec<LayerRatio>),
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match NameOrRatios::deserialize(deserializer)? {
            NameOrRatios::Name(name) => Self::named(&name)
                .ok_or_else(|| serde::de::Error::custom(format!("there is no schedule \"{name}\""))),
            NameOrRatios::Ratios(ratios) => Ok(Self::Custom(ratios)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(value: f64) -> Ratio {
        Ratio::new(value).unwrap()
    }

    fn mean(ratios: &[LayerRatio]) -> f64 {
        ratios.iter().map(|ratio| ratio.mean()).sum::<f64>() / ratios.len() as f64
    }

    #[test]
    fn a_mean_of_a_fifth_on_32_layers_gives_the_numbers_of_the_paper() {
        let list = ratios(32, &Schedule::Log, Span::Mean(ratio(0.2))).unwrap();
        assert!((list[0].mlp - 0.0625).abs() < 1e-12);
        assert!((list[31].mlp - 0.25).abs() < 0.005, "{}", list[31]);
        assert!((mean(&list) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn every_curve_has_the_requested_mean() {
        for n in [1, 2, 3, 12, 40] {
            let curves = [Schedule::Log, Schedule::Linear, Schedule::LogDecrease, Schedule::LinearDecrease];
            for schedule in curves.into_iter().chain([Schedule::Uniform]) {
                let list = ratios(n, &schedule, Span::Mean(ratio(0.3))).unwrap();
                assert_eq!(list.len(), n);
                assert!((mean(&list) - 0.3).abs() < 1e-12, "{schedule} on {n} layers");
            }
        }
    }

    #[test]
    fn curves_have_the_requested_ends_and_decreasing_ones_are_reversed() {
        let span = Span::FirstLast(ratio(0.1), ratio(0.4));
        let mut up = ratios(5, &Schedule::Linear, span).unwrap();
        let down = ratios(5, &Schedule::LinearDecrease, span).unwrap();
        assert!((up[0].mlp - 0.1).abs() < 1e-12 && (up[4].mlp - 0.4).abs() < 1e-12);
        up.reverse();
        assert_eq!(up, down);
        assert_eq!(ratios(1, &Schedule::Log, span).unwrap(), [LayerRatio::both(0.4)]);
    }

    #[test]
    fn invalid_schedules_are_refused_by_name() {
        let high = ratios(12, &Schedule::Linear, Span::Mean(ratio(0.8))).unwrap_err().to_string();
        assert!(
            high.contains("a mean of 0.8 gives the last layer a ratio of 1.3500") && high.contains("uniform"),
            "{high}"
        );
        let Err(Error::Mean { largest, .. }) = ratios(12, &Schedule::Linear, Span::Mean(ratio(0.8))) else {
            panic!("{high}")
        };
        assert!(ratios(12, &Schedule::Linear, Span::Mean(ratio(largest))).is_ok());
        assert!(ratios(12, &Schedule::Linear, Span::Mean(ratio(largest + 1e-4))).is_err());
        let span = Span::Mean(ratio(0.2));
        let short = ratios(3, &Schedule::Custom(vec![0.1.into(), 0.2.into()]), span).unwrap_err();
        assert_eq!(short, Error::ScheduleLength { expected: 3, found: 2 });
        let out = ratios(2, &Schedule::Custom(vec![0.1.into(), LayerRatio::new(0.1, 1.2)]), span)
            .unwrap_err()
            .to_string();
        assert!(out.contains("layer 1") && out.contains("1.2"), "{out}");
        assert!(ratios(2, &Schedule::Uniform, Span::FirstLast(ratio(0.1), ratio(0.2))).is_err());
    }

    #[test]
    fn a_custom_schedule_is_not_changed() {
        let own = vec![LayerRatio::new(0.5, 0.1), LayerRatio::ZERO];
        let list = ratios(2, &Schedule::Custom(own.clone()), Span::Mean(ratio(0.2))).unwrap();
        assert_eq!(list, own);
    }
}
