//! E[y xᵀ] of a weight's target outputs and its inputs (for the `dense-stream` target, docs/method.md).

use faer::{Accum, Mat, MatMut, MatRef};

use super::Error;
use super::second_moment::{BLOCK, finite};
use crate::product::multiply;

/// The sum of y xᵀ over tokens. Each block is summed in f32, and the blocks are summed in f64.
///
/// Equal batches in equal order give equal bits.
pub struct CrossMoment {
    m: usize,
    n: usize,
    tokens: usize,
    /// [m, n]
    block: Mat<f32>,
    /// [m, n] row-major
    sum: Vec<f64>,
}

impl CrossMoment {
    /// An empty sum for m outputs and n inputs.
    pub fn new(m: usize, n: usize) -> Self {
        Self { m, n, tokens: 0, block: Mat::zeros(m, n), sum: vec![0.0; m * n] }
    }

    /// Adds target outputs y [tokens, m] and their inputs x [tokens, n], both row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] if the two do not have the same whole number of tokens.
    pub fn add(&mut self, y: &[f32], x: &[f32]) -> Result<(), Error> {
        let (m, n) = (self.m, self.n);
        self.tokens += self.check(y, x)?;
        for (y, x) in y.chunks(BLOCK * m.max(1)).zip(x.chunks(BLOCK * n.max(1))) {
            self.multiply_block(y, x);
            let mut sum = MatMut::from_row_major_slice_mut(&mut self.sum, m, n);
            faer::zip!(&mut sum, &self.block).for_each(|faer::unzip!(sum, add)| *sum += f64::from(*add));
        }
        Ok(())
    }

    /// y xᵀ of one block of tokens, [m, n] row-major: what [`CrossMoment::add`] adds for at most 1024 tokens.
    ///
    /// # Errors
    /// As for [`CrossMoment::add`].
    pub fn product(m: usize, n: usize, y: &[f32], x: &[f32]) -> Result<Vec<f32>, Error> {
        let mut moment = Self { m, n, tokens: 0, block: Mat::zeros(m, n), sum: Vec::new() };
        moment.check(y, x)?;
        moment.multiply_block(y, x);
        let block = &moment.block;
        Ok((0..m).flat_map(|row| (0..n).map(move |column| block[(row, column)])).collect())
    }

    /// The mean of sums over tokens, [m, n] row-major.
    ///
    /// # Errors
    /// As for [`CrossMoment::finish`].
    pub fn of_sums(n: usize, sum: Vec<f64>, tokens: usize) -> Result<Vec<f64>, Error> {
        Self { m: sum.len() / n.max(1), n, tokens, block: Mat::zeros(0, 0), sum }.finish()
    }

    /// Number of tokens added so far.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// The number of tokens of y and x.
    fn check(&self, y: &[f32], x: &[f32]) -> Result<usize, Error> {
        let (m, n) = (self.m, self.n);
        let tokens = x.len() / n.max(1);
        if x.len() != tokens * n {
            return Err(Error::Shape { what: "batch of inputs", expected: tokens * n, found: x.len() });
        }
        if y.len() != tokens * m {
            return Err(Error::Shape { what: "batch of outputs", expected: tokens * m, found: y.len() });
        }
        Ok(tokens)
    }

    fn multiply_block(&mut self, y: &[f32], x: &[f32]) {
        let y = MatRef::from_row_major_slice(y, y.len() / self.m, self.m);
        let x = MatRef::from_row_major_slice(x, x.len() / self.n, self.n);
        multiply(self.block.as_mut(), Accum::Replace, y.transpose(), x, 1.0);
    }

    /// The mean, [m, n] row-major.
    ///
    /// # Errors
    /// [`Error::NoTokens`], and [`Error::NotFinite`] if an entry is NaN or infinite.
    pub fn finish(mut self) -> Result<Vec<f64>, Error> {
        if self.tokens == 0 {
            return Err(Error::NoTokens);
        }
        let per_token = 1.0 / self.tokens as f64;
        for value in &mut self.sum {
            *value *= per_token;
        }
        finite("cross moment", self.n, &self.sum)?;
        Ok(self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::slow::random_f32;

    #[test]
    fn it_is_the_mean_of_the_outer_products() {
        let (tokens, m, n) = (BLOCK + 30, 5, 7);
        let (y, x) = (random_f32(1, tokens * m), random_f32(2, tokens * n));
        let mut cross = CrossMoment::new(m, n);
        cross.add(&y, &x).unwrap();
        assert_eq!(cross.tokens(), tokens);
        let cross = cross.finish().unwrap();
        for i in 0..m {
            for j in 0..n {
                let slow = (0..tokens).map(|t| f64::from(y[t * m + i]) * f64::from(x[t * n + j]));
                assert!((cross[i * n + j] - slow.sum::<f64>() / tokens as f64).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn token_counts_must_match() {
        assert!(CrossMoment::new(2, 3).add(&[0.0; 4], &[0.0; 3]).is_err());
        assert!(CrossMoment::new(2, 3).add(&[0.0; 2], &[0.0; 4]).is_err());
        assert_eq!(CrossMoment::new(2, 3).finish(), Err(Error::NoTokens));
    }
}
