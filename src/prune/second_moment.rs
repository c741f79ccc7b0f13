//! G = E[x xᵀ]: the second moment of a weight's inputs over the calibration tokens.

use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use super::Error;
use crate::product::multiply_half;

/// Number of tokens whose products are computed together.
pub(super) const BLOCK: usize = 1024;
/// Number of blocks that are summed in f32 before they are added to the f64 sum. Adding takes a fifth of the time of a block's
/// product for a large n.
const BLOCKS_IN_F32: usize = 4;
/// Number of columns whose mean one task sums.
const COLUMNS: usize = 128;

/// The sum of x xᵀ over tokens. A few blocks are summed in f32, and these sums in f64.
///
/// The split into blocks does not depend on batch sizes, so equal tokens in equal order give equal bits. Tokens may come in
/// chunks ([`SecondMoment::end_chunk`]); then processes that sum different chunks get the same bits as one process.
pub struct SecondMoment {
    n: usize,
    tokens: usize,
    /// Tokens of an incomplete block, [waiting, n] row-major.
    waiting: Vec<f32>,
    /// The sum of x over the tokens of this chunk, in their order, [n].
    of_chunk: Vec<f64>,
    /// The sum of the last blocks [n, n], lower half, and their number.
    blocks: (Mat<f32>, usize),
    total: Total,
}

/// Where the f32 sums of blocks go.
enum Total {
    Sum {
        /// The sum of x over the chunks, in their order, [n].
        of_x: Vec<f64>,
        /// [n, n] column-major, lower half.
        sum: Vec<f64>,
    },
    /// They are kept until the end of the chunk, as packed lower halves.
    Chunk(Vec<Vec<f32>>),
}

/// The sums of one chunk, which another process may add to a total.
pub struct ChunkSums {
    /// Sums of x xᵀ in the order in which they are added: the columns of the lower half, each from the diagonal down.
    pub products: Vec<Vec<f32>>,
    /// Σ x, of n numbers.
    pub of_x: Vec<f64>,
}

/// A second moment G [n, n], symmetric and finite, and the mean of the same inputs.
///
/// Only the lower half is stored. The zeros above it are never written, so they occupy no memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    n: usize,
    /// [n, n] column-major
    lower: Vec<f64>,
    /// E[x], [n]; zeros if no mean was given.
    mean: Vec<f64>,
}

impl SecondMoment {
    /// An empty sum for n inputs.
    pub fn new(n: usize) -> Self {
        Self::with(n, Total::Sum { of_x: vec![0.0; n], sum: vec![0.0; n * n] })
    }

    /// Sums for n inputs that [`SecondMoment::take_chunk`] returns chunk by chunk. It has no total to finish.
    pub fn in_chunks(n: usize) -> Self {
        Self::with(n, Total::Chunk(Vec::new()))
    }

    fn with(n: usize, total: Total) -> Self {
        let blocks = (Mat::zeros(n, n), 0);
        Self { n, tokens: 0, waiting: Vec::new(), of_chunk: vec![0.0; n], blocks, total }
    }

    /// Adds inputs x [tokens, n], row-major, each with a weight: the sums become Σ w x xᵀ and Σ w x, still divided by the
    /// number of tokens, so weights of mean 1 give weighted means. Weights of 1 give the bits of [`SecondMoment::add`].
    ///
    /// # Errors
    /// [`Error::Shape`] if the length of `x` is not that of the weights times n.
    pub fn add_weighted(&mut self, x: &[f32], weights: &[f32]) -> Result<(), Error> {
        let expected = weights.len() * self.n;
        if x.len() != expected {
            return Err(Error::Shape { what: "batch of weighted inputs", expected, found: x.len() });
        }
        let n = self.n.max(1);
        let scaled = |factor: fn(f32) -> f32| -> Vec<f32> {
            let rows = x.par_chunks_exact(n).zip(weights);
            rows.flat_map_iter(|(x, &weight)| x.iter().map(move |x| x * factor(weight))).collect()
        };
        // The products of rows times √w are weighted by w.
        self.add_means(&scaled(|weight| weight));
        self.add_products(&scaled(f32::sqrt));
        Ok(())
    }

    /// Adds inputs x [tokens, n], row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] if the length of `x` is not a multiple of n.
    pub fn add(&mut self, x: &[f32]) -> Result<(), Error> {
        if self.n == 0 || !x.len().is_multiple_of(self.n) {
            let expected = x.len().next_multiple_of(self.n.max(1));
            return Err(Error::Shape { what: "batch of inputs", expected, found: x.len() });
        }
        self.add_means(x);
        self.add_products(x);
        Ok(())
    }

