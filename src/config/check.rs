//! Checks of single values, with one message for the command line, files and forms.

use super::Error;
use crate::calibration::TextSource;

/// Accepts numbers of at least `least`.
pub fn at_least(least: usize) -> impl Fn(&str, &usize) -> Result<(), Error> {
    move |key, &value| {
        if value >= least {
            return Ok(());
        }
        let found = format!("expected at least {least}, found {value}");
        Err(Error::value(key, &found, "give a larger number"))
    }
}

/// Accepts texts that exist before the run.
pub fn given_text() -> impl Fn(&str, &TextSource) -> Result<(), Error> {
    |key, text| match text {
        TextSource::Written(_) => Err(Error::value(
            key,
            &format!("expected a file, found {text}, which the model writes"),
            "name a file",
        )),
        TextSource::DemoStories | TextSource::DemoHeldOut | TextSource::File(_) => Ok(()),
    }
}

/// Accepts numbers from 1 to `most`.
pub fn up_to(most: usize, remedy: &'static str) -> impl Fn(&str, &usize) -> Result<(), Error> {
    move |key, &value| {
        if value > most {
            return Err(Error::value(key, &format!("expected at most {most}, found {value}"), remedy));
        }
        at_least(1)(key, &value)
    }
}

/// Accepts numbers from 0 to 1.
pub fn unit_interval(remedy: &'static str) -> impl Fn(&str, &f64) -> Result<(), Error> {
    move |key, value| {
        if (0.0..=1.0).contains(value) {
            return Ok(());
        }
        Err(Error::value(key, &format!("expected a number from 0 to 1, found {value}"), remedy))
    }
}

/// Accepts ratios: numbers from 0 to below 1.
pub fn ratio() -> impl Fn(&str, &f64) -> Result<(), Error> {
    |key, value| {
        if (0.0..1.0).contains(value) {
            return Ok(());
        }
        let found = format!("expected a ratio from 0 to below 1, found {value}");
        Err(Error::value(key, &found, "0.2 removes a fifth"))
    }
}

/// Accepts sizes above 0.
pub fn not_empty() -> impl Fn(&str, &super::ByteSize) -> Result<(), Error> {
    |key, size| {
        if size.0 > 0 {
            return Ok(());
        }
        Err(Error::value(key, "expected a size above 0, found 0", "give a larger one"))
    }
}
