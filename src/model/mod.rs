//! A checkpoint: architecture, weights, tokenizer, decoder block.

pub mod hub;
