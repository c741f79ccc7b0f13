//! What a model is worth: perplexity, and the text it writes.

mod difference;
mod draw;
mod error;
mod generate;
mod perplexity;

pub use difference::{Difference, difference};
pub use draw::Draw;
pub use error::Error;
pub use generate::{Generation, Writing, Written};
pub use perplexity::Perplexity;
