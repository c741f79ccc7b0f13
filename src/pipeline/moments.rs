//! Accumulates the moments of a part's inputs, on the processor or on the device that computed them.

use candle_core::{DType, Device, Tensor};

use crate::prune::{self, CrossMoment, Moment, SecondMoment};

use super::{
    Error,
    ranks::{Share, SumsOnRanks},
    stream::with_values,
};

/// Number of tokens whose products are summed in the device's f32 before they are added to the f64 sum.
pub(super) const BLOCK: usize = 1024;
/// Number of rows of a sum that are processed together.
const STRIPE: usize = 1024;

/// The second moment and mean of inputs and, with target outputs, the cross moment, accumulated batch by
/// batch.
pub enum Moments {
    Processor { second: Box<SecondMoment>, cross: Option<InBlocks> },
    Device { second: Products, of_x: Option<Stripe>, cross: Option<Products> },
    Ranks(Box<SumsOnRanks>),
}

/// The second moment G [n, n] with the mean of the inputs, and the cross moment [m, n] row-major.
pub type Means = (Moment, Option<Vec<f64>>);

/// A failure of the method or of a tensor operation.
pub enum Failed {
    Method(prune::Error),
    Tensors(Error),
}

impl From<prune::Error> for Failed {
    fn from(cause: prune::Error) -> Self {
        Self::Method(cause)
    }
}

impl From<Error> for Failed {
    fn from(cause: Error) -> Self {
        Self::Tensors(cause)
    }
}

impl Moments {
    /// Empty sums for n inputs on a device, and for `cross` target outputs if given.
    pub fn new(device: &Device, n: usize, cross: Option<usize>) -> Self {
        match device {
            Device::Cpu => Self::Processor {
                second: Box::new(SecondMoment::new(n)),
                cross: cross.map(|m| InBlocks::new(m, n)),
            },
            Device::Cuda(_) | Device::Metal(_) => Self::Device {
                second: Products::new(n, n, Half::Lower),
                of_x: None,
                cross: cross.map(|m| Products::new(m, n, Half::Both)),
            },
        }
    }

    /// Empty sums like those of [`Moments::new`], of the streams that are dealt in this way.
    pub fn on_ranks(share: &Share, n: usize, cross: Option<usize>) -> Self {
        Self::Ranks(Box::new(SumsOnRanks::new(share, n, cross)))
    }

    /// Adds inputs x [.., n] and, if `cross` was given, the target outputs y [.., m]. `weights`: one per token.
    pub fn add(&mut self, x: &Tensor, y: Option<&Tensor>, weights: Option<&[f32]>) -> Result<(), Failed> {
        let Some(weights) = weights else { return self.add_alike(x, y) };
        let dims = x.dims();
        let shape: Vec<usize> = dims[..dims.len() - 1].iter().copied().chain([1]).collect();
        let times = |x: &Tensor, factors: Vec<f32>| -> Result<Tensor, Error> {
            let factors = Tensor::from_vec(factors, shape.as_slice(), x.device())?;
            Ok(x.to_dtype(DType::F32)?.broadcast_mul(&factors)?)
        };
        // Each product of y and x has the weight once.
        let y = y.map(|y| times(y, weights.to_vec())).transpose()?;
        match self {
            Self::Processor { second, cross } => {
                with_values(x, |x| second.add_weighted(x, weights))??;
                if let (Some(cross), Some(y)) = (cross, &y) {
                    with_values(y, |y| with_values(x, |x| cross.add(y, x)))???;
                }
            }
            Self::Device { second, of_x, cross } => {
                let root = times(x, weights.iter().map(|weight| weight.sqrt()).collect())?;
                second.add(&root, &root)?;
                add_tokens(of_x, &times(x, weights.to_vec())?, second.n)?;
                if let (Some(cross), Some(y)) = (cross, &y) {
                    cross.add(y, x)?;
                }
            }
            Self::Ranks(sums) => sums.add(x, y.as_ref(), Some(weights))?,
        }
        Ok(())
    }

