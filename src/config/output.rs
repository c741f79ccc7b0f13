//! Settings of the exported model.

use super::{ByteSize, Error, check::not_empty, group::settings};
use crate::{
    export::{Format, GgufType, OutputForm},
    model::Precision,
};

/// The combinations of formats offered in the export form.
const FORMATS: &[(&str, &str)] = &[
    ("hf", "hf"),
    ("padded", "padded"),
    ("gguf", "gguf"),
    ("hf and gguf", "hf, gguf"),
    ("padded and gguf", "padded, gguf"),
    ("nemotron-nas", "nemotron-nas"),
];
const EXPORT_TYPES: &[(&str, &str)] =
    &[("same as the model", ""), ("f32", "f32"), ("f16", "f16"), ("bf16", "bf16")];

settings! {
    pub values of OutputForm at output, OutputOptions, Output {
        /// Formats of the output; can be repeated
        formats ("format"): Vec<Format> => {
            value_name: "FORMAT",
            form: Some(FormField::new(SettingsForm::Export, "format", "hf: a Hugging Face directory; padded: the same, padded with zeros to the original sizes; gguf: for llama.cpp; nemotron-nas: for vLLM, SGLang, TensorRT-LLM and mlx-lm").with_choices(FORMATS)),
        }
        /// Number type of the weights in a GGUF file
        gguf_type ("gguf_type"): GgufType => {
            value_name: "TYPE",
            form: Some(FormField::new(SettingsForm::Export, "gguf weights", "with format gguf: q8_0 and q4_k are smaller; they need rows in multiples of 32 and 256")),
        }
        /// Number type of the weights in a Hugging Face directory
        export_dtype ("export_dtype"): Option<Precision> => {
            value_name: "TYPE",
            default: Some("the number type of the model"),
            form: Some(FormField::new(SettingsForm::Export, "weights", "number type in a Hugging Face directory").with_choices(EXPORT_TYPES)),
        }
        /// Maximum size of a weight file in a Hugging Face directory; a single tensor may be larger
        shard_size ("shard_size"): ByteSize, not_empty() => {
            value_name: "SIZE",
            default: Some("1GiB"),
        }
        /// Read the written files back and compare their logits with those of the pruned model
        verify ("verify"): bool => {
            default: Some("true"),
            form: Some(FormField::new(SettingsForm::Export, "verify", "read the written files back and compare their logits")),
        }
    }
}

impl OutputForm {
    /// This form with its values replaced by the given options.
    ///
    /// # Errors
    /// As for [`OutputForm::new`].
    pub fn changed(&self, options: OutputOptions) -> Result<Self, Error> {
        Self::new(options.or(self.options()))
    }

    /// Resolves the options.
    ///
    /// # Errors
    /// If formats exclude each other, or a size is 0.
    pub fn new(mut options: OutputOptions) -> Result<Self, Error> {
        options.formats = options.formats.filter(|formats| !formats.is_empty());
        let mut form = Self::fill(options)?;
        form.formats.sort();
        form.formats.dedup();
        if let Some((a, b)) = Format::conflict(&form.formats) {
            let found =
                format!("expected at most one of {a} and {b}, which have the same file names, found both");
            let remedy = "export the other one to another directory";
            return Err(Error::value("format", &found, remedy));
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Named;

    #[test]
    fn a_gguf_file_combines_with_either_directory_but_the_directories_exclude_each_other() {
        let form = |formats: &[Format]| {
            OutputForm::new(OutputOptions { formats: Some(formats.to_vec()), ..OutputOptions::default() })
        };
        assert_eq!(form(&[]).unwrap().formats, [Format::Hf]);
        let twice = [Format::Gguf, Format::Padded, Format::Gguf];
        assert_eq!(form(&twice).unwrap().formats, [Format::Padded, Format::Gguf]);
        let error = form(&[Format::Padded, Format::Hf]).unwrap_err().to_string();
        assert!(error.contains("at most one of hf and padded"), "{error}");
    }

    #[test]
    fn the_form_offers_every_format_alone_and_no_conflicting_ones() {
        let offered = |(_, names): &(&str, &str)| -> Vec<Format> {
            names.split(", ").map(|name| name.parse().unwrap()).collect()
        };
        let offered: Vec<Vec<Format>> = FORMATS.iter().map(offered).collect();
        for format in Format::ALL {
            assert!(offered.contains(&vec![*format]), "{format} is missing");
        }
        assert!(offered.iter().all(|formats| Format::conflict(formats).is_none()));
    }
}
