//! The tensors of a checkpoint, read from memory-mapped files of any kind.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::Arc};

use candle_core::{DType, Device, Tensor};

use super::{
    Error, Result, Source,
    bytes::Bytes,
    encoding::{Encoding, RowOrder},
    files, gguf,
    reading::{self, Unreadable},
};

/// All tensors of a checkpoint, in one or more files. Bytes are read from disk when a tensor is requested.
#[derive(Debug)]
pub struct Weights {
    place: String,
    table: Table,
}

/// Files, and the place of every tensor in them: what a kind of checkpoint gives to be read from.
#[derive(Debug, Default)]
pub struct Table {
    pub files: Vec<File>,
    /// By their names in a Hugging Face checkpoint.
    pub tensors: BTreeMap<String, Entry>,
    /// Tensors that a shard index promises and their shards lack, with the shard.
    pub not_held: BTreeMap<String, String>,
}

/// One tensor as stored. Quantised numbers are dequantised.
#[derive(Clone, Debug)]
pub struct Raw<'a> {
    /// F32, F16 or BF16.
    pub dtype: DType,
    /// Its shape.
    pub shape: &'a [usize],
    /// Little-endian numbers, row-major: the bytes of the file, or its dequantised or reordered numbers.
    pub data: Cow<'a, [u8]>,
}

/// A weight file.
#[derive(Debug)]
pub struct File {
    /// Its name in error messages.
    pub label: String,
    pub bytes: Arc<Bytes>,
}

/// The place of a tensor.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Index of the file.
    pub file: usize,
    /// The encoding, or the name of an unsupported one.
    pub encoding: std::result::Result<Encoding, String>,
    pub order: RowOrder,
    pub shape: Vec<usize>,
    pub bytes: Range<usize>,
    /// The bytes that belong to the tensor, if not all.
    pub part: Option<Part>,
}

/// A part of each of the equal groups of bytes of an entry.
#[derive(Clone, Debug)]
pub struct Part {
    /// Bytes of a whole group.
    pub group: usize,
    /// The bytes in each group.
    pub bytes: Range<usize>,
}

/// Tensors by their names in a Hugging Face checkpoint, independent of the file that contains them.
pub trait Tensors {
    /// The tensor of this shape, in the given type on the given device.
    ///
    /// # Errors
    /// If the tensor is missing or has a wrong shape, or a number is not finite or too large for `dtype`.
    fn tensor(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor>;
}

impl Tensors for Weights {
    fn tensor(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor> {
        self.read(name, shape, device, dtype)
    }
}

impl Weights {
    /// Reads and checks the headers of the weight files. A Hugging Face directory has `model.safetensors`, or the shards listed
    /// in `model.safetensors.index.json`, otherwise `pytorch_model.bin` or its shards.
    ///
    /// # Errors
    /// If a file is missing, a git-lfs pointer, truncated or damaged, or a shard is missing. A tensor that its shard
    /// lacks is missing when it is requested.
    pub fn open(source: &Source) -> Result<Self> {
        let table = match source {
            Source::Gguf(model) => gguf::table(model),
            Source::Directory(_) | Source::Embedded(_) => files::table(source)?,
        };
        Ok(Self { place: source.to_string(), table })
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.tensors.keys().map(String::as_str)
    }

    /// A tensor's numbers as bytes of its [`Weights::storage_dtype`].
    ///
    /// # Errors
    /// If the tensor is missing or has an unsupported encoding.
    pub fn raw(&self, name: &str) -> Result<Raw<'_>> {
        let entry = self.entry(name)?;
        let encoding = self.encoding(name)?;
        let stored = self.bytes(entry);
        let row = entry.shape.iter().skip(1).product();
        let data = match (encoding, entry.order) {
            (Encoding::F32 | Encoding::F16 | Encoding::BF16, RowOrder::Same) => stored,
            (Encoding::F32, order) => Cow::Owned(reordered::<4>(&stored, order, row)),
            (Encoding::F16 | Encoding::BF16, order) => Cow::Owned(reordered::<2>(&stored, order, row)),
            (Encoding::Quantised(_), order) => {
                let read = self.releasing(entry);
                let mut numbers = reading::converted(encoding, &stored, |x| x, DType::F32, &read)
                    .map_err(|cause| self.unreadable(name, cause, |element| element, DType::F32))?;
                order.restore(&mut numbers, row);
                Cow::Owned(numbers.iter().flat_map(|number: &f32| number.to_le_bytes()).collect())
            }
        };
        Ok(Raw { dtype: encoding.dtype(), shape: &entry.shape, data })
    }

