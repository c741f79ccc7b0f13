//! The tensors of a pruned model as they are to be stored: kept rows byte for byte, refitted weights rounded.

use std::borrow::Cow;

use candle_core::DType;

use super::{
    Architecture, Checkpoint, Error, Raw, Result, kept, layout,
    layout::{Cut, Slot},
    round_to,
};

/// What stays of a layer's attention.
#[derive(Clone, Copy, Debug)]
pub struct KeptHeads<'a> {
    /// Ascending.
    pub query_heads: &'a [usize],
    /// Ascending.
    pub kv_heads: &'a [usize],
    /// [hidden, query_heads·head_dim], row by row.
    pub o_proj: &'a [f32],
}

/// What stays of a layer's feed-forward part.
#[derive(Clone, Copy, Debug)]
pub struct KeptChannels<'a> {
    /// Ascending.
    pub channels: &'a [usize],
    /// [hidden, channels], row by row.
    pub down_proj: &'a [f32],
}

/// New biases of a block, [hidden] each; a part's own stays where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputBiases {
    pub o_proj: Option<Vec<f32>>,
    pub down_proj: Option<Vec<f32>>,
}

/// The shapes that a pruned block is stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// What was removed is gone.
    Narrow,
    /// As before pruning, with zeros for what was removed.
    Padded,
}

/// One tensor to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTensor<'a> {
    pub name: String,
    /// F32, F16 or BF16.
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// Little-endian numbers, row by row.
    pub bytes: Cow<'a, [u8]>,
}

/// All tensors of decoder block `layer`, in the types they are stored in. A part that is `None` stays as it is.
///
/// # Errors
/// Kept indices that leave no regular layer, a refitted weight of the wrong length or with a number that its
/// storage type can't hold.
pub fn block_tensors<'a>(
    checkpoint: &'a Checkpoint,
    layer: usize,
    heads: Option<KeptHeads>,
    channels: Option<KeptChannels>,
    shapes: Shapes,
) -> Result<Vec<StoredTensor<'a>>> {
    let biases = OutputBiases::default();
    block_tensors_as(checkpoint, checkpoint.architecture(), layer, (heads, channels, &biases), shapes)
}

/// The same with the biases that `written` has: what the checkpoint has none of is zeros, but for the new ones.
///
/// # Errors
/// As [`block_tensors`].
pub fn block_tensors_as<'a>(
    checkpoint: &'a Checkpoint,
    written: &Architecture,
    layer: usize,
    (heads, channels, biases): (Option<KeptHeads>, Option<KeptChannels>, &OutputBiases),
    shapes: Shapes,
) -> Result<Vec<StoredTensor<'a>>> {
    let architecture = checkpoint.architecture();
    let Some(&size) = architecture.layers.get(layer) else {
        return Err(Error::NoSuchLayer { layer, last: architecture.layers.len() - 1 });
    };
    if let Some(heads) = heads {
        kept::check_heads(layer, size, heads.query_heads, heads.kv_heads)?;
    }
    if let Some(channels) = channels {
        kept::check_indices(layer, "channels", channels.channels, size.channels)?;
    }
    let rows_of = |heads: &[usize]| kept::rows_of_heads(heads, architecture.head_dim);
    let query_rows = heads.map(|kept| rows_of(kept.query_heads));
    let kv_rows = heads.map(|kept| rows_of(kept.kv_heads));
    let channel_rows = channels.map(|kept| kept.channels);

    let there: Vec<Slot> = layout::block(architecture, layer);
    let store = |slot: Slot| -> Result<StoredTensor<'a>> {
        let own = match slot.name.rsplit_once('.') {
            Some((stem, "bias")) if stem.ends_with(".o_proj") => biases.o_proj.as_deref(),
            Some((stem, "bias")) if stem.ends_with(".down_proj") => biases.down_proj.as_deref(),
            Some(_) | None => None,
        };
        if let Some(own) = own {
            let dtype = checkpoint.bias_dtype(&slot.name)?;
            return rounded(slot.name, dtype, vec![own.len()], own);
        }
        if !there.contains(&slot) {
            let kept = match slot.cut {
                Cut::QueryRows => query_rows.as_ref().map(Vec::len),
                Cut::KeyValueRows => kv_rows.as_ref().map(Vec::len),
                Cut::ChannelRows => channel_rows.map(<[usize]>::len),
                Cut::Whole | Cut::HeadColumns | Cut::ChannelColumns => None,
            };
            let length = kept.filter(|_| shapes == Shapes::Narrow).unwrap_or(slot.shape[0]);
            let dtype = checkpoint.bias_dtype(&slot.name)?;
            return rounded(slot.name, dtype, vec![length], &vec![0.0; length]);
        }
        let raw = checkpoint.weights().raw(&slot.name)?;
        let fill = |tensor, kept: &[usize], axis| match shapes {
            Shapes::Narrow => tensor,
            Shapes::Padded => padded(tensor, raw.shape, kept, axis),
        };
        let rows = match slot.cut {
            Cut::Whole => None,
            Cut::QueryRows => query_rows.as_deref(),
            Cut::KeyValueRows => kv_rows.as_deref(),
            Cut::ChannelRows => channel_rows,
            Cut::HeadColumns => match (heads, &query_rows) {
                (Some(kept), Some(columns)) => {
                    let o_proj = refitted(layer, slot, raw, kept.o_proj, columns.len())?;
                    return Ok(fill(o_proj, columns, Axis::Columns));
                }
                _ => None,
            },
            Cut::ChannelColumns => match channels {
                Some(kept) => {
                    let down_proj = refitted(layer, slot, raw, kept.down_proj, kept.channels.len())?;
                    return Ok(fill(down_proj, kept.channels, Axis::Columns));
                }
                None => None,
            },
        };
        Ok(match rows {
            Some(rows) => fill(keep_rows(slot.name, raw, rows), rows, Axis::Rows),
            None => verbatim(slot.name, raw),
        })
    };
    let Architecture { o_bias, mlp_bias, .. } = *written;
    layout::block(&architecture.with_output_biases(o_bias, mlp_bias), layer).into_iter().map(store).collect()
}

