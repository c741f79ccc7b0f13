//! What came of a run, for people: figures, a page, a table, a model card.

mod card;
mod facts;
pub mod figures;
mod layers_csv;
mod words;

#[cfg(test)]
mod tests;

pub use card::{CardFacts, card};
pub use facts::{Change, LayerFacts, LayerState};
pub use layers_csv::layers_csv;
