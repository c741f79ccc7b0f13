//! The moments of a part's inputs on a group of ranks.
//!
//! Each rank sums the products of its chunks. After each chunk, every rank sends to each other the stripe of these sums that the
//! other adds up. Sums are added in the order of the chunks, so their bits are those of one process. At the end, the first rank
//! collects the stripes.

use std::ops::Range;

use candle_core::Tensor;
use rayon::prelude::*;

use crate::{
    cluster::{f32_bytes, f64_bytes, f64_values},
    prune::{CrossMoment, Moment, SecondMoment},
};

use super::{
    super::{
        moments::{BLOCK, Failed, Means},
        stream::with_values,
    },
    Share,
};

/// Number of values that one task adds.
const STRETCH: usize = 1 << 15;

/// The sums of this rank: of its chunks, and the stripe that it adds up.
pub struct SumsOnRanks {
    share: Share,
    /// Chunks of this rank so far.
    chunks: usize,
    n: usize,
    second: SecondMoment,
    /// By rank, the columns of the second moment that it adds up.
    columns: Vec<Range<usize>>,
    /// This rank's columns of the sum of x xᵀ, each from the diagonal down, and of the sum of x.
    sum: (Vec<f64>, Vec<f64>),
    cross: Option<Cross>,
}

/// The cross moment [m, n] with target outputs.
struct Cross {
    m: usize,
    /// Tokens of an incomplete block: [waiting, m] and [waiting, n].
    waiting: (Vec<f32>, Vec<f32>),
    /// Products of this chunk, [m, n] row-major.
    products: Vec<Vec<f32>>,
    /// By rank, the rows that it adds up.
    rows: Vec<Range<usize>>,
    /// This rank's rows of the sum.
    sum: Vec<f64>,
}

impl SumsOnRanks {
    /// Empty sums for n inputs, and for `cross` target outputs if given.
    pub fn new(share: &Share, n: usize, cross: Option<usize>) -> Self {
        let (rank, ranks) = (share.group.rank(), share.group.size());
        let columns = stripes(ranks, n, |column| packed_before(n, column));
        let own = columns[rank].clone();
        let length = packed_before(n, own.end) - packed_before(n, own.start);
        let cross = cross.map(|m| {
            let rows = stripes(ranks, m, |row| row);
            let sum = vec![0.0; rows[rank].len() * n];
            Cross { m, waiting: (Vec::new(), Vec::new()), products: Vec::new(), rows, sum }
        });
        let second = SecondMoment::in_chunks(n);
        Self {
            share: share.clone(),
            chunks: 0,
            n,
            second,
            columns,
            sum: (vec![0.0; length], vec![0.0; own.len()]),
            cross,
        }
    }

    /// Adds inputs x [.., n] and, if `cross` was given, the target outputs y [.., m]. `weights`: one per token, with which `y`
    /// is already multiplied.
    pub fn add(&mut self, x: &Tensor, y: Option<&Tensor>, weights: Option<&[f32]>) -> Result<(), Failed> {
        with_values(x, |x| match weights {
            None => self.second.add(x),
            Some(weights) => self.second.add_weighted(x, weights),
        })??;
        if let (Some(cross), Some(y)) = (&mut self.cross, y) {
            with_values(y, |y| with_values(x, |x| cross.add(y, x, self.n)))???;
        }
        Ok(())
    }

    /// Exchanges the sums of a chunk.
    pub fn end_chunk(&mut self) -> Result<(), Failed> {
        self.chunks += 1;
        self.exchange()
    }

    /// The means of all tokens, on the first rank.
    pub fn finish(mut self) -> Result<Option<Means>, Failed> {
        // Other ranks may have one chunk more.
        for _ in self.chunks..self.share.rounds() {
            self.exchange()?;
        }
        let mut own = Vec::new();
        let cross = self.cross.as_ref().map_or(&[][..], |cross| &cross.sum);
        [&self.sum.0[..], &self.sum.1, cross].iter().for_each(|values| f64_bytes(values, &mut own));
        let Some(stripes) = self.share.group.gather(own).map_err(lost)? else { return Ok(None) };
        let (n, tokens) = (self.n, self.share.tokens());
        let (mut packed, mut of_x, mut cross) = (Vec::new(), Vec::new(), Vec::new());
        for (rank, stripe) in stripes.into_iter().enumerate() {
            let columns = &self.columns[rank];
            let length = packed_before(n, columns.end) - packed_before(n, columns.start);
            let rows = self.cross.as_ref().map_or(0, |cross| cross.rows[rank].len());
            let values: Vec<f64> = f64_values(&stripe).collect();
            let expected = length + columns.len() + rows * n;
            self.check(rank, stripe.len(), 8 * expected)?;
            packed.extend_from_slice(&values[..length]);
            of_x.extend_from_slice(&values[length..length + columns.len()]);
            cross.extend_from_slice(&values[length + columns.len()..]);
        }
        let moment = Moment::from_packed_sums(&packed, &of_x, tokens)?;
        let cross = self.cross.map(|_| CrossMoment::of_sums(n, cross, tokens)).transpose()?;
        Ok(Some((moment, cross)))
    }

