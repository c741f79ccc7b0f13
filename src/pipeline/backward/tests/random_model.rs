//! A tiny model whose weights are given by a formula.

use candle_core::{DType, Device, Tensor};
use serde_json::Value;

use crate::model::{self, Architecture, Block, BlockByBlock, EmbeddingAndHead, Tensors};

/// Numbers in [-1, 1) from a name: a hash of the name and the place, exact in every language.
pub fn numbers(name: &str, count: usize) -> Vec<f64> {
    let mixed = |x: u32| (x ^ (x >> 16)).wrapping_mul(0x045d_9f3b);
    let seed =
        name.bytes().fold(2_166_136_261_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(16_777_619));
    let number = |place: usize| {
        let x = mixed(mixed(seed.wrapping_add((place as u32).wrapping_mul(2_654_435_761))));
        f64::from(x ^ (x >> 16)) / f64::from(1_u32 << 31) - 1.0
    };
    (0..count).map(number).collect()
}

/// Random numbers, by the name of the tensor.
struct RandomTensors;

impl Tensors for RandomTensors {
    fn tensor(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> model::Result<Tensor> {
        let (middle, spread) = match name {
            name if name.contains("norm") => (1.0, 0.5),
            name if name.ends_with("bias") => (0.0, 0.5),
            name if name.contains("embed") => (0.0, 1.0),
            _ => (0.0, 2.0 / (shape[1] as f64).sqrt()),
        };
        let numbers = numbers(name, shape.iter().product());
        let numbers: Vec<f32> = numbers.into_iter().map(|x| (middle + spread * x) as f32).collect();
        Ok(Tensor::from_vec(numbers, shape, device)?.to_dtype(dtype)?)
    }
}

pub struct RandomModel {
    pub architecture: Architecture,
}

impl RandomModel {
    pub fn of(config: &Value) -> Self {
        Self { architecture: Architecture::from_config(config).unwrap() }
    }
}

impl BlockByBlock for RandomModel {
    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn block(&self, layer: usize, device: &Device, dtype: DType) -> model::Result<Block> {
        Block::load(&RandomTensors, &self.architecture, layer, device, dtype)
    }

    fn embedding_and_head(&self, device: &Device, dtype: DType) -> model::Result<EmbeddingAndHead> {
        EmbeddingAndHead::load(&RandomTensors, &self.architecture, device, dtype)
    }
}
