//! A worker process: reads pieces of work from standard input, does them, and writes its answers to standard output.

use std::io::{self, BufRead, Write};

use candle_core::{Device, Tensor};
use faer::{Accum, Mat, Par, linalg::matmul::matmul};

use crate::{
    Fallible, forward,
    solving::Problems,
    timed,
    work::{Answer, Library, Work},
};

/// Answers every line. A worker has the number of threads that its environment sets.
pub fn serve() -> Fallible<()> {
    let mut prepared = Prepared::default();
    for line in io::stdin().lock().lines() {
        let work = serde_json::from_str(&line?)?;
        let answer = prepared
            .run(&work)
            .unwrap_or_else(|error| Answer { error: Some(error.to_string()), ..Answer::default() });
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &answer)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

/// The inputs of earlier work, which the next one may share.
#[derive(Default)]
struct Prepared {
    candle: Option<Tensor>,
    faer: Option<[Mat<f32>; 2]>,
    problems: Problems,
    model: Option<forward::Model>,
}

impl Prepared {
    fn run(&mut self, work: &Work) -> Fallible<Answer> {
        match work {
            Work::Product { library, side } => self.product(*library, *side),
            Work::Solve(solve) => self.problems.solve(solve),
            Work::Evaluate(inputs) => self.model(inputs)?.evaluate(),
            Work::Forward(inputs) => self.model(inputs)?.forward(),
            Work::Loss(inputs) => self.model(inputs)?.loss(),
            Work::Calibrate(inputs) => self.model(inputs)?.calibrate(),
        }
    }

    fn model(&mut self, inputs: &crate::work::Inputs) -> Fallible<&forward::Model> {
        if self.model.as_ref().is_none_or(|model| model.inputs != *inputs) {
            self.model = Some(forward::Model::open(inputs)?);
        }
        Ok(self.model.as_ref().ok_or("no model")?)
    }

    fn product(&mut self, library: Library, side: usize) -> Fallible<Answer> {
        match library {
            Library::Candle => {
                let a = match self.candle.take() {
                    Some(a) if a.dims() == [side, side] => a,
                    Some(_) | None => first_product(Tensor::rand(-1f32, 1f32, (side, side), &Device::Cpu)?)?,
                };
                let answer = timed(|| Ok(a.matmul(&a)?));
                self.candle = Some(a);
                answer
            }
            Library::Faer => {
                let multiply = |[a, product]: &mut [Mat<f32>; 2]| {
                    matmul(product.as_mut(), Accum::Replace, a.as_ref(), a.as_ref(), 1.0, Par::rayon(0));
                };
                let mut matrices = match self.faer.take() {
                    Some(matrices) if matrices[0].nrows() == side => matrices,
                    Some(_) | None => {
                        let uneven = |i: usize, j: usize| ((i * 31 + j * 17) % 101) as f32 / 101.0 - 0.5;
                        let mut new = [Mat::from_fn(side, side, uneven), Mat::zeros(side, side)];
                        multiply(&mut new);
                        new
                    }
                };
                let answer = timed(|| {
                    multiply(&mut matrices);
                    Ok(())
                });
                self.faer = Some(matrices);
                answer
            }
            Library::PyTorch => Err("PyTorch has a worker of its own".into()),
        }
    }
}

/// Multiplies new matrices once, which starts the threads.
fn first_product(a: Tensor) -> Fallible<Tensor> {
    a.matmul(&a)?;
    Ok(a)
}
