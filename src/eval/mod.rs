//! Evaluation of a model: perplexity, generated text, and the difference between two models.

mod difference;
mod draw;
mod error;
mod generate;
mod perplexity;
mod prediction;

pub use difference::{Difference, difference};
pub use draw::Draw;
pub use error::Error;
pub use generate::{Generation, Writing, Written};
pub use perplexity::Perplexity;
pub use prediction::Prediction;
