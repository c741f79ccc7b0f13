//! The machine's speed: a large f32 matrix product, timed immediately before and after a measurement.

use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};

use crate::flops;

/// Timings of the product before and after. Their mean counts, because the measured work has the same
/// variation.
const TRIES: usize = 3;

pub struct Evaluation {
    a: Tensor,
}

/// Seconds of the measured work, and operations per second of the product around it.
pub struct Timed {
    pub seconds: f64,
    pub rate: f64,
}

impl Evaluation {
    /// a: [side, side].
    pub fn new(side: usize) -> Result<Self> {
        let a = Tensor::rand(-1f32, 1f32, (side, side), &Device::Cpu)?.to_dtype(DType::F32)?;
        // The first product also starts the threads.
        a.matmul(&a)?;
        Ok(Self { a })
    }

    pub fn side(&self) -> usize {
        self.a.elem_count().isqrt()
    }

    /// The work reports its own time. The rate is computed from the mean of the times before and after.
    pub fn around(&self, work: impl FnOnce() -> Fallible<f64>) -> Fallible<Timed> {
        let before = self.seconds()?;
        let seconds = work()?;
        let after = self.seconds()?;
        let rate = flops::product(self.side()) / ((before + after) / 2.0);
        Ok(Timed { seconds, rate })
    }

    fn seconds(&self) -> Result<f64> {
        let began = Instant::now();
        for _ in 0..TRIES {
            self.a.matmul(&self.a)?;
        }
        Ok(began.elapsed().as_secs_f64() / TRIES as f64)
    }
}

pub type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error>>;
