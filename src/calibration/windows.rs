//! Token windows drawn at random positions, and the file that stores them.

use std::{fs, path::Path, slice};

use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{
    error::{Error, Result},
    token_weights::{TokenWeights, WEIGHTS},
};

/// The tensor's name in the file.
const TOKENS: &str = "tokens";

/// Calibration windows of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// [samples, seq_len], row-major
    tokens: Vec<u32>,
    samples: usize,
    seq_len: usize,
}

impl Windows {
    /// Existing windows. `tokens`: [samples, seq_len], row-major.
    ///
    /// # Errors
    ///
    /// [`Error::NoWindow`] without samples or with fewer than two tokens per window, and [`Error::Shape`] if the number of tokens
    /// differs.
    pub fn new(tokens: Vec<u32>, samples: usize, seq_len: usize) -> Result<Self> {
        if samples == 0 || seq_len < 2 {
            return Err(Error::NoWindow { samples, seq_len });
        }
        if samples.checked_mul(seq_len) != Some(tokens.len()) {
            return Err(Error::Shape { found: tokens.len(), samples, seq_len });
        }
        Ok(Self { tokens, samples, seq_len })
    }

    /// Draws `samples` windows of `seq_len` tokens at distinct positions, uniformly over all positions where
    /// a window fits. Equal seeds give equal windows.
    ///
    /// # Errors
    ///
    /// [`Error::TooLittleText`] for fewer than seq_len + samples − 1 tokens; [`Error::NoWindow`] as for
    /// [`Windows::new`].
    pub fn draw(tokens: &[u32], samples: usize, seq_len: usize, seed: u64) -> Result<Self> {
        if samples == 0 || seq_len < 2 {
            return Err(Error::NoWindow { samples, seq_len });
        }
        let found = tokens.len();
        let needed = seq_len.saturating_add(samples - 1);
        if found < needed {
            return Err(Error::TooLittleText { found, needed, samples, seq_len });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let starts = index::sample(&mut rng, found - seq_len + 1, samples);
        let windows = starts.iter().flat_map(|start| &tokens[start..start + seq_len]);
        Self::new(windows.copied().collect(), samples, seq_len)
    }

    /// The windows with a token before each.
    #[must_use]
    pub fn after(&self, first: u32) -> Self {
        let tokens = self.iter().flat_map(|window| std::iter::once(first).chain(window.iter().copied()));
        Self { tokens: tokens.collect(), samples: self.samples, seq_len: self.seq_len + 1 }
    }

    /// These windows and others of the same length, spread evenly, so that every part of them has both kinds.
    ///
    /// # Panics
    ///
    /// If the windows have other lengths.
    #[must_use]
    pub fn mixed_with(&self, others: &Self) -> Self {
        assert_eq!(self.seq_len, others.seq_len, "windows of a calibration have one length");
        let samples = self.samples + others.samples;
        let (mut own, mut other) = (self.iter(), others.iter());
        let tokens = (0..samples).filter_map(|index| {
            // The number of others among the first windows grows at this index.
            let is_other = (index + 1) * others.samples / samples > index * others.samples / samples;
            if is_other { other.next() } else { own.next() }
        });
        Self { tokens: tokens.flatten().copied().collect(), samples, seq_len: self.seq_len }
    }

    /// A range of the windows.
    ///
    /// # Errors
    ///
    /// As for [`Windows::new`] if the range is empty.
    pub fn part(&self, range: std::ops::Range<usize>) -> Result<Self> {
        let tokens = &self.tokens[range.start * self.seq_len..range.end * self.seq_len];
        Self::new(tokens.to_vec(), range.len(), self.seq_len)
    }

    /// These windows, followed by others of equal length.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the lengths differ.
    pub fn join(&self, others: &Self) -> Result<Self> {
        let tokens = [&self.tokens[..], &others.tokens[..]].concat();
        Self::new(tokens, self.samples + others.samples, self.seq_len)
    }

    /// All tokens, [samples, seq_len], row-major.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Number of windows.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Tokens per window.
    pub fn seq_len(&self) -> usize {
        self.seq_len
    }

    /// The windows in order, each `[seq_len]`.
    pub fn iter(&self) -> slice::ChunksExact<'_, u32> {
        self.tokens.chunks_exact(self.seq_len)
    }

    /// The bytes of a safetensors file with `tokens` i64 [samples, seq_len]. Equal windows give equal bytes.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let tokens: Vec<u8> = self.tokens.iter().flat_map(|&token| i64::from(token).to_le_bytes()).collect();
        let view = TensorView::new(Dtype::I64, vec![self.samples, self.seq_len], &tokens)
            .expect("eight bytes were written for each of samples × seq_len tokens");
        safetensors::serialize([(TOKENS, view)], None).expect("one tensor that has its shape's length")
    }

    /// [`Windows::to_safetensors`], with `weights` f32 [samples, seq_len] as a second tensor.
    ///
    /// # Panics
    ///
    /// If there is not one weight per token.
    pub fn to_safetensors_with(&self, weights: &TokenWeights) -> Vec<u8> {
        let shape = || vec![self.samples, self.seq_len];
        let tokens: Vec<u8> = self.tokens.iter().flat_map(|&token| i64::from(token).to_le_bytes()).collect();
        let weights: Vec<u8> = weights.values().iter().flat_map(|weight| weight.to_le_bytes()).collect();
        let views = [(TOKENS, Dtype::I64, &tokens), (WEIGHTS, Dtype::F32, &weights)];
        let views = views.map(|(name, dtype, bytes)| {
            (name, TensorView::new(dtype, shape(), bytes).expect("there is one number per token"))
        });
        safetensors::serialize(views, None).expect("two tensors that have their shapes' lengths")
    }

    /// Reads a file written with [`Windows::to_safetensors`].
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], [`Error::Read`], and [`Error::WindowsFile`] for other content.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::Missing { path: path.into() },
            _ => Error::Read { path: path.into(), source },
        })?;
        Self::from_safetensors(&bytes).map_err(|cause| Error::WindowsFile { path: path.into(), cause })
    }

    /// Parses the bytes of [`Windows::to_safetensors`].
    ///
    /// # Errors
    ///
    /// A description of the bytes, if they are not windows.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let view = file.tensor(TOKENS).map_err(|error| error.to_string())?;
        let (Dtype::I64, &[samples, seq_len]) = (view.dtype(), view.shape()) else {
            return Err(format!("it is {:?} {:?}", view.dtype(), view.shape()));
        };
        let tokens = view.data().as_chunks::<8>().0.iter().map(|&bytes| {
            let token = i64::from_le_bytes(bytes);
            u32::try_from(token).map_err(|_| format!("{token} is not a token"))
        });
        Self::new(tokens.collect::<Result<_, _>>()?, samples, seq_len).map_err(|error| error.to_string())
    }
}
