//! A removal ratio, and the number of units it removes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Error;

/// The fraction of units to remove: at least 0, below 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ratio(f64);

impl Ratio {
    /// Checks a ratio.
    ///
    /// # Errors
    /// [`Error::Ratio`] if it is NaN or outside [0, 1).
    pub fn new(value: f64) -> Result<Self, Error> {
        Self::named(value, || "ratio".to_owned(), "choose a number in this range")
    }

    /// Like [`Ratio::new`], with the name and the advice for the error.
    pub(super) fn named(
        value: f64,
        name: impl FnOnce() -> String,
        advice: &'static str,
    ) -> Result<Self, Error> {
        if (0.0..1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(Error::Ratio { name: name(), value, advice })
        }
    }

    /// The ratio as a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = Error;

    fn try_from(value: f64) -> Result<Self, Error> {
        Self::new(value)
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> f64 {
        ratio.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of n units to remove: n · ratio, rounded half to even and limited so that at least one is kept.
pub fn units_to_remove(n: usize, ratio: Ratio) -> usize {
    ((n as f64 * ratio.0).round_ties_even() as usize).min(n.saturating_sub(1))
}

/// The number of n channels to remove if the number of kept channels must be a multiple of `multiple`.
///
/// n − n · ratio is rounded to the nearest multiple (half to even), at least one multiple and at most n.
/// Nothing is removed for a ratio of 0, even if n is not a multiple, nor for any ratio if n is below one
/// multiple. With a multiple of 1 (or 0) this is [`units_to_remove`].
pub fn channels_to_remove(n: usize, ratio: Ratio, multiple: usize) -> usize {
    if multiple <= 1 {
        return units_to_remove(n, ratio);
    }
    if ratio.0 == 0.0 || n < multiple {
        return 0;
    }
    let wanted = n as f64 * (1.0 - ratio.0);
    let multiples = (wanted / multiple as f64).round_ties_even() as usize;
    n - multiples.clamp(1, n / multiple) * multiple
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(value: f64) -> Ratio {
        Ratio::new(value).unwrap()
    }

    #[test]
    fn a_ratio_outside_the_half_open_unit_interval_is_refused() {
        for value in [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY] {
            assert!(Ratio::new(value).is_err(), "{value}");
        }
        let message = Ratio::new(1.5).unwrap_err().to_string();
        assert!(message.contains("ratio is 1.5"), "{message}");
        assert!(serde_json::from_str::<Ratio>("1.0").is_err());
        assert_eq!(serde_json::from_str::<Ratio>("0.25").unwrap(), ratio(0.25));
    }

    #[test]
    fn halves_round_to_even_and_one_unit_is_kept() {
        assert_eq!(units_to_remove(5, ratio(0.5)), 2);
        assert_eq!(units_to_remove(7, ratio(0.5)), 4);
        assert_eq!(units_to_remove(32, ratio(0.25)), 8);
        assert_eq!(units_to_remove(4, ratio(0.99)), 3);
        assert_eq!(units_to_remove(1, ratio(0.9)), 0);
        assert_eq!(units_to_remove(0, ratio(0.9)), 0);
    }

    #[test]
    fn kept_channels_are_a_multiple() {
        assert_eq!(channels_to_remove(100, ratio(0.0), 32), 0);
        assert_eq!(channels_to_remove(100, ratio(0.01), 32), 4);
        assert_eq!(channels_to_remove(100, ratio(0.5), 32), 36);
        assert_eq!(channels_to_remove(100, ratio(0.99), 32), 68);
        assert_eq!(channels_to_remove(16, ratio(0.5), 32), 0);
        assert_eq!(channels_to_remove(11008, ratio(0.2), 256), 2304);
        assert_eq!(channels_to_remove(7, ratio(0.5), 1), 4);
    }
}