    /// Sends the sums since the last exchange, and adds those of all ranks to this rank's stripe.
    fn exchange(&mut self) -> Result<(), Failed> {
        let n = self.n;
        let chunk = self.second.take_chunk();
        let products = match &mut self.cross {
            Some(cross) => cross.take_chunk(n)?,
            None => Vec::new(),
        };
        let to_each = (0..self.columns.len()).map(|rank| {
            let columns = self.columns[rank].clone();
            let packed = packed_before(n, columns.start)..packed_before(n, columns.end);
            let mut bytes = (chunk.products.len() as u64).to_le_bytes().to_vec();
            chunk.products.iter().for_each(|sum| f32_bytes(&sum[packed.clone()], &mut bytes));
            f64_bytes(&chunk.of_x[columns], &mut bytes);
            if let Some(cross) = &self.cross {
                let rows = cross.rows[rank].start * n..cross.rows[rank].end * n;
                products.iter().for_each(|product: &Vec<f32>| f32_bytes(&product[rows.clone()], &mut bytes));
            }
            bytes
        });
        let to_each = to_each.collect();
        drop((chunk, products));
        let group = self.share.group.clone();
        for (rank, bytes) in group.exchange(to_each).map_err(lost)?.into_iter().enumerate() {
            self.add_stripe(rank, &bytes)?;
        }
        Ok(())
    }

    /// Adds one rank's sums of a chunk to this rank's stripe.
    fn add_stripe(&mut self, rank: usize, bytes: &[u8]) -> Result<(), Failed> {
        let (sum, of_x) = (self.sum.0.len(), self.sum.1.len());
        let rows = self.cross.as_ref().map_or(0, |cross| cross.sum.len());
        let Some((count, mut rest)) = bytes.split_first_chunk() else {
            return self.check(rank, bytes.len(), 8);
        };
        let count = u64::from_le_bytes(*count) as usize;
        let least = count.saturating_mul(4 * sum).saturating_add(8 * of_x);
        let whole = rest.len() >= least && (rest.len() - least).is_multiple_of(4 * rows.max(1));
        if !whole {
            return self.check(rank, bytes.len(), least.saturating_add(8));
        }
        for _ in 0..count {
            let stripe;
            (stripe, rest) = rest.split_at(4 * sum);
            add_f32(&mut self.sum.0, stripe);
        }
        let (means, mut rest) = rest.split_at(8 * of_x);
        self.sum.1.iter_mut().zip(f64_values(means)).for_each(|(sum, add)| *sum += add);
        if let Some(cross) = &mut self.cross {
            while !rest.is_empty() && rows > 0 {
                let stripe;
                (stripe, rest) = rest.split_at(4 * rows);
                add_f32(&mut cross.sum, stripe);
            }
        }
        Ok(())
    }

    fn check(&self, rank: usize, found: usize, expected: usize) -> Result<(), Failed> {
        match found == expected {
            true => Ok(()),
            false => Err(lost(crate::cluster::Error::Length { rank, expected, found })),
        }
    }
}

impl Cross {
    /// y: [tokens, m], x: [tokens, n]
    fn add(&mut self, mut y: &[f32], mut x: &[f32], n: usize) -> Result<(), crate::prune::Error> {
        while !x.is_empty() {
            let tokens = (BLOCK - self.waiting.1.len() / n).min(x.len() / n);
            let (y_block, x_block) = (y.split_off(..tokens * self.m), x.split_off(..tokens * n));
            let (Some(y_block), Some(x_block)) = (y_block, x_block) else {
                // `product` reports the mismatch.
                return CrossMoment::product(self.m, n, y, x).map(drop);
            };
            self.waiting.0.extend_from_slice(y_block);
            self.waiting.1.extend_from_slice(x_block);
            if self.waiting.1.len() == BLOCK * n {
                self.flush(n)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, n: usize) -> Result<(), crate::prune::Error> {
        if !self.waiting.1.is_empty() {
            self.products.push(CrossMoment::product(self.m, n, &self.waiting.0, &self.waiting.1)?);
        }
        self.waiting.0.clear();
        self.waiting.1.clear();
        Ok(())
    }

    fn take_chunk(&mut self, n: usize) -> Result<Vec<Vec<f32>>, crate::prune::Error> {
        self.flush(n)?;
        Ok(std::mem::take(&mut self.products))
    }
}

/// Adds f32 numbers to f64 sums.
fn add_f32(sums: &mut [f64], bytes: &[u8]) {
    sums.par_chunks_mut(STRETCH).zip(bytes.par_chunks(4 * STRETCH)).for_each(|(sums, bytes)| {
        sums.iter_mut().zip(crate::cluster::f32_values(bytes)).for_each(|(sum, add)| *sum += f64::from(add));
    });
}

/// Number of entries in the columns of a packed lower half [n, n] before this one.
fn packed_before(n: usize, column: usize) -> usize {
    column * (2 * n + 1 - column) / 2
}

/// Ranges of `of` columns or rows for each rank, with nearly equal numbers of entries. `before`: entries before a column.
fn stripes(ranks: usize, of: usize, before: impl Fn(usize) -> usize) -> Vec<Range<usize>> {
    let all = before(of);
    let columns: Vec<usize> = (0..=of).collect();
    let bound = |rank: usize| columns.partition_point(|&column| before(column) * ranks < all * rank);
    (0..ranks).map(|rank| bound(rank)..if rank + 1 == ranks { of } else { bound(rank + 1) }).collect()
}

fn lost(cause: crate::cluster::Error) -> Failed {
    Failed::Tensors(cause.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_cover_all_columns_with_nearly_equal_entries() {
        for (ranks, n) in [(1, 5), (3, 100), (4, 1536), (4, 2), (7, 64)] {
            let stripes = stripes(ranks, n, |column| packed_before(n, column));
            assert_eq!((stripes[0].start, stripes[ranks - 1].end), (0, n));
            assert!(stripes.windows(2).all(|pair| pair[0].end == pair[1].start));
            let entries =
                |columns: &Range<usize>| packed_before(n, columns.end) - packed_before(n, columns.start);
            let fair = n * (n + 1) / 2 / ranks;
            assert!(stripes.iter().all(|columns| entries(columns) <= fair + n), "{ranks} ranks, {n} columns");
        }
    }
}
