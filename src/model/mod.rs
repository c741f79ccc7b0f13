//! A checkpoint: architecture, weights, tokenizer, decoder block.
