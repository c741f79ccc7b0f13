//! The number of channels removed together: Dynamic Group Size (arXiv 2412.18110, §3.2).

use crate::prune::GroupSize;

/// Bounds of the dynamic group size.
const DYNAMIC: (usize, usize) = (8, 1024);
/// Bounds of the group size in the authors' code.
const REFERENCE: (i64, i64) = (64, 1024);

/// The size of batch `step` (from 0) when `removed` of `target` channels have been removed. It is at least 1
/// and at most the number still to remove.
pub(super) fn group_size(kind: GroupSize, target: usize, removed: usize, step: usize) -> usize {
    let remaining = target - removed;
    let size = match kind {
        GroupSize::Dynamic => (remaining / 2).clamp(DYNAMIC.0, DYNAMIC.1),
        GroupSize::Reference => reference(target, step),
        GroupSize::Exact => 1,
        GroupSize::Fixed(size) => size,
    };
    size.clamp(1, remaining.max(1))
}

/// The sizes of all batches when `target` channels are removed. None of them depends on the weights.
pub fn group_sizes(kind: GroupSize, target: usize) -> Vec<usize> {
    let (mut removed, mut sizes) = (0, Vec::new());
    while removed < target {
        sizes.push(group_size(kind, target, removed, sizes.len()));
        removed += sizes[sizes.len() - 1];
    }
    sizes
}

/// b₀ = ⌊(K − 512)/2⌋ and b ← ⌊(b − 512)/2⌋ after each batch; the size is b clamped to 64 and 1024.
fn reference(target: usize, step: usize) -> usize {
    let mut b = target as i64;
    for _ in 0..=step {
        b = (b - 512).div_euclid(2);
        if b < REFERENCE.0 {
            break; // it only decreases from here
        }
    }
    b.clamp(REFERENCE.0, REFERENCE.1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_groups_halve_between_8_and_1024() {
        assert_eq!(group_sizes(GroupSize::Dynamic, 48), [24, 12, 8, 4]);
        assert_eq!(group_sizes(GroupSize::Dynamic, 3), [3]);
        assert_eq!(group_sizes(GroupSize::Dynamic, 4096)[..3], [1024, 1024, 1024]);
    }

    #[test]
    fn reference_groups_are_those_of_the_authors() {
        let of_2752 = group_sizes(GroupSize::Reference, 2752);
        assert_eq!(of_2752[..4], [1024, 304, 64, 64]);
        assert_eq!(of_2752.iter().sum::<usize>(), 2752);
        assert_eq!(group_sizes(GroupSize::Reference, 100), [64, 36]);
    }

    #[test]
    fn a_fixed_group_size_is_constant() {
        assert_eq!(group_sizes(GroupSize::Fixed(5), 12), [5, 5, 2]);
        assert_eq!(group_sizes(GroupSize::Exact, 3), [1, 1, 1]);
    }
}
