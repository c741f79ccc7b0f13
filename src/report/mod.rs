//! Results of a run for readers: figures, an HTML page, a table of layers, and the model card.

mod card;
mod facts;
pub mod figures;
mod files;
mod gallery;
mod input;
mod layers_csv;
pub mod page;

#[cfg(test)]
mod tests;

pub use card::{CardFacts, card};
pub use facts::{Change, LayerFacts, LayerState};
pub use files::{PLOTS, files};
pub use gallery::Curves;
pub use input::ReportInput;
pub use layers_csv::{layers_csv, line as csv_line};
