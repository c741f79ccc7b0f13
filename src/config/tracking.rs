//! Whether a run compares its stream with the dense one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Kind, value::Value};

/// Whether the dense model runs as well, so that the output error of every layer is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// If the forecast of time and memory allows.
    #[default]
    Auto,
    /// In every run.
    On,
    /// Never.
    Off,
}

impl Tracking {
    /// True if the dense model runs as well. `Auto` is replaced before a run starts.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

impl From<bool> for Tracking {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// A flag without a value means on; earlier versions wrote true and false.
impl Value for Tracking {
    const KIND: Kind = Kind::Switch;

    fn of_text(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "true" | "on" => Ok(Self::On),
            "false" | "off" => Ok(Self::Off),
            other => Err(format!("expected auto, true or false, found \"{other}\"")),
        }
    }
}

impl Serialize for Tracking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
        }
    }
}

impl<'de> Deserialize<'de> for Tracking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected \"auto\", true or false")]
        enum SwitchOrText {
            Switch(bool),
            Text(String),
        }
        match SwitchOrText::deserialize(deserializer)? {
            SwitchOrText::Switch(on) => Ok(on.into()),
            SwitchOrText::Text(text) => Self::of_text(&text).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_of_an_earlier_version_is_read_and_written_back() {
        for text in ["true", "false", "\"auto\""] {
            let tracking: Tracking = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&tracking).unwrap(), text);
        }
        assert!(serde_json::from_str::<Tracking>("\"often\"").is_err());
    }
}
