//! What benches, measurements and examples share: random models and random problems of any size.

#![allow(dead_code, reason = "each program uses its part")]

pub mod calibration;
pub mod checkpoint;
pub mod problem;

/// True where small sizes are asked for.
pub fn quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}
