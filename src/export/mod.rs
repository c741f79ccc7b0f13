//! Export of a pruned model in one or several formats, to a directory that appears complete or not at all.

mod awaited;
mod companions;
mod error;
mod format;
mod gguf;
mod hf;
mod one_file;
mod output_dir;
mod output_form;
mod stored;
mod writer;

pub use companions::{is_companion, is_licence};
pub use error::{Error, Remedy};
pub use format::{Example, ExportPlan, Exporter, Format, FormatWriter, Layout, Loading, WrittenForm};
pub use gguf::{GgufType, file_name as gguf_file_name};
pub use one_file::{check_file, unwritable, write_file, write_file_with};
pub use output_dir::{OutputDir, Published, clear_away};
pub use output_form::OutputForm;
pub use writer::{Finished, Writer, check};

use self::{gguf::Gguf, hf::Directory};

impl Format {
    /// The implementation of the format.
    pub fn exporter(self) -> &'static dyn Exporter {
        match self {
            Self::Hf => &Directory::Narrow,
            Self::Padded => &Directory::Padded,
            Self::NemotronNas => &Directory::NemotronNas,
            Self::Gguf => &Gguf,
        }
    }

    /// Two of these formats that exclude each other in one output, because their files have the same names.
    pub fn conflict(formats: &[Self]) -> Option<(Self, Self)> {
        let mut directories =
            formats.iter().copied().filter(|format| format.exporter().layout() == Layout::Directory);
        directories.next().zip(directories.next())
    }
}

#[cfg(test)]
mod tests {
    use super::Format::{self, Gguf, Hf, Padded};

    #[test]
    fn an_output_has_at_most_one_directory_format_and_any_single_files() {
        assert_eq!(Format::conflict(&[Padded, Gguf]), None);
        assert_eq!(Format::conflict(&[Hf, Padded, Gguf]), Some((Hf, Padded)));
    }
}