    /// Bytes of a tensor in its file.
    ///
    /// # Errors
    /// If the tensor is missing.
    pub fn stored_bytes(&self, name: &str) -> Result<u64> {
        Ok(self.entry(name)?.bytes.len() as u64)
    }

    /// The number type of a tensor: F32, F16 or BF16. Quantised tensors are F32 after reading.
    ///
    /// # Errors
    /// If the tensor is missing or has an unsupported encoding.
    pub fn storage_dtype(&self, name: &str) -> Result<DType> {
        Ok(self.encoding(name)?.dtype())
    }

    /// The name of a tensor's stored type, such as f16 or q4_k.
    ///
    /// # Errors
    /// As [`Weights::storage_dtype`].
    pub fn stored_type(&self, name: &str) -> Result<&'static str> {
        Ok(match self.encoding(name)? {
            Encoding::F32 => "f32",
            Encoding::F16 => "f16",
            Encoding::BF16 => "bf16",
            Encoding::Quantised(kind) => kind.name(),
        })
    }

    /// Whether a tensor is stored in blocks of quantised numbers.
    ///
    /// # Errors
    /// As [`Weights::storage_dtype`].
    pub fn is_quantised(&self, name: &str) -> Result<bool> {
        Ok(matches!(self.encoding(name)?, Encoding::Quantised(_)))
    }

    fn encoding(&self, name: &str) -> Result<Encoding> {
        let entry = self.entry(name)?;
        entry.encoding.clone().map_err(|found| Error::StorageType {
            tensor: name.to_owned(),
            file: self.table.files[entry.file].label.clone(),
            found,
        })
    }

    /// Renames a tensor, if it exists.
    pub(super) fn rename(&mut self, from: &str, to: String) {
        if let Some(entry) = self.table.tensors.remove(from) {
            self.table.tensors.insert(to, entry);
        }
    }

    /// Splits a tensor with `groups` equal groups of rows. Each part has a name and a number of rows per group, in the order of
    /// rows. `row` is the shape of a row.
    ///
    /// # Errors
    /// As for [`Weights::check`].
    pub(super) fn split_groups(
        &mut self,
        name: &str,
        parts: &[(String, usize)],
        (groups, row): (usize, &[usize]),
    ) -> Result<()> {
        let rows = parts.iter().map(|(_, rows)| rows).sum::<usize>();
        self.check(name, &[&[groups * rows], row].concat())?;
        let Some(whole) = self.table.tensors.remove(name) else { return Ok(()) };
        let group = whole.bytes.len() / groups;
        let mut start = 0;
        for (part, own) in parts {
            let bytes = start..start + group / rows * own;
            start = bytes.end;
            let shape = [&[groups * own], row].concat();
            let part_of = Entry { shape, part: Some(Part { group, bytes }), ..whole.clone() };
            self.table.tensors.insert(part.clone(), part_of);
        }
        Ok(())
    }

    /// Splits a matrix with this number of columns. Each part has a name and a number of rows, in the order of rows.
    ///
    /// # Errors
    /// As for [`Weights::check`].
    pub(super) fn split_rows(&mut self, name: &str, parts: &[(String, usize)], columns: usize) -> Result<()> {
        let rows = parts.iter().map(|(_, rows)| rows).sum::<usize>();
        self.check(name, &[rows, columns])?;
        let Some(whole) = self.table.tensors.remove(name) else { return Ok(()) };
        let row = whole.bytes.len() / rows;
        let mut start = whole.bytes.start;
        for (part, rows) in parts {
            let bytes = start..start + rows * row;
            start = bytes.end;
            let part_of = Entry { shape: vec![*rows, columns], bytes, ..whole.clone() };
            self.table.tensors.insert(part.clone(), part_of);
        }
        Ok(())
    }

    /// Checks that the tensor has this shape and a supported type, without reading weights.
    ///
    /// # Errors
    /// If not; the error names the tensor and its file.
    pub fn check(&self, name: &str, shape: &[usize]) -> Result<()> {
        let entry = self.entry(name)?;
        if entry.shape != shape {
            return Err(Error::Shape {
                tensor: name.to_owned(),
                file: self.table.files[entry.file].label.clone(),
                expected: shape.to_vec(),
                found: entry.shape.clone(),
            });
        }
        self.storage_dtype(name).map(drop)
    }

