//! The settings of a run. `table` is their only list; the command line, settings files, printing, merging, forms
//! and the comparison of attempts are made from it.

mod arguments;
mod calibration;
mod check;
mod error;
mod evaluation;
mod file;
mod group;
mod interface;
mod machine;
mod method;
mod output;
mod paths;
mod print;
mod ratios;
mod setting;
mod settings;
#[cfg(test)]
mod tests;
mod tracking;
mod value;
mod value_types;

pub use calibration::{Calibration, CalibrationOptions};
pub use check::at_least;
pub use error::Error;
pub use evaluation::{Evaluation, EvaluationOptions};
pub use file::{Entry, SettingsText, field, parse as parse_file, read as read_file};
pub use interface::{Colours, GlyphChoice, Interface};
pub use machine::{LaunchOptions, Machine, MachineOptions, Storage, StorageOptions};
pub use method::{Objective, ObjectiveOptions, Solver, SolverChanges};
pub use output::OutputOptions;
pub use paths::Paths;
pub use print::LayerSettings;
pub use ratios::{Ratios, RatiosOptions, Span};
pub use setting::{FormField, Heading, Kind, Scope, Setting, SettingsForm};
pub use settings::{Options, Settings, form_settings, table};
pub use tracking::Tracking;
pub use value::items;
pub use value_types::{ByteSize, LayerRange, Preset, ScheduleChoice, SearchCosts};

/// The settings file of the built-in model. It applies if no other model is given.
const DEMO: &str = include_str!("../../sample_configs/demo.toml");

/// The settings of the built-in model.
///
/// # Errors
/// Never, because a test checks `sample_configs/demo.toml`.
pub fn demo() -> Result<Options, Error> {
    parse_file(DEMO, "sample_configs/demo.toml")
}
