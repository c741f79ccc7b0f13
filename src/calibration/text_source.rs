//! The source of a calibration or evaluation text.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

/// The names of the built-in texts, used in place of a path.
const STORIES: &str = "demo:stories";
const HELD_OUT: &str = "demo:held-out";

/// A text for calibration or evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// Stories from the built-in generator that are not in the demo model's training text.
    DemoStories,
    /// The held-out text of the built-in model.
    DemoHeldOut,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for TextSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DemoStories => f.write_str(STORIES),
            Self::DemoHeldOut => f.write_str(HELD_OUT),
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
