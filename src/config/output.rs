//! How a pruned model is written.

use serde::Deserialize;

use super::{ByteSize, Error, file::one_or_many};
use crate::{
    export::{Format, GgufType, OutputForm},
    model::Precision,
};

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
            shard_size: Some(ByteSize(shard_size)),
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
            shard_size: shard_size.map_or(default.shard_size, |size| size.0),
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
