//! The device and the number type of a forward pass.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::names::names;

/// The device of a forward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ComputeDevice {
    #[default]
    /// The processor.
    Cpu,
    /// The CUDA device with this index.
    Cuda(usize),
    /// The Metal device.
    Metal,
}

names! {
    /// Number type of weights and activations in a forward pass.
    pub enum Precision, default F32 {
        /// 32-bit floating point
        F32 = "f32",
        /// 16-bit floating point
        F16 = "f16",
        /// bfloat16
        BF16 = "bf16",
    }
}

impl fmt::Display for ComputeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for ComputeDevice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "metal" => Ok(Self::Metal),
            "cuda" => Ok(Self::Cuda(0)),
            other => other
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| format!("expected cpu, cuda, cuda:N or metal, found \"{other}\"")),
        }
    }
}

impl Serialize for ComputeDevice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ComputeDevice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
