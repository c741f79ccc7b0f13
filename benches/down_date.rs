//! Down-dating against re-inverting.
fn main() {}
