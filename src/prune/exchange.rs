//! Exchanging rows and columns of a symmetric matrix that is kept as its lower half.

use rayon::prelude::*;

use super::dense::Dense;
use super::number::Number;

/// Pairs every slot of `leaving` (ascending) below active − leaving.len() with a slot above it that stays, so that the
/// exchange brings those that leave to the back and those that stay to the front.
pub(super) fn pairs_to_the_back(leaving: &[usize], active: usize) -> Vec<(usize, usize)> {
    let stay = active - leaving.len();
    let holes = leaving.partition_point(|&slot| slot < stay);
    let (holes, at_the_back) = leaving.split_at(holes);
    let mut staying = (stay..active).filter(|slot| at_the_back.binary_search(slot).is_err());
    holes.iter().map(|&hole| (hole, staying.next().unwrap_or(hole))).collect()
}

/// Exchanges the rows and columns i and j of the leading [size, size] block, lower half, for all pairs (i, j) at once.
/// All slots of all pairs are different.
pub(super) fn exchange_symmetric<T: Number>(half: &mut Dense<T>, pairs: &[(usize, usize)], size: usize) {
    let mut paired = vec![false; size];
    for &(i, j) in pairs {
        (paired[i], paired[j]) = (true, true);
    }
    // what lies in columns before all pairs changes rows only
    let before = pairs.iter().map(|&(i, _)| i).min().unwrap_or(size);
    half.view_mut().subcols_mut(0, before).par_col_iter_mut().for_each(|mut column| {
        for &(i, j) in pairs {
            (column[i], column[j]) = (column[j], column[i]);
        }
    });
    // column after column, so that what is written stays in the cache
    for k in (before..size).filter(|&k| !paired[k]) {
        for &(i, j) in pairs {
            swap(half, lower(i, k), lower(j, k));
        }
    }
    for (t, &(i, j)) in pairs.iter().enumerate() {
        swap(half, (i, i), (j, j));
        for &(i2, j2) in &pairs[..t] {
            swap(half, lower(i, i2), lower(j, j2));
            swap(half, lower(i, j2), lower(j, i2));
        }
    }
}

fn lower(i: usize, j: usize) -> (usize, usize) {
    (i.max(j), i.min(j))
}

fn swap<T: Number>(half: &mut Dense<T>, a: (usize, usize), b: (usize, usize)) {
    (half[a], half[b]) = (half[b], half[a]);
}

/// Exchanges the columns i and j of all pairs.
pub(super) fn exchange_columns<T: Number>(matrix: &mut Dense<T>, pairs: &[(usize, usize)]) {
    matrix.view_mut().par_row_partition_mut(rayon::current_num_threads()).for_each(|mut rows| {
        for &(i, j) in pairs {
            let (a, b) = rows.as_mut().two_cols_mut(i, j);
            faer::zip!(a, b).for_each(|faer::unzip!(a, b)| std::mem::swap(a, b));
        }
    });
}

/// Exchanges the rows i and j of the leading `columns` columns, for all pairs.
pub(super) fn exchange_rows<T: Number>(matrix: &mut Dense<T>, pairs: &[(usize, usize)], columns: usize) {
    for column in 0..columns {
        let column = matrix.column_mut(column);
        for &(i, j) in pairs {
            column.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_leave_come_to_the_back() {
        for leaving in [vec![0, 3, 8], vec![7, 8, 9], vec![1, 2, 3, 4, 9], vec![], (0..10).collect()] {
            let active = 10;
            let mut slots: Vec<usize> = (0..active).collect();
            for (i, j) in pairs_to_the_back(&leaving, active) {
                slots.swap(i, j);
            }
            let mut back = slots[active - leaving.len()..].to_vec();
            back.sort_unstable();
            assert_eq!(back, leaving);
        }
    }

    #[test]
    fn an_exchanged_half_is_the_half_of_the_exchanged_matrix() {
        let n = 9;
        let full = |i: usize, j: usize| (i.min(j) * 100 + i.max(j)) as f64;
        for (pairs, size) in [(vec![(0, 7), (2, 5), (4, 6)], 8), (vec![(1, 8)], 9), (vec![], 4)] {
            let mut half = Dense::zeros(n, n);
            for (i, j) in (0..n).flat_map(|j| (j..n).map(move |i| (i, j))) {
                half[(i, j)] = full(i, j);
            }
            exchange_symmetric(&mut half, &pairs, size);
            let mut at: Vec<usize> = (0..n).collect();
            for &(i, j) in &pairs {
                at.swap(i, j);
            }
            for j in 0..size {
                for i in j..size {
                    assert_eq!(half[(i, j)], full(at[i], at[j]), "{i}, {j} of {pairs:?}");
                }
            }
        }
    }
}
