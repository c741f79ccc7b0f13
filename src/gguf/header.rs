//! Reads the header of a GGUF file: the positions of its metadata and tensors. Values are decoded on request.

use std::{collections::BTreeMap, ops::Range};

use super::{TensorType, container::MAGIC, tensor_type::name_of_unread};

const DEFAULT_ALIGNMENT: u64 = 32;
/// Maximum number of dimensions of a tensor in ggml.
const MOST_DIMENSIONS: u32 = 4;
/// Maximum nesting of lists. No known key has nested lists.
const MOST_NESTING: usize = 4;

/// The contents of a file: keys and tensors with their positions.
#[derive(Debug)]
pub struct Header {
    keys: BTreeMap<String, Place>,
    pub tensors: Vec<TensorInfo>,
}

/// An entry of the table of tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    pub name: String,
    /// [rows, columns], as everywhere in this program. The file has the reverse order.
    pub shape: Vec<usize>,
    /// The stored type, or the name of an unsupported type.
    pub kind: Result<TensorType, String>,
    /// The position of the data in the file; empty for an unsupported type.
    pub bytes: Range<usize>,
}

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<'f> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(&'f [u8]),
    List(List<'f>),
}

/// A list of values of one type.
#[derive(Clone, Debug, PartialEq)]
pub struct List<'f> {
    kind: Kind,
    count: usize,
    bytes: &'f [u8],
}

/// The reason why a file is not a readable GGUF file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("expected \"GGUF\" at its start, found {0:?}")]
    Magic(String),
    #[error("expected version 2 or 3, found {0}")]
    Version(u32),
    #[error("it was written for machines with the other byte order")]
    BigEndian,
    #[error("it ends at byte {length}, within {what}")]
    Ends { what: &'static str, length: usize },
    #[error("{what} is {found}, expected {expected}")]
    Value { what: String, expected: &'static str, found: String },
    #[error("the key {0:?} occurs twice")]
    KeyTwice(String),
    #[error("the tensor {0} occurs twice")]
    TensorTwice(String),
    #[error("the tensor {tensor} ends at byte {end}, but the file has {length} bytes")]
    TensorEnds { tensor: String, end: u128, length: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    List,
    U64,
    I64,
    F64,
}

#[derive(Clone, Debug)]
struct Place {
    kind: Kind,
    at: usize,
}

impl Header {
    /// Reads the header of a file with this content.
    ///
    /// # Errors
    /// If the file is truncated, or its lengths, types or positions contradict each other.
    pub fn read(file: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor { file, at: 0 };
        let magic = cursor.take(4, "its first four bytes")?;
        if magic != MAGIC {
            return Err(Malformed::Magic(String::from_utf8_lossy(magic).into_owned()));
        }
        let version = u32::from_le_bytes(cursor.array("its version")?);
        match version {
            2 | 3 => {}
            version if matches!(version.swap_bytes(), 1..=3) => return Err(Malformed::BigEndian),
            version => return Err(Malformed::Version(version)),
        }
        let tensor_count = u64::from_le_bytes(cursor.array("the number of tensors")?);
        let key_count = u64::from_le_bytes(cursor.array("the number of keys")?);
        let mut keys = BTreeMap::new();
        for _ in 0..key_count {
            let key = cursor.name("a key")?;
            let kind = cursor.kind()?;
            let at = cursor.at;
            cursor.skip(kind, 0)?;
            if keys.insert(key.clone(), Place { kind, at }).is_some() {
                return Err(Malformed::KeyTwice(key));
            }
        }
        let mut header = Self { keys, tensors: Vec::new() };
        let alignment = header.alignment(file)?;
        let mut offsets = Vec::new();
        for _ in 0..tensor_count {
            let (info, offset) = cursor.tensor()?;
            header.tensors.push(info);
            offsets.push(offset);
        }
        let data = (cursor.at as u64).next_multiple_of(alignment);
        for (tensor, offset) in header.tensors.iter_mut().zip(offsets) {
            place(tensor, data, offset, alignment, file.len())?;
        }
        header.refuse_duplicates()?;
        Ok(header)
    }

    /// A value of the file; None for a missing key.
    pub fn get<'f>(&self, file: &'f [u8], key: &str) -> Option<Item<'f>> {
        let Place { kind, at } = self.keys.get(key)?;
        Cursor { file, at: *at }.item(*kind).ok()
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    fn alignment(&self, file: &[u8]) -> Result<u64, Malformed> {
        let key = "general.alignment";
        match self.get(file, key) {
            None => Ok(DEFAULT_ALIGNMENT),
            Some(Item::Unsigned(alignment))
                if alignment.is_power_of_two() && (8..=1 << 20).contains(&alignment) =>
            {
                Ok(alignment)
            }
            Some(found) => Err(Malformed::Value {
                what: key.to_owned(),
                expected: "a power of two from 8 to 1048576",
                found: found.described(),
            }),
        }
    }

    fn refuse_duplicates(&self) -> Result<(), Malformed> {
        let mut names: Vec<&str> = self.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Malformed::TensorTwice(pair[0].to_owned())),
            None => Ok(()),
        }
    }
}

