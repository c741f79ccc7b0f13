//! The settings of a run: what may be said (`Options`), and what holds (`Settings`).

mod error;
mod file;
mod interface;
mod options;
mod output;
mod paths;
mod print;
mod settings;
mod values;

pub use error::Error;
pub use file::{Entry, SettingsText, field, parse as parse_file, read as read_file};
pub use interface::{Colours, GlyphChoice, Interface};
pub use options::{MachineOptions, Options};
pub use output::OutputOptions;
pub use paths::Paths;
pub use settings::{Machine, Settings, Span, at_least};
pub use values::{ByteSize, LayerRange, Preset, ScheduleChoice};

/// The settings file of the built-in model, which holds wherever no other is named.
const DEMO: &str = include_str!("../../sample_configs/demo.toml");

/// What the built-in model is pruned with where nothing else is said.
pub fn demo() -> Result<Options, Error> {
    parse_file(DEMO, "sample_configs/demo.toml")
}
