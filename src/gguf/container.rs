//! Writes the GGUF container: typed metadata, a table of tensors, and their data at aligned offsets.

use super::TensorType;

/// Alignment in bytes of every tensor and of the data as a whole.
const ALIGNMENT: u64 = 32;
pub const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    U32s(Vec<u32>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    Texts(Vec<String>),
}

/// Keys and values in the order of the file.
pub type Metadata = Vec<(String, Value)>;

/// An entry of the table of tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: String,
    /// [rows, columns], as everywhere in this program. The file stores them in reverse order.
    pub shape: Vec<usize>,
    pub storage: TensorType,
}

/// The layout of a file.
#[derive(Debug)]
pub struct Plan {
    /// The bytes before the first tensor: metadata and table.
    pub header: Vec<u8>,
    /// The offset of each entry's data in the file.
    pub places: Vec<u64>,
    /// Number of bytes of the whole file.
    pub length: u64,
}

impl Entry {
    /// Number of bytes of the data.
    pub fn bytes(&self) -> u64 {
        let row = self.shape.last().copied().unwrap_or(1);
        let rows: usize = self.shape[..self.shape.len().saturating_sub(1)].iter().product();
        rows as u64 * self.storage.row_bytes(row) as u64
    }
}

impl Plan {
    pub fn new(metadata: &Metadata, entries: &[Entry]) -> Self {
        let mut header = Vec::new();
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        put_length(&mut header, entries.len());
        put_length(&mut header, metadata.len());
        for (key, value) in metadata {
            put_text(&mut header, key);
            value.put(&mut header);
        }
        let mut offset = 0;
        let mut offsets = Vec::with_capacity(entries.len());
        for entry in entries {
            put_text(&mut header, &entry.name);
            header.extend((entry.shape.len() as u32).to_le_bytes());
            for &side in entry.shape.iter().rev() {
                put_length(&mut header, side);
            }
            header.extend(entry.storage.id().to_le_bytes());
            header.extend(u64::to_le_bytes(offset));
            offsets.push(offset);
            offset += entry.bytes().next_multiple_of(ALIGNMENT);
        }
        let start = (header.len() as u64).next_multiple_of(ALIGNMENT);
        header.resize(start as usize, 0);
        Self { header, places: offsets.iter().map(|offset| start + offset).collect(), length: start + offset }
    }
}

impl Value {
    /// Writes the type and the value; for a list also the element type and the length.
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::U32(value) => {
                put_type(out, Type::U32);
                out.extend(value.to_le_bytes());
            }
            Self::F32(value) => {
                put_type(out, Type::F32);
                out.extend(value.to_le_bytes());
            }
            Self::Bool(value) => {
                put_type(out, Type::Bool);
                out.push(u8::from(*value));
            }
            Self::Text(value) => {
                put_type(out, Type::Text);
                put_text(out, value);
            }
            Self::U32s(values) => {
                put_list(out, Type::U32, values.len());
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::I32s(values) => {
                put_list(out, Type::I32, values.len());
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::F32s(values) => {
                put_list(out, Type::F32, values.len());
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::Texts(values) => {
                put_list(out, Type::Text, values.len());
                for value in values {
                    put_text(out, value);
                }
            }
        }
    }
}

/// Type numbers of metadata values.
#[derive(Clone, Copy)]
enum Type {
    U32 = 4,
    I32 = 5,
    F32 = 6,
    Bool = 7,
    Text = 8,
    List = 9,
}

fn put_type(out: &mut Vec<u8>, kind: Type) {
    out.extend((kind as u32).to_le_bytes());
}

fn put_list(out: &mut Vec<u8>, element: Type, length: usize) {
    put_type(out, Type::List);
    put_type(out, element);
    put_length(out, length);
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend((length as u64).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_has_exactly_these_bytes() {
        let metadata = vec![("a".into(), Value::U32(7)), ("b".into(), Value::Texts(vec!["xy".into()]))];
        let entries = [Entry { name: "w".into(), shape: vec![2, 3], storage: TensorType::F16 }];
        let plan = Plan::new(&metadata, &entries);
        let mut expected = b"GGUF\x03\0\0\0".to_vec();
        expected.extend([1u64, 2].iter().flat_map(|count| count.to_le_bytes()));
        expected.extend(b"\x01\0\0\0\0\0\0\0a\x04\0\0\0\x07\0\0\0");
        expected.extend(b"\x01\0\0\0\0\0\0\0b\x09\0\0\0\x08\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0xy");
        expected.extend(b"\x01\0\0\0\0\0\0\0w\x02\0\0\0");
        // The length of a row comes first; F16 is type 1; the only tensor is at offset 0.
        expected.extend([3u64, 2].iter().flat_map(|side| side.to_le_bytes()));
        expected.extend(b"\x01\0\0\0\0\0\0\0\0\0\0\0");
        expected.resize(expected.len().next_multiple_of(32), 0);
        assert_eq!(plan.header, expected);
        assert_eq!((plan.places, plan.length), (vec![expected.len() as u64], expected.len() as u64 + 32));
    }

    #[test]
    fn tensors_are_aligned_to_32_bytes() {
        let entry =
            |name: &str, shape: &[usize], storage| Entry { name: name.into(), shape: shape.into(), storage };
        let entries = [
            entry("a", &[5], TensorType::F32),
            entry("b", &[2, 32], TensorType::Q8_0),
            entry("c", &[1], TensorType::F32),
        ];
        let plan = Plan::new(&Vec::new(), &entries);
        let start = plan.header.len() as u64;
        assert_eq!(plan.places, [start, start + 32, start + 32 + 96]);
        assert_eq!(plan.length, start + 32 + 96 + 32);
    }
}
