//! The machine's speed: a large f32 product of matrices, timed just before and just after a measurement.

use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};

use crate::flops;

/// Timings of the product on each side; their mean counts, because the measured work sees the same variation.
const TRIES: usize = 3;

pub struct Evaluation {
    a: Tensor,
}

/// Seconds of some work, and the operations per second of the product around it.
pub struct Timed {
    pub seconds: f64,
    pub rate: f64,
}

impl Evaluation {
    /// a: [side, side].
    pub fn new(side: usize) -> Result<Self> {
        let a = Tensor::rand(-1f32, 1f32, (side, side), &Device::Cpu)?.to_dtype(DType::F32)?;
        // The first product starts the threads.
        a.matmul(&a)?;
        Ok(Self { a })
    }

    pub fn side(&self) -> usize {
        self.a.elem_count().isqrt()
    }

    /// The work reports its own time; the rate is that of the mean of both sides' seconds.
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