/// Sets the place of a tensor's data.
fn place(
    tensor: &mut TensorInfo,
    data: u64,
    offset: u64,
    alignment: u64,
    length: usize,
) -> Result<(), Malformed> {
    if !offset.is_multiple_of(alignment) {
        return Err(Malformed::Value {
            what: format!("the offset of the tensor {}", tensor.name),
            expected: "a multiple of the alignment",
            found: offset.to_string(),
        });
    }
    let Ok(kind) = tensor.kind else { return Ok(()) };
    let columns = tensor.shape.last().copied().unwrap_or(1);
    if !columns.is_multiple_of(kind.block()) {
        return Err(Malformed::Value {
            what: format!("the row length of the tensor {}", tensor.name),
            expected: "whole blocks of its type",
            found: columns.to_string(),
        });
    }
    let numbers: u128 = tensor.shape.iter().map(|&side| side as u128).product();
    let bytes = numbers / kind.block() as u128 * kind.block_bytes() as u128;
    let start = u128::from(data) + u128::from(offset);
    let end = start + bytes;
    if end > length as u128 {
        return Err(Malformed::TensorEnds { tensor: tensor.name.clone(), end, length });
    }
    tensor.bytes = start as usize..end as usize;
    Ok(())
}

impl Item<'_> {
    /// The value as text for a message; a list is described by its length.
    pub fn described(&self) -> String {
        match self {
            Self::Unsigned(value) => value.to_string(),
            Self::Signed(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Text(text) => {
                let text = String::from_utf8_lossy(text);
                format!("{:?}", text.chars().take(60).collect::<String>())
            }
            Self::List(list) => format!("a list of {} values", list.count),
        }
    }
}

impl<'f> List<'f> {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The values, in order.
    pub fn items(&self) -> impl Iterator<Item = Item<'f>> + use<'f> {
        let Self { kind, count, bytes } = *self;
        let mut cursor = Cursor { file: bytes, at: 0 };
        (0..count).map_while(move |_| cursor.item(kind).ok())
    }
}

struct Cursor<'f> {
    file: &'f [u8],
    at: usize,
}

