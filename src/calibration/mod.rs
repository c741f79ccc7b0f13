//! Texts to token windows: what the second moments are measured on.
//!
//! [`read`] makes a [`Text`] of a file, [`encode`] makes one row of tokens of all texts, and [`Windows::draw`]
//! cuts the windows of it.

mod encode;
mod error;
mod records;
mod source;
mod text;
mod text_source;
mod windows;

#[cfg(test)]
mod tests;

pub use encode::encode;
pub use error::{At, Error, Result};
pub use text::{Text, read};
pub use text_source::TextSource;
pub use windows::Windows;
