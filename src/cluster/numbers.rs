//! Numbers as the bytes of messages: little-endian, without padding.

/// The bytes of f32 numbers.
pub fn f32_bytes(values: &[f32], bytes: &mut Vec<u8>) {
    bytes.reserve(size_of_val(values));
    values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
}

/// The f32 numbers of these bytes; a remainder is ignored.
pub fn f32_values(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))
}

/// The bytes of f64 numbers.
pub fn f64_bytes(values: &[f64], bytes: &mut Vec<u8>) {
    bytes.reserve(size_of_val(values));
    values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
}

/// The f64 numbers of these bytes; a remainder is ignored.
pub fn f64_values(bytes: &[u8]) -> impl Iterator<Item = f64> {
    bytes.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes))
}
