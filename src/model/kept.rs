//! Checks that kept heads and channels form a valid layer.

use super::{Error, LayerSize, Result};

/// Checks that the kept heads form a regular grouped-query layer.
pub fn check_heads(layer: usize, size: LayerSize, query_heads: &[usize], kv_heads: &[usize]) -> Result<()> {
    check_indices(layer, "query heads", query_heads, size.heads)?;
    check_indices(layer, "key-value heads", kv_heads, size.kv_heads)?;
    let group = query_heads.len() / kv_heads.len();
    let regular = group * kv_heads.len() == query_heads.len()
        && query_heads.iter().enumerate().all(|(i, head)| head / size.group() == kv_heads[i / group]);
    if !regular {
        return Err(Error::Kept {
            layer,
            what: "query heads",
            expected: "the same number for each of the kept key-value heads".into(),
            found: format!("{query_heads:?} for {kv_heads:?}"),
        });
    }
    Ok(())
}

/// Checks that the kept indices are ascending, below `all`, and not empty.
pub fn check_indices(layer: usize, what: &'static str, kept: &[usize], all: usize) -> Result<()> {
    let ascending = kept.windows(2).all(|pair| pair[0] < pair[1]);
    match kept.last() {
        Some(&last) if ascending && last < all => Ok(()),
        None => Err(Error::Kept { layer, what, expected: "at least one".into(), found: "none".into() }),
        Some(last) => {
            let found = if ascending { last.to_string() } else { "an index out of order".into() };
            Err(Error::Kept { layer, what, expected: format!("ascending indices below {all}"), found })
        }
    }
}

/// The rows (or columns) of whole heads.
pub fn rows_of_heads(heads: &[usize], head_dim: usize) -> Vec<usize> {
    heads.iter().flat_map(|head| head * head_dim..(head + 1) * head_dim).collect()
}
