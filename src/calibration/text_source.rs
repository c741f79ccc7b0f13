//! The source of a calibration or evaluation text.

use std::{fmt, num::NonZeroUsize, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

/// The names of the built-in texts, used in place of a path.
const STORIES: &str = "demo:stories";
const HELD_OUT: &str = "demo:held-out";
/// The beginning of the name of a text that the model writes; the number of windows follows.
const WRITTEN: &str = "self:";

/// A text for calibration or evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// Stories from the built-in generator that are not in the demo model's training text.
    DemoStories,
    /// The held-out text of the built-in model.
    DemoHeldOut,
    /// Windows that the dense model writes itself: their number. Only for calibration.
    Written(NonZeroUsize),
    /// A file.
    File(PathBuf),
}

impl fmt::Display for TextSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DemoStories => f.write_str(STORIES),
            Self::DemoHeldOut => f.write_str(HELD_OUT),
            Self::Written(windows) => write!(f, "{WRITTEN}{windows}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for TextSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            STORIES => Ok(Self::DemoStories),
            HELD_OUT => Ok(Self::DemoHeldOut),
            _ if text.starts_with(WRITTEN) => {
                let number = &text[WRITTEN.len()..];
                let windows = number.parse().map_err(|_| {
                    format!("expected a number of windows after {WRITTEN}, found {number:?}; write for example {WRITTEN}64")
                })?;
                Ok(Self::Written(windows))
            }
            "" => Err("expected a file, found an empty name".into()),
            path => Ok(Self::File(path.into())),
        }
    }
}

impl Serialize for TextSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TextSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_read_from_its_name() {
        for name in [STORIES, HELD_OUT, "self:64", "a/self:64", "text.txt"] {
            assert_eq!(name.parse::<TextSource>().unwrap().to_string(), name);
        }
        assert!(matches!("self:64".parse(), Ok(TextSource::Written(windows)) if windows.get() == 64));
        for wrong in ["", "self:", "self:0", "self:many"] {
            assert!(wrong.parse::<TextSource>().is_err(), "{wrong}");
        }
    }
}
