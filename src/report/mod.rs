//! What came of a run, for people: figures, a page, a table, a model card.

mod card;
mod facts;
pub mod figures;
mod files;
mod gallery;
mod layers_csv;
pub mod page;
mod subject;
pub mod words;

#[cfg(test)]
mod tests;

pub use card::{CardFacts, card};
pub use facts::{Change, LayerFacts, LayerState};
pub use files::{PLOTS, ReportFile, files};
pub use gallery::Curves;
pub use layers_csv::{layers_csv, line as csv_line};
pub use subject::Subject;
