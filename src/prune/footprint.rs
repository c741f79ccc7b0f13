//! Memory use of a solve.

use super::Units;
use super::candidates::candidates;
use super::problem::in_f32;
use crate::prune::{GroupSize, Refine, SolverDtype};

/// Rows of W whose energy is computed together, and steps per block of single removals. Both are small
/// compared with the rest.
const PANEL: u64 = 512;

/// Peak number of bytes that [`super::prune()`] uses in addition to the weight and its moment. It covers P,
/// and W or C, before any removal; what the path adds to them; and the fit that follows. W is [rows, n];
/// `removed` is the total number of removed units.
pub fn solve_bytes(
    [rows, n]: [usize; 2],
    units: Units,
    removed: usize,
    (dtype, refine): (SolverDtype, Refine),
) -> u64 {
    let (m, n, gone) = (rows as u64, n as u64, (removed * units.width()) as u64);
    let (kept, number) = (n - gone, if in_f32(dtype, n as usize) { 4 } else { 8 });
    // Only one half of a symmetric matrix is touched.
    let half = n * n / 2;
    let (w, panel) = (m * n, PANEL * n);
    let start_and_path = match units {
        Units::Heads { width, .. } => {
            let carried = 2 * half + 2 * n * width as u64;
            carried + w.max(2 * n * gone)
        }
        Units::Channels { group_size: GroupSize::Exact } => 2 * half + w.max(panel),
        Units::Channels { .. } => half + w + panel.max(n * gone),
    };
    let fitting = kept * kept / 2 + 2 * m * kept + (m * gone + gone * kept).saturating_sub(m * kept);
    let refining = match refine {
        Refine::None => 0,
        // L; X; E and W of both sides; S and Q of the candidates and their
        // inputs.
        Refine::Swaps => {
            let candidates = candidates(units).min(n);
            let fit = kept * kept + kept * gone + m * (kept + n);
            fit + candidates * (2 * candidates + 2 * m + n)
        }
    };
    (start_and_path * number).max(fitting.max(refining) * 8)
}
