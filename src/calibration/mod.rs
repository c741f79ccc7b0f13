//! From texts to the token windows on which second moments are measured.
//!
//! [`read`] reads a file into a [`Text`], [`read_sampled`] draws documents from a large file, and [`draw()`] draws windows
//! from texts. [`encode()`] turns all texts into one
//! sequence of tokens, and [`Windows::draw`] draws windows from that sequence.

mod documents;
mod draw;
mod encode;
mod error;
mod form;
mod parquet;
mod passages;
mod pieces;
mod records;
mod reservoir;
mod shape;
mod source;
mod stretches;
mod text;
mod text_source;
mod token_weights;
mod windows;

#[cfg(test)]
mod tests;

pub use documents::{DocumentUnit, DrawnDocuments, Sampling};
pub use draw::{Drawn, draw};
pub use encode::encode;
pub use error::{At, Error, Result};
pub use text::{Text, read, read_sampled};
pub use text_source::TextSource;
pub use token_weights::{TokenWeights, WeightSpread};
pub use windows::Windows;
