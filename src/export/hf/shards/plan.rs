//! The shard and the offset of every tensor. Headers are complete before the first tensor is added.

use std::{cmp::Reverse, io};

use candle_core::DType;
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};

/// A tensor to be added.
#[derive(Clone, Debug, PartialEq)]
pub struct Announced {
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<usize>,
}

/// One file before its tensors are written.
#[derive(Debug)]
pub struct Shard {
    /// `model.safetensors`, or `model-00001-of-0000N.safetensors`.
    pub name: String,
    /// The bytes before the first tensor.
    pub header: Vec<u8>,
    /// Number of bytes of the whole file.
    pub length: u64,
}

/// The place of a tensor's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub shard: usize,
    /// Byte offset from the start of the file.
    pub at: u64,
}

/// The layout of all files.
#[derive(Debug)]
pub struct Plan {
    pub shards: Vec<Shard>,
    /// One place per announced tensor, in the same order.
    pub places: Vec<Place>,
    /// Number of bytes of all tensors.
    pub bytes: u64,
}

impl Announced {
    fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.size_in_bytes()
    }
}

impl Plan {
    /// Plans the shards. They contain consecutive tensors, and a tensor larger than `limit` bytes has its own
    /// shard.
    ///
    /// # Errors
    /// If the size of a tensor does not fit the header.
    pub fn new(announced: &[Announced], limit: u64) -> io::Result<Self> {
        let groups = split(announced, limit);
        let mut shards = Vec::with_capacity(groups.len());
        let mut places = vec![Place { shard: 0, at: 0 }; announced.len()];
        let mut bytes = 0;
        for (shard, group) in groups.iter().enumerate() {
            let Layout { header, offsets, data } = lay_out(announced, group)?;
            let start = header.len() as u64;
            for (index, offset) in offsets {
                places[index] = Place { shard, at: start + offset };
            }
            shards.push(Shard { name: name(shard, groups.len()), length: start + data, header });
            bytes += data;
        }
        Ok(Self { shards, places, bytes })
    }
}

fn name(shard: usize, count: usize) -> String {
    match count {
        1 => "model.safetensors".into(),
        _ => format!("model-{:05}-of-{count:05}.safetensors", shard + 1),
    }
}

/// The tensors of every shard, as indices into `announced`.
fn split(announced: &[Announced], limit: u64) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new()];
    let mut filled = 0;
    for (index, tensor) in announced.iter().enumerate() {
        let bytes = tensor.bytes() as u64;
        match groups.last_mut() {
            Some(group) if group.is_empty() || filled + bytes <= limit => {
                group.push(index);
                filled += bytes;
            }
            _ => {
                groups.push(vec![index]);
                filled = bytes;
            }
        }
    }
    groups
}

/// The layout of one file.
struct Layout {
    header: Vec<u8>,
    /// The index of each tensor in `announced`, with the offset of its bytes after the header.
    offsets: Vec<(usize, u64)>,
    /// Number of bytes of all tensors.
    data: u64,
}

/// Uses the order of the safetensors library: by number type, the larger first, which aligns all tensors;
/// then by name.
fn lay_out(announced: &[Announced], group: &[usize]) -> io::Result<Layout> {
    let mut group = group.to_vec();
    group.sort_by_key(|&index| {
        let Announced { name, dtype, .. } = &announced[index];
        (Reverse(Dtype::from(*dtype)), name)
    });
    let mut end = 0;
    let (mut offsets, mut table) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
    for index in group {
        let Announced { name, dtype, shape } = &announced[index];
        let begin = end;
        end += announced[index].bytes();
        offsets.push((index, begin as u64));
        let info = TensorInfo { dtype: (*dtype).into(), shape: shape.clone(), data_offsets: (begin, end) };
        table.push((name.clone(), info));
    }
    // Some loaders reject a file that does not name its framework.
    let framework = [("format".to_owned(), "pt".to_owned())].into();
    let metadata = Metadata::new(Some(framework), table).map_err(io::Error::other)?;
    let mut text = serde_json::to_vec(&metadata)?;
    // Data begins at a multiple of 8 bytes.
    text.resize(text.len().next_multiple_of(8), b' ');
    let header = [&(text.len() as u64).to_le_bytes()[..], &text].concat();
    Ok(Layout { header, offsets, data: end as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(name: &str, dtype: DType, shape: &[usize]) -> Announced {
        Announced { name: name.into(), dtype, shape: shape.into() }
    }

    #[test]
    fn a_shard_is_filled_up_to_its_limit_and_a_larger_tensor_has_its_own() {
        let sizes = [3, 5, 1, 20, 4, 4].into_iter().enumerate();
        let tensors: Vec<_> = sizes.map(|(i, n)| announced(&i.to_string(), DType::F16, &[n])).collect();
        let plan = Plan::new(&tensors, 16).unwrap();
        let shards = plan.places.iter().map(|place| place.shard);
        assert_eq!(shards.collect::<Vec<_>>(), [0, 0, 1, 2, 3, 3]);
        assert_eq!(plan.shards[3].name, "model-00004-of-00004.safetensors");
        assert_eq!(plan.bytes, 2 * (3 + 5 + 1 + 20 + 4 + 4));
        assert_eq!(Plan::new(&tensors, 1000).unwrap().shards[0].name, "model.safetensors");
    }

    #[test]
    fn tensors_are_ordered_by_number_size_and_then_by_name() {
        let tensors = [
            announced("b", DType::F16, &[2, 3]),
            announced("c", DType::F32, &[1]),
            announced("a", DType::F16, &[4]),
        ];
        let Plan { shards, places, .. } = Plan::new(&tensors, 1000).unwrap();
        let start = shards[0].header.len() as u64;
        assert_eq!(places.iter().map(|place| place.at - start).collect::<Vec<_>>(), [12, 0, 4]);
        assert_eq!((start % 8, shards[0].length), (0, start + 24));
    }
}
