//! Code shared by benches, measurements and examples: random models and random problems of any size.

#![allow(dead_code, reason = "each program uses only a part")]

pub mod calibration;
pub mod checkpoint;
pub mod problem;

/// Whether small sizes are requested.
pub fn quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}
