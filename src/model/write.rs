//! The stored tensors of a pruned model: kept rows are copied byte for byte, and refitted weights are rounded.

use std::borrow::Cow;

use candle_core::DType;

use super::{
    Architecture, Checkpoint, Error, Raw, Result, kept, layout,
    layout::{Cut, Slot},
    round_to,
};

/// The kept heads of a layer's attention.
#[derive(Clone, Copy, Debug)]
pub struct KeptHeads<'a> {
    /// In ascending order.
    pub query_heads: &'a [usize],
    /// Kept key-value heads in ascending order.
    pub kv_heads: &'a [usize],
    /// [hidden, query_heads·head_dim], row-major.
    pub o_proj: &'a [f32],
}

/// The kept channels of a layer's FFN.
#[derive(Clone, Copy, Debug)]
pub struct KeptChannels<'a> {
    /// Kept channels in ascending order.
    pub channels: &'a [usize],
    /// [hidden, channels], row-major.
    pub down_proj: &'a [f32],
}

/// New biases of a block, `[hidden]` each. None keeps the original bias.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputBiases {
    /// The bias of `o_proj`.
    pub o_proj: Option<Vec<f32>>,
    /// The bias of `down_proj`.
    pub down_proj: Option<Vec<f32>>,
}

/// The shapes of a stored pruned block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shapes {
    /// Removed rows and columns are omitted.
    Narrow,
    /// The shapes before pruning, with zeros for removed rows and columns.
    Padded,
}

/// A tensor to store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTensor<'a> {
    /// Its name in a Hugging Face checkpoint.
    pub name: String,
    /// F32, F16 or BF16.
    pub dtype: DType,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Little-endian numbers, row-major.
    pub bytes: Cow<'a, [u8]>,
}

/// All tensors of decoder block `layer` in their stored types. A part that is None is unchanged.
///
/// # Errors
/// If kept indices do not form a regular layer, or a refitted weight has the wrong length or a number out of
/// range of its stored type.
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

/// Like [`block_tensors`], with the biases of the architecture `written`. Biases that the checkpoint lacks are zero unless
/// given.
///
/// # Errors
/// As for [`block_tensors`].
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
        let whole = slot.shape.clone();
        let dtype = || checkpoint.storage_dtype(&slot.name);
        let fill = |tensor, kept: &[usize], axis| match shapes {
            Shapes::Narrow => tensor,
            Shapes::Padded => padded(tensor, &whole, kept, axis),
        };
        let rows = match slot.cut {
            Cut::Whole => None,
            Cut::QueryRows => query_rows.as_deref(),
            Cut::KeyValueRows => kv_rows.as_deref(),
            Cut::ChannelRows => channel_rows,
            Cut::HeadColumns => match (heads, &query_rows) {
                (Some(kept), Some(columns)) => {
                    let o_proj = refitted(layer, &slot, dtype()?, kept.o_proj, columns.len())?;
                    return Ok(fill(o_proj, columns, Axis::Columns));
                }
                _ => None,
            },
            Cut::ChannelColumns => match channels {
                Some(kept) => {
                    let down_proj = refitted(layer, &slot, dtype()?, kept.down_proj, kept.channels.len())?;
                    return Ok(fill(down_proj, kept.channels, Axis::Columns));
                }
                None => None,
            },
        };
        let raw = checkpoint.weights().raw(&slot.name)?;
        Ok(match rows {
            Some(rows) => fill(keep_rows(slot.name, raw, rows), rows, Axis::Rows),
            None => verbatim(slot.name, raw),
        })
    };
    let Architecture { o_bias, mlp_bias, .. } = *written;
    layout::block(&architecture.with_output_biases(o_bias, mlp_bias), layer).into_iter().map(store).collect()
}

/// Embedding, final norm and output head, unchanged. Each is read when the iterator reaches it: those of a quantised file take
/// memory.
///
/// # Errors
/// If a quantised number is not finite.
pub fn end_tensors(checkpoint: &Checkpoint) -> impl ExactSizeIterator<Item = Result<StoredTensor<'_>>> {
    let slots = layout::ends(checkpoint.architecture()).into_iter();
    slots.map(|slot| checkpoint.weights().raw(&slot.name).map(|raw| verbatim(slot.name, raw)))
}

fn verbatim(name: String, raw: Raw) -> StoredTensor {
    StoredTensor { name, dtype: raw.dtype, shape: raw.shape.to_vec(), bytes: raw.data }
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

/// The axis of a matrix or vector along which rows or columns were kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    Rows,
    Columns,
}

/// The tensor in its shape before pruning: kept rows or columns at their original positions, zeros elsewhere.
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
    slot: &Slot,
    dtype: DType,
    values: &[f32],
    columns: usize,
) -> Result<StoredTensor<'a>> {
    let shape = vec![slot.shape[0], columns];
    if values.len() != shape[0] * columns {
        let what = if slot.cut == Cut::HeadColumns { "o_proj" } else { "down_proj" };
        let (expected, found) = (format!("a weight of shape {shape:?}"), format!("{} numbers", values.len()));
        return Err(Error::Kept { layer, what, expected, found });
    }
    rounded(slot.name.clone(), dtype, shape, values)
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
    fn padding_restores_the_original_positions() {
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
