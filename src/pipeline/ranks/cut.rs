//! The cut of a block as a message.

use candle_core::DType;
use serde::{Deserialize, Serialize};

use crate::cluster::{packet, unpacked};

use super::super::{BlockCut, ChannelCut, HeadCut, Packed};

/// The cut without its numbers.
#[derive(Serialize, Deserialize)]
struct Outline {
    layer: usize,
    heads: Option<Heads>,
    channels: Option<Channels>,
}

#[derive(Serialize, Deserialize)]
struct Heads {
    query_heads: Vec<usize>,
    kv_heads: Vec<usize>,
    o_proj: Numbers,
    bias: Option<Numbers>,
}

#[derive(Serialize, Deserialize)]
struct Channels {
    kept: Vec<usize>,
    down_proj: Numbers,
    bias: Option<Numbers>,
}

/// The type and shape of numbers that are a block of the message.
#[derive(Serialize, Deserialize)]
struct Numbers {
    dtype: String,
    shape: [usize; 2],
}

/// The message of a cut.
pub fn cut_bytes(cut: &BlockCut) -> Vec<u8> {
    let mut blocks: Vec<&[u8]> = Vec::new();
    let mut numbers =
        |packed: &'_ Packed| Numbers { dtype: packed.dtype.as_str().into(), shape: packed.shape };
    let heads = cut.heads().map(|cut| Heads {
        query_heads: cut.query_heads.clone(),
        kv_heads: cut.kv_heads.clone(),
        o_proj: numbers(&cut.o_proj),
        bias: cut.bias.as_ref().map(&mut numbers),
    });
    let channels = cut.channels().map(|cut| Channels {
        kept: cut.kept.clone(),
        down_proj: numbers(&cut.down_proj),
        bias: cut.bias.as_ref().map(&mut numbers),
    });
    if let Some(cut) = cut.heads() {
        blocks.extend(std::iter::once(&cut.o_proj).chain(&cut.bias).map(|packed| &packed.bytes[..]));
    }
    if let Some(cut) = cut.channels() {
        blocks.extend(std::iter::once(&cut.down_proj).chain(&cut.bias).map(|packed| &packed.bytes[..]));
    }
    packet(&Outline { layer: cut.layer(), heads, channels }, &blocks)
}

/// The cut of a message.
///
/// # Errors
/// A description of bytes that are no cut.
pub fn cut_of_bytes(bytes: &[u8]) -> Result<BlockCut, String> {
    let (Outline { layer, heads, channels }, blocks) = unpacked(bytes)?;
    let mut blocks = blocks.into_iter();
    let mut packed = |numbers: Numbers| -> Result<Packed, String> {
        let dtype: DType = numbers.dtype.parse().map_err(|_| format!("number type {}", numbers.dtype))?;
        let bytes = blocks.next().ok_or("a block is missing")?.to_vec();
        let expected = numbers.shape[0] * numbers.shape[1] * dtype.size_in_bytes();
        match bytes.len() == expected {
            true => Ok(Packed { dtype, shape: numbers.shape, bytes }),
            false => Err(format!("expected {expected} bytes of a weight, found {}", bytes.len())),
        }
    };
    let mut cut = BlockCut::new(layer);
    if let Some(Heads { query_heads, kv_heads, o_proj, bias }) = heads {
        let (o_proj, bias) = (packed(o_proj)?, bias.map(&mut packed).transpose()?);
        cut = cut.with_heads(HeadCut { query_heads, kv_heads, o_proj, bias });
    }
    if let Some(Channels { kept, down_proj, bias }) = channels {
        let (down_proj, bias) = (packed(down_proj)?, bias.map(&mut packed).transpose()?);
        cut = cut.with_channels(ChannelCut { kept, down_proj, bias });
    }
    Ok(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_comes_back_with_its_numbers_and_types() {
        let numbers = |dtype: DType, shape: [usize; 2]| {
            let bytes = (0..shape[0] * shape[1] * dtype.size_in_bytes()).map(|i| i as u8).collect();
            Packed { dtype, shape, bytes }
        };
        let empty = BlockCut::new(3);
        let heads = HeadCut {
            query_heads: vec![0, 2],
            kv_heads: vec![1],
            o_proj: numbers(DType::BF16, [4, 6]),
            bias: Some(numbers(DType::F32, [1, 4])),
        };
        let channels = ChannelCut { kept: vec![5, 7, 8], down_proj: numbers(DType::F16, [4, 3]), bias: None };
        let both = empty.clone().with_heads(heads).with_channels(channels);
        for cut in [empty, both] {
            assert_eq!(cut_of_bytes(&cut_bytes(&cut)), Ok(cut));
        }
        assert!(cut_of_bytes(&[1, 2, 3]).is_err());
    }
}
