//! What benches, measurements and examples share: random models and random problems of any size.

#![allow(dead_code, reason = "each program uses its part")]

pub mod checkpoint;
