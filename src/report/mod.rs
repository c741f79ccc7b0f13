//! What came of a run, for people: figures, a page, a table, a model card.

pub mod figures;
mod words;
