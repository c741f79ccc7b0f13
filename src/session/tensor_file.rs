//! Safetensors files: 8 bytes with the length of the header, the header as JSON, then the bytes of the tensors.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use safetensors::{Dtype, tensor::Metadata};
use serde_json::{Map, Value, json};

/// Maximum length of a header that other readers accept.
const LONGEST_HEADER: u64 = 100_000_000;
const LENGTH: u64 = 8;
const METADATA: &str = "__metadata__";

/// A tensor to write, as row-major bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TensorView<'a> {
    pub(super) name: &'a str,
    pub(super) dtype: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) bytes: &'a [u8],
}

/// A tensor described by the header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorEntry {
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    /// Offset from the start of the file in bytes.
    begin: u64,
    pub(super) length: usize,
}

/// A header that matches its file: the tensors are contiguous and extend to the end.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: HashMap<String, String>,
    /// Sorted by offset.
    pub(super) tensors: Vec<TensorEntry>,
}

pub(super) fn write(
    file: &mut File,
    metadata: &BTreeMap<&str, &str>,
    tensors: &[TensorView<'_>],
) -> io::Result<()> {
    let mut header = Map::new();
    header.insert(METADATA.into(), json!(metadata));
    let mut at = 0;
    for tensor in tensors {
        if length_of(tensor) != Some(tensor.bytes.len()) {
            let TensorView { name, dtype, shape, bytes } = tensor;
            let what = format!("tensor {name}: {} bytes are not {dtype} {shape:?}", bytes.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let end = at + tensor.bytes.len();
        let stated = json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [at, end]});
        header.insert(tensor.name.into(), stated);
        at = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(LENGTH as usize), b' ');
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for tensor in tensors {
        file.write_all(tensor.bytes)?;
    }
    Ok(())
}

/// Size in bytes from type and shape; None if the type is unknown.
fn length_of(tensor: &TensorView<'_>) -> Option<usize> {
    let dtype: Dtype = serde_json::from_value(Value::from(tensor.dtype)).ok()?;
    let numbers = tensor.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?;
    Some(numbers.checked_mul(dtype.bitsize())? / 8)
}

/// Reads the header. The inner error describes the fault in the file.
pub(super) fn read_header(file: &mut File) -> io::Result<Result<Header, String>> {
    let whole = file.metadata()?.len();
    let Some(room) = whole.checked_sub(LENGTH) else {
        return Ok(Err(format!("it is incomplete: expected at least {LENGTH} bytes, found {whole}")));
    };
    let mut length = [0; LENGTH as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > room.min(LONGEST_HEADER) {
        return Ok(Err(format!("expected a header of {length} bytes, found {room} bytes in all")));
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text)?;
    Ok(parse(&text, whole))
}

fn parse(text: &[u8], whole: u64) -> Result<Header, String> {
    let header: Metadata =
        serde_json::from_slice(text).map_err(|cause| format!("its header cannot be read: {cause}"))?;
    let first = LENGTH + text.len() as u64;
    // The last offset is the largest one, so if it matches the file, all offsets do.
    let expected = first.saturating_add(header.data_len() as u64);
    if expected != whole {
        return Err(format!("expected {expected} bytes, found {whole}"));
    }
    let mut tensors = Vec::new();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else { continue };
        let (begin, end) = info.data_offsets;
        let (dtype, shape) = (format!("{:?}", info.dtype), info.shape.clone());
        tensors.push(TensorEntry { name, dtype, shape, begin: first + begin as u64, length: end - begin });
    }
    Ok(Header { metadata: header.metadata().clone().unwrap_or_default(), tensors })
}

pub(super) fn read_bytes(file: &mut File, tensor: &TensorEntry) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; tensor.length];
    file.seek(SeekFrom::Start(tensor.begin))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