    /// Adds to the number of tokens and to the sum of x.
    fn add_means(&mut self, x: &[f32]) {
        self.tokens += x.len() / self.n;
        self.of_chunk.par_chunks_mut(COLUMNS).enumerate().for_each(|(chunk, sums)| {
            for x in x.chunks_exact(self.n) {
                for (sum, &x) in sums.iter_mut().zip(&x[chunk * COLUMNS..]) {
                    *sum += f64::from(x);
                }
            }
        });
    }

    /// Adds to the sum of x xᵀ.
    fn add_products(&mut self, x: &[f32]) {
        let size = BLOCK * self.n;
        let mut rest = x;
        if !self.waiting.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(size - self.waiting.len()));
            self.waiting.extend_from_slice(head);
            rest = tail;
            if self.waiting.len() == size {
                self.flush();
            }
        }
        let mut blocks = rest.chunks_exact(size);
        for block in &mut blocks {
            self.add_block(block);
        }
        self.waiting.extend_from_slice(blocks.remainder());
    }

    /// Number of tokens added so far.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Ends a chunk of tokens: the next token begins a new block and a new sum in f32.
    pub fn end_chunk(&mut self) {
        self.flush();
        self.add_to_f64();
        if let Total::Sum { of_x, .. } = &mut self.total {
            of_x.iter_mut().zip(&mut self.of_chunk).for_each(|(sum, chunk)| *sum += std::mem::take(chunk));
        }
    }

    /// Ends a chunk of tokens, and returns its sums. After [`SecondMoment::new`], these are in the total instead.
    pub fn take_chunk(&mut self) -> ChunkSums {
        self.end_chunk();
        match &mut self.total {
            Total::Sum { .. } => ChunkSums { products: Vec::new(), of_x: vec![0.0; self.n] },
            Total::Chunk(products) => {
                let of_x = self.of_chunk.iter_mut().map(std::mem::take).collect();
                ChunkSums { products: std::mem::take(products), of_x }
            }
        }
    }

    /// G = sum / tokens.
    ///
    /// # Errors
    /// [`Error::NoTokens`] without tokens or a total, and [`Error::NotFinite`] if an entry is NaN or infinite.
    pub fn finish(mut self) -> Result<Moment, Error> {
        self.end_chunk();
        match self.total {
            Total::Sum { of_x, sum } => Moment::of_sums(self.n, sum, &of_x, self.tokens),
            Total::Chunk(_) => Err(Error::NoTokens),
        }
    }

    fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return;
        }
        self.add_block(&waiting);
        self.waiting = waiting;
        self.waiting.clear();
    }

    fn add_block(&mut self, x: &[f32]) {
        let n = self.n;
        let x = MatRef::from_row_major_slice(x, x.len() / n, n);
        let (sum, blocks) = &mut self.blocks;
        let add = if *blocks == 0 { Accum::Replace } else { Accum::Add };
        multiply_half(sum.as_mut(), add, x.transpose(), x, 1.0);
        *blocks += 1;
        if *blocks == BLOCKS_IN_F32 {
            self.add_to_f64();
        }
    }

    fn add_to_f64(&mut self) {
        let (blocks, count) = (&self.blocks.0, std::mem::take(&mut self.blocks.1));
        if count == 0 {
            return;
        }
        match &mut self.total {
            Total::Sum { sum, .. } => sum.par_chunks_exact_mut(self.n).enumerate().for_each(|(j, sum)| {
                for (sum, &add) in sum[j..].iter_mut().zip(blocks.col(j).iter().skip(j)) {
                    *sum += f64::from(add);
                }
            }),
            Total::Chunk(products) => {
                let mut packed = Vec::with_capacity(self.n * (self.n + 1) / 2);
                (0..self.n).for_each(|j| packed.extend(blocks.col(j).iter().skip(j)));
                products.push(packed);
            }
        }
    }
}

impl Moment {
    /// A given second moment, [n, n] row-major. Only one of its halves is read. Its mean is 0 until
    /// [`Moment::with_mean`] sets it.
    ///
    /// # Errors
    /// [`Error::Shape`] for another length, and [`Error::NotFinite`] for NaN or ∞.
    pub fn from_row_major(n: usize, mut values: Vec<f64>) -> Result<Self, Error> {
        if values.len() != n * n {
            return Err(Error::Shape { what: "second moment", expected: n * n, found: values.len() });
        }
        // The part of row i to the right of the diagonal is the part of column i below it.
        for (i, row) in values.chunks_exact_mut(n.max(1)).enumerate() {
            row[..i].fill(0.0);
        }
        Self::from_lower(n, values)
    }

