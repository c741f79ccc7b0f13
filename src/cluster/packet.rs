//! A message with several contents: a value as JSON, and blocks of bytes.

use serde::{Serialize, de::DeserializeOwned};

/// The bytes of a value and of blocks of bytes.
///
/// # Panics
/// If the value has no JSON form.
pub fn packet(value: &impl Serialize, blocks: &[&[u8]]) -> Vec<u8> {
    let text =
        serde_json::to_vec(value).expect("commands are structs of plain values, which have a JSON form");
    let mut bytes =
        Vec::with_capacity(text.len() + blocks.iter().map(|block| block.len() + 8).sum::<usize>() + 8);
    for block in std::iter::once(&&text[..]).chain(blocks) {
        bytes.extend_from_slice(&(block.len() as u64).to_le_bytes());
        bytes.extend_from_slice(block);
    }
    bytes
}

/// The value and the blocks of a [`packet`].
///
/// # Errors
/// A description of bytes that are no such packet.
pub fn unpacked<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<(T, Vec<&[u8]>), String> {
    let mut blocks = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|error| error.to_string())?;
        let block;
        (block, bytes) = rest
            .split_at_checked(length)
            .ok_or_else(|| format!("a block of {length} bytes is incomplete"))?;
        blocks.push(block);
    }
    if !bytes.is_empty() {
        return Err(format!("{} bytes are left after the last block", bytes.len()));
    }
    let text = if blocks.is_empty() { &[] } else { blocks.remove(0) };
    Ok((serde_json::from_slice(text).map_err(|error| error.to_string())?, blocks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_and_its_blocks_come_back() {
        let bytes = packet(&("layer", 3), &[&[1, 2, 3], &[], &[4]]);
        let (value, blocks): ((String, usize), _) = unpacked(&bytes).unwrap();
        assert_eq!((value, blocks), (("layer".into(), 3), vec![&[1, 2, 3][..], &[], &[4]]));
        assert!(unpacked::<(String, usize)>(&bytes[..bytes.len() - 2]).is_err());
        assert!(unpacked::<(String, usize)>(&[]).is_err());
    }
}