    fn add_alike(&mut self, x: &Tensor, y: Option<&Tensor>) -> Result<(), Failed> {
        match self {
            Self::Processor { second, cross } => {
                with_values(x, |x| second.add(x))??;
                if let (Some(cross), Some(y)) = (cross, y) {
                    with_values(y, |y| with_values(x, |x| cross.add(y, x)))???;
                }
            }
            Self::Device { second, of_x, cross } => {
                second.add(x, x)?;
                add_tokens(of_x, x, second.n)?;
                if let (Some(cross), Some(y)) = (cross, y) {
                    cross.add(y, x)?;
                }
            }
            Self::Ranks(sums) => sums.add(x, y, None)?,
        }
        Ok(())
    }

    /// Ends a chunk of windows. Sums are added chunk by chunk. On a device, the batches decide.
    pub fn end_chunk(&mut self) -> Result<(), Failed> {
        match self {
            Self::Processor { second, cross } => {
                second.end_chunk();
                cross.as_mut().map_or(Ok(()), InBlocks::flush)?;
            }
            Self::Device { .. } => {}
            Self::Ranks(sums) => sums.end_chunk()?,
        }
        Ok(())
    }

    /// The means of all tokens. None on all ranks of a group but the first.
    pub fn finish(self) -> Result<Option<Means>, Failed> {
        Ok(Some(match self {
            Self::Ranks(sums) => return sums.finish(),
            Self::Processor { second, cross } => (second.finish()?, cross.map(InBlocks::finish).transpose()?),
            Self::Device { second, of_x, cross } => {
                let (n, per_token) = (second.n, 1.0 / second.tokens.max(1) as f64);
                let moment = Moment::from_row_major(n, second.finish()?)?;
                let of_x = of_x.map_or_else(|| Ok(vec![0.0; n]), Stripe::into_values)?;
                let moment = moment.with_mean(of_x.iter().map(|sum| sum * per_token).collect())?;
                (moment, cross.map(Products::finish).transpose()?)
            }
        }))
    }
}

/// A cross moment accumulated in fixed blocks, so batch sizes do not affect its bits.
pub struct InBlocks {
    m: usize,
    n: usize,
    sum: CrossMoment,
    /// Tokens of an incomplete block: [waiting, m] and [waiting, n].
    waiting: (Vec<f32>, Vec<f32>),
}

impl InBlocks {
    fn new(m: usize, n: usize) -> Self {
        Self { m, n, sum: CrossMoment::new(m, n), waiting: (Vec::new(), Vec::new()) }
    }

