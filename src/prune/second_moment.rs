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
/// The split into blocks does not depend on batch sizes, so equal tokens in equal order give equal bits.
pub struct SecondMoment {
    n: usize,
    tokens: usize,
    /// Tokens of an incomplete block, [waiting, n] row-major.
    waiting: Vec<f32>,
    /// The sum of x in token order, [n].
    of_x: Vec<f64>,
    /// The sum of the last blocks [n, n], lower half, and their number.
    blocks: (Mat<f32>, usize),
    /// [n, n] column-major, lower half.
    sum: Vec<f64>,
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
        Self {
            n,
            tokens: 0,
            waiting: Vec::new(),
            of_x: vec![0.0; n],
            blocks: (Mat::zeros(n, n), 0),
            sum: vec![0.0; n * n],
        }
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
        self.of_x.par_chunks_mut(COLUMNS).enumerate().for_each(|(chunk, sums)| {
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

    /// G = sum / tokens.
    ///
    /// # Errors
    /// [`Error::NoTokens`], and [`Error::NotFinite`] if an entry is NaN or infinite.
    pub fn finish(mut self) -> Result<Moment, Error> {
        if self.tokens == 0 {
            return Err(Error::NoTokens);
        }
        self.flush();
        self.add_to_f64();
        let (n, per_token) = (self.n, 1.0 / self.tokens as f64);
        let mut lower = self.sum;
        lower.par_chunks_exact_mut(n).enumerate().for_each(|(j, column)| {
            for value in &mut column[j..] {
                *value *= per_token;
            }
        });
        let mean = self.of_x.iter().map(|sum| sum * per_token).collect();
        Moment::from_lower(n, lower)?.with_mean(mean)
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
        if count > 0 {
            self.sum.par_chunks_exact_mut(self.n).enumerate().for_each(|(j, sum)| {
                for (sum, &add) in sum[j..].iter_mut().zip(blocks.col(j).iter().skip(j)) {
                    *sum += f64::from(add);
                }
            });
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
mod tests {
    use super::*;
    use crate::prune::slow::random_f32;

    #[test]
    fn it_is_the_mean_of_the_outer_products() {
        let (tokens, n) = (37, 9);
        let x = random_f32(1, tokens * n);
        let mut moment = SecondMoment::new(n);
        moment.add(&x).unwrap();
        assert_eq!(moment.tokens(), tokens);
        let moment = moment.finish().unwrap();
        for i in 0..n {
            for j in 0..n {
                let slow = (0..tokens).map(|t| f64::from(x[t * n + i]) * f64::from(x[t * n + j]));
                let slow = slow.sum::<f64>() / tokens as f64;
                assert!((moment.at(i, j) - slow).abs() < 1e-6, "{i}, {j}");
                assert_eq!(moment.at(i, j), moment.at(j, i));
            }
        }
    }

    #[test]
    fn equal_tokens_give_equal_bits_for_every_batch_size() {
        let (tokens, n) = ((2 * BLOCKS_IN_F32 + 1) * BLOCK + 100, 40);
        let x = random_f32(2, tokens * n);
        let mut whole = SecondMoment::new(n);
        whole.add(&x).unwrap();
        let whole = whole.finish().unwrap();
        for size in [1, 77, 1024, 1500] {
            let mut cut = SecondMoment::new(n);
            for part in x.chunks(size * n) {
                cut.add(part).unwrap();
            }
            assert!(cut.finish().unwrap() == whole, "batches of {size}");
        }
    }

    #[test]
    fn weights_multiply_the_outer_products_and_the_mean() {
        let (tokens, n) = (53, 7);
        let x = random_f32(3, tokens * n);
        let weights: Vec<f32> = (0..tokens).map(|token| 0.1 + token as f32 * 0.03).collect();
        let mut moment = SecondMoment::new(n);
        for (x, weights) in x.chunks(10 * n).zip(weights.chunks(10)) {
            moment.add_weighted(x, weights).unwrap();
        }
        let moment = moment.finish().unwrap();
        let mean = |of: &dyn Fn(usize) -> f64| {
            (0..tokens).map(|t| f64::from(weights[t]) * of(t)).sum::<f64>() / tokens as f64
        };
        let x = |t: usize, i: usize| f64::from(x[t * n + i]);
        for i in 0..n {
            assert!((moment.mean(i) - mean(&|t| x(t, i))).abs() < 1e-6);
            for j in 0..n {
                assert!((moment.at(i, j) - mean(&|t| x(t, i) * x(t, j))).abs() < 1e-6, "{i}, {j}");
            }
        }
        assert!(SecondMoment::new(n).add_weighted(&[1.0; 9], &[1.0]).is_err());
    }

    #[test]
    fn weights_of_1_give_the_bits_of_no_weights() {
        let (tokens, n) = (2 * BLOCK + 77, 30);
        let x = random_f32(4, tokens * n);
        let (mut without, mut with) = (SecondMoment::new(n), SecondMoment::new(n));
        without.add(&x).unwrap();
        with.add_weighted(&x, &vec![1.0; tokens]).unwrap();
        assert!(without.finish().unwrap() == with.finish().unwrap());
    }

    #[test]
    fn nan_and_infinity_are_found() {
        let mut moment = SecondMoment::new(3);
        moment.add(&[1.0, f32::NAN, 2.0]).unwrap();
        assert!(matches!(moment.finish(), Err(Error::NotFinite { what: "second moment", .. })));
        let mut moment = SecondMoment::new(2);
        moment.add(&[1e30, 1.0]).unwrap();
        assert!(matches!(moment.finish(), Err(Error::NotFinite { row: 0, column: 0, .. })));
    }

    #[test]
    fn partial_tokens_and_empty_sums_are_refused() {
        assert!(SecondMoment::new(3).add(&[1.0; 4]).is_err());
        assert_eq!(SecondMoment::new(3).finish(), Err(Error::NoTokens));
        assert!(Moment::from_row_major(2, vec![0.0; 3]).is_err());
    }
}
