//! Sums of second moments, their blocks, chunks and weights.

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
fn chunks_summed_apart_give_the_bits_of_chunks_summed_together() {
    let n = 33;
    // Full f32 sums, several per chunk, and incomplete ones.
    for chunk in [BLOCKS_IN_F32 * BLOCK, 2 * BLOCKS_IN_F32 * BLOCK + 5, 700] {
        let x = random_f32(3, (2 * chunk + 99) * n);
        let mut together = SecondMoment::new(n);
        let (mut packed, mut of_x) = (vec![0.0; n * (n + 1) / 2], vec![0.0; n]);
        for x in x.chunks(chunk * n) {
            together.add(x).unwrap();
            together.end_chunk();
            let mut apart = SecondMoment::in_chunks(n);
            x.chunks(300 * n).for_each(|x| apart.add(x).unwrap());
            let sums = apart.take_chunk();
            for products in &sums.products {
                packed.iter_mut().zip(products).for_each(|(sum, &add): (&mut f64, _)| *sum += f64::from(add));
            }
            of_x.iter_mut().zip(&sums.of_x).for_each(|(sum, add)| *sum += add);
            assert!(apart.finish().is_err(), "it has no total");
        }
        let apart = Moment::from_packed_sums(&packed, &of_x, x.len() / n).unwrap();
        assert!(together.finish().unwrap() == apart, "chunks of {chunk}");
    }
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
