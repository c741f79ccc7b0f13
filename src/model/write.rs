//! The tensors of a pruned model as they are to be stored: kept rows byte for byte, refitted weights rounded.

use std::borrow::Cow;

use candle_core::DType;

use super::{
    Checkpoint, Error, Raw, Result, kept, layout,
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

    let store = |slot: Slot| -> Result<StoredTensor<'a>> {
        let raw = checkpoint.weights().raw(&slot.name)?;
        let rows = match slot.cut {
            Cut::Whole => None,
            Cut::QueryRows => query_rows.as_deref(),
            Cut::KeyValueRows => kv_rows.as_deref(),
            Cut::ChannelRows => channel_rows,
            Cut::HeadColumns => match (heads, &query_rows) {
                (Some(kept), Some(columns)) => return refitted(layer, slot, raw, kept.o_proj, columns.len()),
                _ => None,
            },
            Cut::ChannelColumns => match channels {
                Some(kept) => return refitted(layer, slot, raw, kept.down_proj, kept.channels.len()),
                None => None,
            },
        };
        Ok(match rows {
            Some(rows) => keep_rows(slot.name, raw, rows),
            None => verbatim(slot.name, raw),
        })
    };
    layout::block(architecture, layer).into_iter().map(store).collect()
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
    let dtype = raw.dtype;
    match round_to(dtype, values) {
        Ok(rounded) => Ok(StoredTensor { name: slot.name, dtype, shape, bytes: Cow::Owned(rounded.bytes) }),
        Err(element) => Err(Error::TooLarge {
            tensor: slot.name,
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
