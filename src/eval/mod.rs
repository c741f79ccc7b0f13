//! What a model is worth: perplexity, and the text it writes.

mod error;
mod generate;
mod perplexity;

pub use error::Error;
pub use generate::{Draw, Generation};
pub use perplexity::Perplexity;
