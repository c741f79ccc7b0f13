//! Evaluation of a model: perplexity, generated text, and the difference between two models.

mod difference;
mod draw;
mod error;
mod generate;
mod perplexity;
mod prediction;
mod windows;
mod written_windows;

pub use difference::{Difference, difference};
pub use draw::Draw;
pub use error::Error;
pub use generate::{Generation, Writing, Written};
pub use perplexity::{EvaluationStreams, MeanDivergence, MeasuredPerplexity, Perplexity};
pub use prediction::Prediction;
pub use windows::draw_windows;
pub use written_windows::WrittenWindows;