/// Embedding, final norm and output head, as they are.
///
/// # Errors
/// None after [`Checkpoint::open`] has checked them.
pub fn end_tensors(checkpoint: &Checkpoint) -> Result<Vec<StoredTensor<'_>>> {
    let slots = layout::ends(checkpoint.architecture()).into_iter();
    slots.map(|slot| checkpoint.weights().raw(&slot.name).map(|raw| verbatim(slot.name, raw))).collect()
}

fn verbatim(name: String, raw: Raw) -> StoredTensor {
    StoredTensor { name, dtype: raw.dtype, shape: raw.shape.to_vec(), bytes: Cow::Borrowed(raw.data) }
}

/// Rows of a matrix, or elements of a vector.
fn keep_rows<'a>(name: String, raw: Raw<'a>, rows: &[usize]) -> StoredTensor<'a> {
    let mut shape = raw.shape.to_vec();
    let row_bytes = raw.data.len() / shape[0];
    shape[0] = rows.len();
    let bytes =
        rows.iter().flat_map(|row| &raw.data[row * row_bytes..(row + 1) * row_bytes]).copied().collect();
    StoredTensor { name, dtype: raw.dtype, shape, bytes: Cow::Owned(bytes) }
}

/// What was kept along an axis of a matrix, or of a vector.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    Rows,
    Columns,
}

/// The tensor in its shape before pruning: what was kept at its old place, zeros elsewhere.
fn padded<'a>(tensor: StoredTensor, shape: &[usize], kept: &[usize], axis: Axis) -> StoredTensor<'a> {
    let number = tensor.dtype.size_in_bytes();
    let numbers: usize = shape.iter().product();
    let mut bytes = vec![0; numbers * number];
    match axis {
        Axis::Rows => {
            let row = numbers / shape[0] * number;
            for (from, &to) in tensor.bytes.chunks_exact(row).zip(kept) {
                bytes[to * row..(to + 1) * row].copy_from_slice(from);
            }
        }
        Axis::Columns => {
            let (row, narrow) = (shape[1] * number, kept.len() * number);
            for (wide, narrow) in bytes.chunks_exact_mut(row).zip(tensor.bytes.chunks_exact(narrow)) {
                for (from, &to) in narrow.chunks_exact(number).zip(kept) {
                    wide[to * number..(to + 1) * number].copy_from_slice(from);
                }
            }
        }
    }
    StoredTensor { shape: shape.to_vec(), bytes: Cow::Owned(bytes), ..tensor }
}

fn refitted<'a>(
    layer: usize,
    slot: Slot,
    raw: Raw,
    values: &[f32],
    columns: usize,
) -> Result<StoredTensor<'a>> {
    let shape = vec![slot.shape[0], columns];
    if values.len() != shape[0] * columns {
        let what = if slot.cut == Cut::HeadColumns { "o_proj" } else { "down_proj" };
        let (expected, found) = (format!("a weight of shape {shape:?}"), format!("{} numbers", values.len()));
        return Err(Error::Kept { layer, what, expected, found });
    }
    rounded(slot.name, raw.dtype, shape, values)
}

fn rounded<'a>(name: String, dtype: DType, shape: Vec<usize>, values: &[f32]) -> Result<StoredTensor<'a>> {
    match round_to(dtype, values) {
        Ok(rounded) => Ok(StoredTensor { name, dtype, shape, bytes: Cow::Owned(rounded.bytes) }),
        Err(element) => Err(Error::TooLarge {
            tensor: name,
            element,
            found: values[element],
            dtype: dtype.as_str().to_owned(),
        }),
    }
}

impl safetensors::View for &StoredTensor<'_> {
    fn dtype(&self) -> safetensors::Dtype {
        self.dtype.into()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_puts_what_was_kept_at_its_old_place() {
        let tensor = |shape: &[usize], numbers: &[f32]| StoredTensor {
            name: "x".into(),
            dtype: DType::F32,
            shape: shape.to_vec(),
            bytes: Cow::Owned(numbers.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        let rows = padded(tensor(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), &[3, 2], &[0, 2], Axis::Rows);
        assert_eq!(rows, tensor(&[3, 2], &[1.0, 2.0, 0.0, 0.0, 3.0, 4.0]));
        let columns = padded(tensor(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), &[2, 3], &[0, 2], Axis::Columns);
        assert_eq!(columns, tensor(&[2, 3], &[1.0, 0.0, 2.0, 3.0, 0.0, 4.0]));
        let bias = padded(tensor(&[2], &[1.0, 2.0]), &[4], &[1, 3], Axis::Rows);
        assert_eq!(bias, tensor(&[4], &[0.0, 1.0, 0.0, 2.0]));
    }
}
