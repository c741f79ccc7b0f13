//! From texts to the token windows on which second moments are measured.
//!
//! [`read`] reads a file into a [`Text`], and [`draw()`] draws windows from texts. [`encode()`] turns all texts into one
//! sequence of tokens, and [`Windows::draw`] draws windows from that sequence.

mod draw;
mod encode;
mod error;
mod form;
mod parquet;
mod pieces;
mod records;
mod shape;
mod source;
mod stretches;
mod text;
mod text_source;
mod windows;

#[cfg(test)]
mod tests;

pub use draw::{Drawn, draw};
pub use encode::encode;
pub use error::{At, Error, Result};
pub use text::{Text, read};
pub use text_source::TextSource;
pub use windows::Windows;
