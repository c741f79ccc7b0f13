//! Calibration of blocks: measuring both parts and propagating, without the solves.

use std::{
    error::Error,
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use candle_core::{DType, Device};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slimgpt::{
    calibration::Windows,
    config::Settings,
    model::{Checkpoint, Source},
    pipeline::{LayerTask, Pass, Propagate, Removals, Streams, Task},
    prune::{AttentionUnit, LayerRatio},
};

use super::checkpoint::{self, Shape};

pub struct Calibration {
    pub checkpoint: Checkpoint,
    settings: Settings,
    pub windows: Windows,
}

impl Calibration {
    /// Writes a checkpoint of this shape into the new directory `directory`, and draws windows of random tokens.
    pub fn new(
        shape: &Shape,
        samples: usize,
        seq_len: usize,
        directory: &Path,
    ) -> Result<Self, Box<dyn Error>> {
        checkpoint::write(shape, directory)?;
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let tokens = (0..samples * seq_len).map(|_| rng.random_range(0..shape.vocab as u32)).collect();
        Self::of(Source::directory(directory), tokens, samples, seq_len)
    }

    /// An existing checkpoint, and windows [samples, seq_len].
    pub fn of(
        source: Source,
        tokens: Vec<u32>,
        samples: usize,
        seq_len: usize,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            checkpoint: Checkpoint::open(source)?,
            settings: format!("samples = {samples}\nseq_len = {seq_len}").parse()?,
            windows: Windows::new(tokens, samples, seq_len)?,
        })
    }

    pub fn pass(&self) -> Pass<'_> {
        Pass {
            checkpoint: &self.checkpoint,
            settings: &self.settings,
            windows: &self.windows,
            weights: None,
            device: &Device::Cpu,
            dtype: DType::F32,
        }
    }

    /// The time for one block excluding its solves, which remove nothing.
    pub fn block(&self, layer: usize, streams: &mut Streams) -> Result<Duration, Box<dyn Error>> {
        let task = Task::Solve { removals: Removals::default(), solver: None };
        let task = LayerTask {
            layer,
            ratio: LayerRatio::ZERO,
            unit: AttentionUnit::KvGroup,
            attention: task,
            mlp: task,
            propagate: Propagate::ToOutput,
        };
        let began = Instant::now();
        let solved = self.pass().layer(&task, streams, None, &mut |_| ControlFlow::Continue(()))?;
        Ok(began.elapsed().saturating_sub(Duration::from_secs_f64(solved.solve_seconds)))
    }
}
