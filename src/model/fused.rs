//! Projections that a checkpoint stores as one tensor: queries, keys and values, and gate and up.

use std::borrow::Cow;

use super::{Architecture, Result, StoredTensor, Weights, layout};

/// The names of fused tensors in a block, with the names of their parts in the order of rows.
const FUSED: [(&str, &[&str]); 2] = [
    (
        "self_attn.qkv_proj.weight",
        &["self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"],
    ),
    ("mlp.gate_up_proj.weight", &["mlp.gate_proj.weight", "mlp.up_proj.weight"]),
];

/// Adds the parts of fused tensors under their own names.
///
/// # Errors
/// If a fused tensor has another shape.
pub fn split(weights: &mut Weights, architecture: &Architecture) -> Result<()> {
    if !architecture.family.fuses_projections() {
        return Ok(());
    }
    for layer in 0..architecture.layers.len() {
        let slots = layout::block(architecture, layer);
        for (fused, parts) in FUSED {
            let place = |name: &str| format!("model.layers.{layer}.{name}");
            let of = |part: &&str| slots.iter().find(|slot| slot.name == place(part));
            let parts: Vec<(String, usize)> =
                parts.iter().filter_map(of).map(|slot| (slot.name.clone(), slot.shape[0])).collect();
            if parts.is_empty() {
                // The layer lacks this part.
                continue;
            }
            weights.split_rows(&place(fused), &parts, architecture.hidden)?;
        }
    }
    Ok(())
}

/// The tensors of whole blocks as stored in checkpoints of this architecture. Parts have the same number type.
pub fn stored_tensors<'t, 'a>(
    architecture: &Architecture,
    tensors: &'t [StoredTensor<'a>],
) -> Cow<'t, [StoredTensor<'a>]> {
    if !architecture.family.fuses_projections() {
        return Cow::Borrowed(tensors);
    }
    let join = |name: String, parts: Vec<StoredTensor<'a>>| StoredTensor {
        name,
        dtype: parts[0].dtype,
        shape: vec![parts.iter().map(|part| part.shape[0]).sum(), parts[0].shape[1]],
        bytes: Cow::Owned(parts.iter().flat_map(|part| part.bytes.iter().copied()).collect()),
    };
    Cow::Owned(joined(architecture, tensors.to_vec(), |tensor| &tensor.name, join))
}

/// Replaces the consecutive parts of each fused tensor by the result of `join`, which gets the given name.
pub fn joined<T>(
    architecture: &Architecture,
    all: Vec<T>,
    name: fn(&T) -> &String,
    join: impl Fn(String, Vec<T>) -> T,
) -> Vec<T> {
    if !architecture.family.fuses_projections() {
        return all;
    }
    let mut out: Vec<T> = Vec::with_capacity(all.len());
    let mut waiting: Vec<T> = Vec::new();
    for one in all {
        let whole = FUSED.iter().find_map(|(fused, parts)| {
            let last = parts.iter().position(|part| name(&one).ends_with(part))?;
            let place = name(&one).strip_suffix(parts[last])?;
            Some((format!("{place}{fused}"), last + 1 == parts.len()))
        });
        match whole {
            None => out.push(one),
            Some((_, false)) => waiting.push(one),
            Some((fused, true)) => {
                waiting.push(one);
                out.push(join(fused, std::mem::take(&mut waiting)));
            }
        }
    }
    debug_assert!(waiting.is_empty(), "the parts of a fused tensor are consecutive");
    out
}