    /// Rows of a matrix, in the given type on the given device. Other rows are not read.
    ///
    /// # Errors
    /// As for [`Tensors::tensor`], applied to the numbers in these rows.
    ///
    /// # Panics
    /// If a row does not exist.
    pub fn rows(&self, name: &str, rows: &[u32], device: &Device, dtype: DType) -> Result<Tensor> {
        let entry = self.entry(name)?;
        let encoding = self.encoding(name)?;
        let stored = self.bytes(entry);
        let columns = entry.shape[1..].iter().product::<usize>();
        let (numbers, width) = encoding.block();
        let row_bytes = columns / numbers * width;
        let row = |row: &u32| &stored[*row as usize * row_bytes..][..row_bytes];
        let gathered: Vec<u8> = rows.iter().flat_map(row).copied().collect();
        self.table.files[entry.file].bytes.release(entry.bytes.clone());
        let shape = [rows.len(), columns];
        reading::tensor((encoding, &gathered, RowOrder::Same), &shape, (device, dtype), &|_| ()).map_err(
            |cause| {
                let at = |element: usize| rows[element / columns] as usize * columns + element % columns;
                self.unreadable(name, cause, at, dtype)
            },
        )
    }

    /// Releases the memory of these tensors' bytes that were read. Another request reads them again.
    pub fn release<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        for entry in names.into_iter().filter_map(|name| self.table.tensors.get(name)) {
            self.table.files[entry.file].bytes.release(entry.bytes.clone());
        }
    }

    /// Starts to read these tensors from the disk.
    pub fn read_ahead<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        for entry in names.into_iter().filter_map(|name| self.table.tensors.get(name)) {
            self.table.files[entry.file].bytes.read_ahead(entry.bytes.clone());
        }
    }

    fn read(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor> {
        self.check(name, shape)?;
        let entry = self.entry(name)?;
        let bytes = self.bytes(entry);
        let stored = (self.encoding(name)?, &*bytes, entry.order);
        reading::tensor(stored, shape, (device, dtype), &self.releasing(entry))
            .map_err(|cause| self.unreadable(name, cause, |element| element, dtype))
    }

    fn bytes(&self, entry: &Entry) -> Cow<'_, [u8]> {
        let stored = &self.table.files[entry.file].bytes.as_slice()[entry.bytes.clone()];
        match &entry.part {
            None => Cow::Borrowed(stored),
            Some(Part { group, bytes }) => {
                stored.chunks_exact(*group).flat_map(|group| &group[bytes.clone()]).copied().collect()
            }
        }
    }

    /// Releases ranges of a tensor's bytes.
    fn releasing(&self, entry: &Entry) -> impl Fn(Range<usize>) + Sync {
        let (bytes, start) = (self.table.files[entry.file].bytes.clone(), entry.bytes.start);
        move |stretch: Range<usize>| bytes.release(start + stretch.start..start + stretch.end)
    }

    /// The error of a tensor; `at` maps an element of the read bytes to its position in the tensor.
    fn unreadable(&self, name: &str, cause: Unreadable, at: impl Fn(usize) -> usize, dtype: DType) -> Error {
        let (element, found) = match cause {
            Unreadable::Device(cause) => return cause.into(),
            Unreadable::Number { element, found } => (at(element), found),
        };
        let tensor = name.to_owned();
        if found.is_finite() {
            return Error::TooLarge { tensor, element, found, dtype: dtype.as_str().to_owned() };
        }
        let file =
            self.entry(name).map(|entry| self.table.files[entry.file].label.clone()).unwrap_or_default();
        Error::NotFinite { tensor, file, element, found }
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.table.tensors.get(name).ok_or_else(|| {
            let place = self.table.not_held.get(name).unwrap_or(&self.place).clone();
            Error::MissingTensor { place, tensor: name.to_owned() }
        })
    }
}

/// Plain numbers of `WIDTH` bytes in the order of a Hugging Face checkpoint.
fn reordered<const WIDTH: usize>(bytes: &[u8], order: RowOrder, row: usize) -> Vec<u8> {
    let mut numbers = bytes.as_chunks::<WIDTH>().0.to_vec();
    order.restore(&mut numbers, row);
    numbers.into_flattened()
}
