//! Swaps of rows or columns that put removed ones after kept ones.

use rayon::prelude::*;

use super::dense::Dense;
use super::number::Number;

/// Pairs every slot of `leaving` (ascending) below active − leaving.len() with a kept slot above that limit.
/// Swapping the pairs moves removed slots to the back and kept ones to the front.
pub(super) fn pairs_to_the_back(leaving: &[usize], active: usize) -> Vec<(usize, usize)> {
    let stay = active - leaving.len();
    let holes = leaving.partition_point(|&slot| slot < stay);
    let (holes, at_the_back) = leaving.split_at(holes);
    let mut staying = (stay..active).filter(|slot| at_the_back.binary_search(slot).is_err());
    holes.iter().map(|&hole| (hole, staying.next().unwrap_or(hole))).collect()
}

/// Swaps the columns i and j of all pairs.
pub(super) fn swap_columns<T: Number>(matrix: &mut Dense<T>, pairs: &[(usize, usize)]) {
    matrix.view_mut().par_row_partition_mut(rayon::current_num_threads()).for_each(|mut rows| {
        for &(i, j) in pairs {
            let (a, b) = rows.as_mut().two_cols_mut(i, j);
            faer::zip!(a, b).for_each(|faer::unzip!(a, b)| std::mem::swap(a, b));
        }
    });
}

/// Swaps the rows i and j of the first `columns` columns, for all pairs.
pub(super) fn swap_rows<T: Number>(matrix: &mut Dense<T>, pairs: &[(usize, usize)], columns: usize) {
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
    fn removed_slots_move_to_the_back() {
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
}
