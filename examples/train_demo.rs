//! Trains the built-in model.
fn main() {}
