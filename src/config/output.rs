//! How a pruned model is written.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ByteSize, Error, file::one_or_many};
use crate::model::Precision;

/// Bytes of one file of weights where nothing is said.
const SHARD: ByteSize = ByteSize(1 << 30);

/// A form of the model that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A Hugging Face directory: the family's own class where all layers have the same sizes, else sizes per layer
    Hf,
    /// A Hugging Face directory of the original sizes, with zeros for what was removed
    Padded,
    /// One file for llama.cpp
    Gguf,
}

/// How the weights of a GGUF file are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum GgufType {
    F32,
    #[default]
    F16,
    #[value(name = "q8_0")]
    #[serde(rename = "q8_0")]
    Q8_0,
    #[value(name = "q4_k")]
    #[serde(rename = "q4_k")]
    Q4K,
}

/// What is written, all of it resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputForm {
    /// Ascending, each once. A GGUF file lies beside the others; hf and padded exclude each other.
    #[serde(rename = "format")]
    pub formats: Vec<Format>,
    pub gguf_type: GgufType,
    /// How a Hugging Face directory stores its weights; None: as the model does.
    pub export_dtype: Option<Precision>,
    /// Largest file of weights in a Hugging Face directory; a single tensor may be larger.
    pub shard_size: ByteSize,
    /// Read back what was written and compare its logits.
    pub verify: bool,
}

/// What a person may say of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(default)]
pub struct OutputOptions {
    /// Forms of the output: hf, a Hugging Face directory; padded, one of the original sizes with zeros; gguf, for llama.cpp [may be repeated; default: hf]
    #[arg(
        long,
        value_name = "FORMAT",
        hide_possible_values = true,
        value_delimiter = ',',
        help_heading = "Output"
    )]
    #[serde(deserialize_with = "one_or_many")]
    pub format: Option<Vec<Format>>,
    /// Weights of a GGUF file: f32, f16, q8_0 or q4_k [default: f16]
    #[arg(long, value_name = "TYPE", hide_possible_values = true, help_heading = "Output")]
    pub gguf_type: Option<GgufType>,
    /// Weights of a Hugging Face directory: f32, f16 or bf16 [default: as the model has them]
    #[arg(long, value_name = "TYPE", hide_possible_values = true, help_heading = "Output")]
    pub export_dtype: Option<Precision>,
    /// Largest file of weights in a Hugging Face directory [default: 1GiB]
    #[arg(long, value_name = "SIZE", help_heading = "Output")]
    pub shard_size: Option<ByteSize>,
    /// Read the written files back and compare their logits with those of the pruned model [default: true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Output")]
    pub verify: Option<bool>,
}

impl Default for OutputForm {
    fn default() -> Self {
        Self {
            formats: vec![Format::Hf],
            gguf_type: GgufType::default(),
            export_dtype: None,
            shard_size: SHARD,
            verify: true,
        }
    }
}

impl OutputForm {
    /// The same, but for what is said otherwise.
    ///
    /// # Errors
    /// As [`OutputForm::new`].
    pub fn changed(&self, options: OutputOptions) -> Result<Self, Error> {
        let Self { formats, gguf_type, export_dtype, shard_size, verify } = self.clone();
        let own = OutputOptions {
            format: Some(formats),
            gguf_type: Some(gguf_type),
            export_dtype,
            shard_size: Some(shard_size),
            verify: Some(verify),
        };
        Self::new(options.or(own))
    }

    /// Fills in defaults and checks every value.
    ///
    /// # Errors
    /// Formats that exclude each other, a size of 0.
    pub fn new(options: OutputOptions) -> Result<Self, Error> {
        let OutputOptions { format, gguf_type, export_dtype, shard_size, verify } = options;
        let default = Self::default();
        let mut formats = format.filter(|formats| !formats.is_empty()).unwrap_or(default.formats);
        formats.sort();
        formats.dedup();
        if formats.starts_with(&[Format::Hf, Format::Padded]) {
            let found = "expected at most one of hf and padded, which have the same file names, found both";
            return Err(Error::value(
                "format",
                found,
                "write the other with `slimgpt export` into another directory",
            ));
        }
        if shard_size == Some(ByteSize(0)) {
            return Err(Error::value("shard-size", "expected a size above 0, found 0", "give a larger one"));
        }
        Ok(Self {
            formats,
            gguf_type: gguf_type.unwrap_or(default.gguf_type),
            export_dtype,
            shard_size: shard_size.unwrap_or(default.shard_size),
            verify: verify.unwrap_or(default.verify),
        })
    }
}

impl OutputOptions {
    /// These options, and `weaker` where nothing is said.
    pub fn or(self, weaker: Self) -> Self {
        Self {
            format: self.format.or(weaker.format),
            gguf_type: self.gguf_type.or(weaker.gguf_type),
            export_dtype: self.export_dtype.or(weaker.export_dtype),
            shard_size: self.shard_size.or(weaker.shard_size),
            verify: self.verify.or(weaker.verify),
        }
    }
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hf => "hf",
            Self::Padded => "padded",
            Self::Gguf => "gguf",
        }
    }
}

impl GgufType {
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for GgufType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gguf_file_goes_with_either_directory_but_these_exclude_each_other() {
        let form = |formats: &[Format]| {
            OutputForm::new(OutputOptions { format: Some(formats.to_vec()), ..OutputOptions::default() })
        };
        assert_eq!(form(&[]).unwrap().formats, [Format::Hf]);
        let twice = [Format::Gguf, Format::Padded, Format::Gguf];
        assert_eq!(form(&twice).unwrap().formats, [Format::Padded, Format::Gguf]);
        let error = form(&[Format::Padded, Format::Hf]).unwrap_err().to_string();
        assert!(error.contains("slimgpt export"), "{error}");
    }
}