    /// y: [tokens, m], x: [tokens, n]
    fn add(&mut self, mut y: &[f32], mut x: &[f32]) -> Result<(), prune::Error> {
        while !x.is_empty() {
            let tokens = (BLOCK - self.waiting.1.len() / self.n).min(x.len() / self.n);
            let (y_block, x_block) = (y.split_off(..tokens * self.m), x.split_off(..tokens * self.n));
            let (Some(y_block), Some(x_block)) = (y_block, x_block) else {
                // `add` reports the mismatch.
                return self.sum.add(y, x);
            };
            self.waiting.0.extend_from_slice(y_block);
            self.waiting.1.extend_from_slice(x_block);
            if self.waiting.1.len() == BLOCK * self.n {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), prune::Error> {
        if self.waiting.1.is_empty() {
            return Ok(());
        }
        self.sum.add(&self.waiting.0, &self.waiting.1)?;
        self.waiting.0.clear();
        self.waiting.1.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<f64>, prune::Error> {
        self.flush()?;
        self.sum.finish()
    }
}

/// The computed entries of a square sum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    /// The lower half; the upper half is its mirror image.
    Lower,
    Both,
}

/// The sum of y xᵀ over tokens, on the device of the tensors. Each block is summed in f32, and the blocks are
/// summed in f64. Blocks are made of batches, so the last bits depend on the batch size.
pub struct Products {
    m: usize,
    n: usize,
    half: Half,
    tokens: usize,
    /// Rows of the sum: [rows, n], or up to the diagonal for a symmetric sum.
    stripes: Vec<Stripe>,
}

/// An f64 sum, on the device if it has the type, otherwise on the processor.
pub enum Stripe {
    There(Tensor),
    Here(Vec<f64>),
}

impl Products {
    fn new(m: usize, n: usize, half: Half) -> Self {
        Self { m, n, half, tokens: 0, stripes: Vec::new() }
    }

    /// First row, number of rows and number of columns of each stripe.
    fn shapes(&self) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let (m, n, half) = (self.m, self.n, self.half);
        (0..m).step_by(STRIPE).map(move |first| {
            let rows = STRIPE.min(m - first);
            (first, rows, if half == Half::Lower { first + rows } else { n })
        })
    }

    /// Adds products; y: [.., m], x: [.., n], for the same tokens.
    fn add(&mut self, y: &Tensor, x: &Tensor) -> Result<(), Error> {
        let flat = |x: &Tensor, width: usize| x.to_dtype(DType::F32)?.reshape(((), width));
        let (y, x) = (flat(y, self.m)?, flat(x, self.n)?);
        let tokens = x.dim(0)?;
        for start in (0..tokens).step_by(BLOCK) {
            let block = BLOCK.min(tokens - start);
            let (y, x) = (y.narrow(0, start, block)?, x.narrow(0, start, block)?);
            for (stripe, (first, rows, columns)) in self.shapes().enumerate() {
                // Some devices need contiguous operands.
                let y = y.narrow(1, first, rows)?.t()?.contiguous()?;
                let product = y.matmul(&x.narrow(1, 0, columns)?.contiguous()?)?;
                match self.stripes.get_mut(stripe) {
                    Some(sum) => sum.add(&product)?,
                    None => self.stripes.push(Stripe::of(&product)?),
                }
            }
        }
        self.tokens += tokens;
        Ok(())
    }

    /// The mean, [m, n] row-major.
    fn finish(self) -> Result<Vec<f64>, Failed> {
        if self.tokens == 0 {
            return Err(prune::Error::NoTokens.into());
        }
        let per_token = 1.0 / self.tokens as f64;
        let (n, half) = (self.n, self.half);
        let mut mean = vec![0.0; self.m * n];
        let shapes = self.shapes();
        for (stripe, (first, rows, columns)) in self.stripes.into_iter().zip(shapes) {
            let sum = stripe.into_values()?;
            for row in 0..rows {
                let known = match half {
                    Half::Lower => first + row + 1,
                    Half::Both => columns,
                };
                for (column, sum) in sum[row * columns..][..known].iter().enumerate() {
                    let at = match half {
                        // The half that `Moment` reads: row-major, starting at the diagonal.
                        Half::Lower => column * n + first + row,
                        Half::Both => (first + row) * n + column,
                    };
                    mean[at] = sum * per_token;
                }
            }
        }
        Ok(mean)
    }
}

/// Adds the tokens of x [.., n] to their sum, in the blocks of [`Products`].
fn add_tokens(sum: &mut Option<Stripe>, x: &Tensor, n: usize) -> Result<(), Error> {
    let x = x.to_dtype(DType::F32)?.reshape(((), n))?;
    let tokens = x.dim(0)?;
    for start in (0..tokens).step_by(BLOCK) {
        let block = x.narrow(0, start, BLOCK.min(tokens - start))?.sum(0)?;
        match sum {
            Some(sum) => sum.add(&block)?,
            None => *sum = Some(Stripe::of(&block)?),
        }
    }
    Ok(())
}

impl Stripe {
    fn of(product: &Tensor) -> Result<Self, Error> {
        Ok(match product.device() {
            Device::Cpu | Device::Cuda(_) => Self::There(product.to_dtype(DType::F64)?),
            Device::Metal(_) => {
                Self::Here(with_values(product, |x| x.iter().map(|&x| f64::from(x)).collect())?)
            }
        })
    }

    fn add(&mut self, product: &Tensor) -> Result<(), Error> {
        match self {
            Self::There(sum) => *sum = (&*sum + product.to_dtype(DType::F64)?)?,
            Self::Here(sum) => with_values(product, |product| {
                for (sum, &add) in sum.iter_mut().zip(product) {
                    *sum += f64::from(add);
                }
            })?,
        }
        Ok(())
    }