impl<'f> Cursor<'f> {
    fn take(&mut self, bytes: usize, what: &'static str) -> Result<&'f [u8], Malformed> {
        let ends = Malformed::Ends { what, length: self.file.len() };
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.file.len()).ok_or(ends)?;
        let taken = &self.file[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const BYTES: usize>(&mut self, what: &'static str) -> Result<[u8; BYTES], Malformed> {
        let taken = self.take(BYTES, what)?;
        Ok(taken.try_into().expect("`take` returns as many bytes as were requested"))
    }

    fn length(&mut self, what: &'static str) -> Result<usize, Malformed> {
        let length = u64::from_le_bytes(self.array(what)?);
        usize::try_from(length).map_err(|_| Malformed::Ends { what, length: self.file.len() })
    }

    fn text(&mut self, what: &'static str) -> Result<&'f [u8], Malformed> {
        let length = self.length(what)?;
        self.take(length, what)
    }

    /// Reads a text that must be UTF-8.
    fn name(&mut self, what: &'static str) -> Result<String, Malformed> {
        let text = self.text(what)?;
        let name = str::from_utf8(text).map_err(|_| Malformed::Value {
            what: what.to_owned(),
            expected: "UTF-8",
            found: format!("{:?}", String::from_utf8_lossy(&text[..text.len().min(60)])),
        })?;
        Ok(name.to_owned())
    }

    fn kind(&mut self) -> Result<Kind, Malformed> {
        let number = u32::from_le_bytes(self.array("the type of a value")?);
        Ok(match number {
            0 => Kind::U8,
            1 => Kind::I8,
            2 => Kind::U16,
            3 => Kind::I16,
            4 => Kind::U32,
            5 => Kind::I32,
            6 => Kind::F32,
            7 => Kind::Bool,
            8 => Kind::Text,
            9 => Kind::List,
            10 => Kind::U64,
            11 => Kind::I64,
            12 => Kind::F64,
            other => {
                return Err(Malformed::Value {
                    what: "the type of a value".to_owned(),
                    expected: "a number from 0 to 12",
                    found: other.to_string(),
                });
            }
        })
    }

    fn skip(&mut self, kind: Kind, depth: usize) -> Result<(), Malformed> {
        if let Some(width) = kind.width() {
            return self.take(width, "a value").map(drop);
        }
        if kind == Kind::Text {
            return self.text("a text").map(drop);
        }
        if depth == MOST_NESTING {
            return Err(Malformed::Value {
                what: "the nesting of a list".to_owned(),
                expected: "at most four levels",
                found: "more".to_owned(),
            });
        }
        let inner = self.kind()?;
        let count = self.length("the length of a list")?;
        match inner.width() {
            Some(width) => self.take(count.saturating_mul(width), "a list").map(drop),
            None => (0..count).try_for_each(|_| self.skip(inner, depth + 1)),
        }
    }

    fn item(&mut self, kind: Kind) -> Result<Item<'f>, Malformed> {
        let what = "a value";
        Ok(match kind {
            Kind::U8 => Item::Unsigned(u8::from_le_bytes(self.array(what)?).into()),
            Kind::I8 => Item::Signed(i8::from_le_bytes(self.array(what)?).into()),
            Kind::U16 => Item::Unsigned(u16::from_le_bytes(self.array(what)?).into()),
            Kind::I16 => Item::Signed(i16::from_le_bytes(self.array(what)?).into()),
            Kind::U32 => Item::Unsigned(u32::from_le_bytes(self.array(what)?).into()),
            Kind::I32 => Item::Signed(i32::from_le_bytes(self.array(what)?).into()),
            Kind::U64 => Item::Unsigned(u64::from_le_bytes(self.array(what)?)),
            Kind::I64 => Item::Signed(i64::from_le_bytes(self.array(what)?)),
            Kind::F32 => Item::Float(f32::from_le_bytes(self.array(what)?).into()),
            Kind::F64 => Item::Float(f64::from_le_bytes(self.array(what)?)),
            Kind::Bool => Item::Bool(self.array::<1>(what)? != [0]),
            Kind::Text => Item::Text(self.text(what)?),
            Kind::List => {
                let kind = self.kind()?;
                let count = self.length(what)?;
                Item::List(List { kind, count, bytes: &self.file[self.at..] })
            }
        })
    }

    /// An entry of the table, without the place of its data, and the offset of the data.
    fn tensor(&mut self) -> Result<(TensorInfo, u64), Malformed> {
        let name = self.name("the name of a tensor")?;
        let dimensions = u32::from_le_bytes(self.array("the shape of a tensor")?);
        if dimensions > MOST_DIMENSIONS {
            return Err(Malformed::Value {
                what: format!("the number of dimensions of the tensor {name}"),
                expected: "at most 4",
                found: dimensions.to_string(),
            });
        }
        let sides = (0..dimensions).map(|_| self.length("the shape of a tensor"));
        let mut shape = sides.collect::<Result<Vec<usize>, _>>()?;
        shape.reverse();
        if shape.contains(&0) {
            return Err(Malformed::Value {
                what: format!("the shape of the tensor {name}"),
                expected: "no zero",
                found: format!("{shape:?}"),
            });
        }
        let id = u32::from_le_bytes(self.array("the type of a tensor")?);
        let offset = u64::from_le_bytes(self.array("the offset of a tensor")?);
        let kind = TensorType::from_id(id).ok_or_else(|| name_of_unread(id));
        Ok((TensorInfo { name, shape, kind, bytes: 0..0 }, offset))
    }
}

impl Kind {
    /// Number of bytes of a value; None if its length varies.
    fn width(self) -> Option<usize> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 => Some(8),
            Self::Text | Self::List => None,
        }
    }
}

#[cfg(test)]
mod tests;
