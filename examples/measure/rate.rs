//! The machine's rate: the best of candle, faer and PyTorch at a large f32 product.

use crate::{
    Fallible, flops,
    work::{Library, Work},
    workers::{Side, Workers},
};

/// Products timed before and after a measurement. Their mean counts, because the measured work has the same
/// variation.
const TRIES: usize = 2;

/// Products of two matrices [side, side] on a number of threads.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub side: usize,
    pub threads: usize,
}

/// Operations per second, and the library that reached them.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub per_second: f64,
    pub library: Library,
}

impl Limit {
    /// Mean seconds per product of every library.
    pub fn measure(self, workers: &mut Workers) -> Fallible<Vec<(Library, f64)>> {
        let mut all = Vec::new();
        for library in [Library::Candle, Library::Faer, Library::PyTorch] {
            let side = match library {
                Library::Candle | Library::Faer => Side::Slimgpt { threads: self.threads },
                Library::PyTorch => Side::PyTorch,
            };
            let work = Work::Product { library, side: self.side };
            let mut sum = 0.0;
            for _ in 0..TRIES {
                match workers.run(side, &work)? {
                    Some(answer) => sum += answer.seconds,
                    None => sum = f64::INFINITY,
                }
            }
            all.push((library, sum / TRIES as f64));
        }
        Ok(all)
    }

    /// The rate of the best library, by its mean time before and after.
    pub fn best(self, before: &[(Library, f64)], after: &[(Library, f64)]) -> Fallible<Rate> {
        let rates = before.iter().zip(after).map(|(&(library, before), (_, after))| Rate {
            per_second: flops::product(self.side) / ((before + after) / 2.0),
            library,
        });
        Ok(rates.max_by(|a, b| a.per_second.total_cmp(&b.per_second)).ok_or("no library was measured")?)
    }
}