    /// The values in row-major order.
    fn into_values(self) -> Result<Vec<f64>, Error> {
        Ok(match self {
            Self::There(sum) => sum.flatten_all()?.to_vec1()?,
            Self::Here(sum) => sum,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: usize = 2 * BLOCK + 100;

    fn random(seed: f32, width: usize) -> Tensor {
        let values = (0..TOKENS * width).map(|i| (i as f32 * seed).sin() * 3.0).collect();
        Tensor::from_vec(values, (2, TOKENS / 2, width), &Device::Cpu).unwrap()
    }

    /// The device code path, run on the processor.
    fn on_device(m: usize, n: usize, here: bool) -> Moments {
        let (mut second, mut cross) = (Products::new(n, n, Half::Lower), Products::new(m, n, Half::Both));
        if here {
            for products in [&mut second, &mut cross] {
                let zeros =
                    products.shapes().map(|(_, rows, columns)| Stripe::Here(vec![0.0; rows * columns]));
                products.stripes = zeros.collect();
            }
        }
        Moments::Device { second, of_x: None, cross: Some(cross) }
    }

    fn finished(mut moments: Moments, x: &Tensor, y: &Tensor, weights: Option<&[f32]>) -> (Moment, Vec<f64>) {
        let weights = |window: usize| weights.map(|all| &all[window * TOKENS / 2..][..TOKENS / 2]);
        for window in 0..2 {
            let one = |x: &Tensor| x.narrow(0, window, 1).unwrap();
            assert!(moments.add(&one(x), Some(&one(y)), weights(window)).is_ok());
        }
        match moments.finish() {
            Ok(Some((second, Some(cross)))) => (second, cross),
            Ok(Some((_, None)) | None) | Err(_) => panic!("both were requested"),
        }
    }

    #[test]
    fn a_device_gives_the_same_moments_as_the_processor() {
        // More rows than one stripe has.
        let (m, n) = (30, STRIPE + 70);
        let (x, y) = (random(0.7, n), random(0.3, m));
        let weights: Vec<f32> = (0..TOKENS).map(|token| 0.5 + (token % 7) as f32 / 6.0).collect();
        for (here, weights) in [(false, None), (true, None), (false, Some(&weights[..]))] {
            let (second, cross) = finished(Moments::new(&Device::Cpu, n, Some(m)), &x, &y, weights);
            let (second_there, cross_there) = finished(on_device(m, n, here), &x, &y, weights);
            let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-5, "{a} is not {b}");
            for i in 0..n {
                (0..n).for_each(|j| near(second.at(i, j), second_there.at(i, j)));
                near(second.mean(i), second_there.mean(i));
            }
            assert_eq!(cross.len(), cross_there.len());
            cross.iter().zip(&cross_there).for_each(|(&a, &b)| near(a, b));
        }
    }

    #[test]
    fn weights_of_1_give_the_bits_of_no_weights() {
        let (m, n) = (5, 9);
        let (x, y) = (random(0.7, n), random(0.3, m));
        let with = |weights| finished(Moments::new(&Device::Cpu, n, Some(m)), &x, &y, weights);
        assert!(with(None) == with(Some(&[1.0; TOKENS])));
    }

    #[test]
    fn batch_sizes_do_not_affect_the_bits() {
        let (m, n) = (5, 9);
        let (x, y) = (random(0.7, n), random(0.3, m));
        let flat = |x: &Tensor, width| x.reshape((TOKENS, width)).unwrap();
        let (x, y) = (flat(&x, n), flat(&y, m));
        let in_batches = |size: usize| {
            let mut moments = Moments::new(&Device::Cpu, n, Some(m));
            for start in (0..TOKENS).step_by(size) {
                let batch = |x: &Tensor| x.narrow(0, start, size.min(TOKENS - start)).unwrap();
                assert!(moments.add(&batch(&x), Some(&batch(&y)), None).is_ok());
            }
            moments.finish().ok().unwrap().unwrap()
        };
        let whole = in_batches(TOKENS);
        for size in [1, 100, BLOCK, 1500] {
            assert!(in_batches(size) == whole, "batches of {size}");
        }
    }

    #[test]
    fn a_device_also_refuses_moments_without_tokens() {
        let moments = on_device(2, 3, false);
        assert!(matches!(moments.finish(), Err(Failed::Method(prune::Error::NoTokens))));
    }
}