    /// The moment of these sums over tokens: Σ x xᵀ [n, n] column-major, lower half, and Σ x [n].
    fn of_sums(n: usize, mut lower: Vec<f64>, of_x: &[f64], tokens: usize) -> Result<Self, Error> {
        if tokens == 0 {
            return Err(Error::NoTokens);
        }
        let per_token = 1.0 / tokens as f64;
        lower.par_chunks_exact_mut(n).enumerate().for_each(|(j, column)| {
            for value in &mut column[j..] {
                *value *= per_token;
            }
        });
        let mean = of_x.iter().map(|sum| sum * per_token).collect();
        Self::from_lower(n, lower)?.with_mean(mean)
    }

    /// The moment of sums over tokens: Σ x xᵀ as a packed lower half, column by column, and Σ x `[n]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for other lengths, [`Error::NoTokens`], and [`Error::NotFinite`] for NaN or ∞.
    pub fn from_packed_sums(packed: &[f64], of_x: &[f64], tokens: usize) -> Result<Self, Error> {
        let n = of_x.len();
        let expected = n * (n + 1) / 2;
        if packed.len() != expected {
            return Err(Error::Shape { what: "packed second moment", expected, found: packed.len() });
        }
        let (mut lower, mut rest) = (vec![0.0; n * n], packed);
        for j in 0..n {
            let column;
            (column, rest) = rest.split_at(n - j);
            lower[j * n + j..(j + 1) * n].copy_from_slice(column);
        }
        Self::of_sums(n, lower, of_x, tokens)
    }

    /// `lower`: [n, n] column-major, zeros above the diagonal.
    fn from_lower(n: usize, lower: Vec<f64>) -> Result<Self, Error> {
        let bad = |(j, column): (usize, &[f64])| {
            column[j..].iter().position(|value| !value.is_finite()).map(|at| (j + at, j))
        };
        match lower.par_chunks_exact(n.max(1)).enumerate().find_map_first(bad) {
            None => Ok(Self { n, lower, mean: vec![0.0; n] }),
            Some((row, column)) => {
                let (what, value) = ("second moment", lower[column * n + row]);
                Err(Error::NotFinite { what, row, column, value })
            }
        }
    }

    /// This moment with the mean `E[x]` of the same inputs, `[n]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for another length, and [`Error::NotFinite`] for NaN or ∞.
    pub fn with_mean(self, mean: Vec<f64>) -> Result<Self, Error> {
        if mean.len() != self.n {
            return Err(Error::Shape { what: "mean of the inputs", expected: self.n, found: mean.len() });
        }
        finite("mean of the inputs", self.n, &mean)?;
        Ok(Self { mean, ..self })
    }

    /// `E[x_j]`
    pub fn mean(&self, j: usize) -> f64 {
        self.mean[j]
    }

    /// Var(x_j) = G_jj − `E[x_j]²`, limited to 0 or more despite rounding.
    pub fn variance(&self, j: usize) -> f64 {
        (self.at(j, j) - self.mean[j] * self.mean[j]).max(0.0)
    }

    /// The number of inputs.
    pub fn n(&self) -> usize {
        self.n
    }

    /// G_ij
    #[inline]
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.lower[i.min(j) * self.n + i.max(j)]
    }

    /// Column j from the diagonal down.
    pub(super) fn column_below(&self, j: usize) -> &[f64] {
        &self.lower[j * self.n + j..(j + 1) * self.n]
    }

    /// The lower half.
    pub(super) fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.lower, self.n, self.n)
    }
}

/// Number of values checked together.
const STRETCH: usize = 4096;

/// Fails at the first value that is NaN or ∞; `values` is row-major with n columns.
pub(super) fn finite<T: Copy + Sync + Into<f64>>(
    what: &'static str,
    n: usize,
    values: &[T],
) -> Result<(), Error> {
    let bad = |value: &T| !(*value).into().is_finite();
    // Whole stretches are checked first, because checking each value separately is slow.
    let Some(stretch) = values.par_chunks(STRETCH).position_first(|values| values.iter().any(bad)) else {
        return Ok(());
    };
    let first = stretch * STRETCH;
    match values[first..].iter().position(bad).map(|at| first + at) {
        None => Ok(()),
        Some(at) => Err(Error::NotFinite { what, row: at / n, column: at % n, value: values[at].into() }),
    }
}

#[cfg(test)]
mod tests;
