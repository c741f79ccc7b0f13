//! The tensors of a checkpoint, read from memory-mapped safetensors files.

use std::{collections::BTreeMap, ops::Range, path::Path};

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::{
    Error, Result, Source,
    bytes::Bytes,
    reading::{self, Unreadable},
};

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// All tensors of a checkpoint, in one or more files. Bytes are read from disk when a tensor is requested.
#[derive(Debug)]
pub struct Weights {
    place: String,
    files: Vec<File>,
    tensors: BTreeMap<String, Entry>,
}

/// One tensor as stored.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// F32, F16 or BF16.
    pub dtype: DType,
    /// Its shape.
    pub shape: &'a [usize],
    /// Little-endian numbers, row-major.
    pub data: &'a [u8],
}

#[derive(Debug)]
struct File {
    /// Its name in error messages.
    label: String,
    bytes: Bytes,
}

#[derive(Debug)]
struct Entry {
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Range<usize>,
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
    /// Reads and checks the headers of `model.safetensors`, or of the shards listed in
    /// `model.safetensors.index.json`.
    ///
    /// # Errors
    /// If a file is missing, truncated or damaged, a shard is missing, or a shard lacks one of its tensors.
    pub fn open(source: &Source) -> Result<Self> {
        let mut weights = Self { place: source.to_string(), files: Vec::new(), tensors: BTreeMap::new() };
        if source.has(WHOLE) || !source.has(INDEX) {
            weights.tensors = weights.add_file(source, WHOLE)?;
        } else {
            weights.add_shards(source)?;
        }
        Ok(weights)
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor's stored bytes.
    ///
    /// # Errors
    /// If the tensor is missing, or is not F32, F16 or BF16.
    pub fn raw(&self, name: &str) -> Result<Raw<'_>> {
        let entry = self.entry(name)?;
        let dtype = self.storage_dtype(name)?;
        let data = &self.files[entry.file].bytes.as_slice()[entry.bytes.clone()];
        Ok(Raw { dtype, shape: &entry.shape, data })
    }

    /// The stored type of a tensor: F32, F16 or BF16.
    ///
    /// # Errors
    /// If the tensor is missing or has another type.
    pub fn storage_dtype(&self, name: &str) -> Result<DType> {
        let entry = self.entry(name)?;
        match entry.dtype {
            Dtype::F32 => Ok(DType::F32),
            Dtype::F16 => Ok(DType::F16),
            Dtype::BF16 => Ok(DType::BF16),
            other => Err(Error::StorageType {
                tensor: name.to_owned(),
                file: self.files[entry.file].label.clone(),
                found: format!("{other:?}"),
            }),
        }
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
                file: self.files[entry.file].label.clone(),
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
        let raw = self.raw(name)?;
        let columns = raw.shape[1..].iter().product::<usize>();
        let row_bytes = columns * raw.dtype.size_in_bytes();
        let row = |row: &u32| &raw.data[*row as usize * row_bytes..][..row_bytes];
        let gathered: Vec<u8> = rows.iter().flat_map(row).copied().collect();
        self.files[entry.file].bytes.release(entry.bytes.clone());
        let shape = [rows.len(), columns];
        reading::tensor((raw.dtype, &gathered), &shape, (device, dtype), &|_| ()).map_err(|cause| {
            let at = |element: usize| rows[element / columns] as usize * columns + element % columns;
            self.unreadable(name, cause, at, dtype)
        })
    }

    /// Releases the memory of these tensors' bytes that were read. Another request reads them again.
    pub fn release<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        for entry in names.into_iter().filter_map(|name| self.tensors.get(name)) {
            self.files[entry.file].bytes.release(entry.bytes.clone());
        }
    }

    fn read(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor> {
        self.check(name, shape)?;
        let entry = self.entry(name)?;
        let raw = self.raw(name)?;
        let bytes = &self.files[entry.file].bytes;
        let read = |stretch: Range<usize>| {
            let start = entry.bytes.start;
            bytes.release(start + stretch.start..start + stretch.end);
        };
        reading::tensor((raw.dtype, raw.data), shape, (device, dtype), &read)
            .map_err(|cause| self.unreadable(name, cause, |element| element, dtype))
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
        let file = self.entry(name).map(|entry| self.files[entry.file].label.clone()).unwrap_or_default();
        Error::NotFinite { tensor, file, element, found }
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.tensors
            .get(name)
            .ok_or_else(|| Error::MissingTensor { place: self.place.clone(), tensor: name.to_owned() })
    }

    fn add_shards(&mut self, source: &Source) -> Result<()> {
        let index = source.locate(INDEX);
        let not_an_index = |cause: &str| Error::Index { index: index.clone(), cause: cause.to_owned() };
        let content = source.read(INDEX, "copy or download it")?;
        let json: serde_json::Value = serde_json::from_slice(&content)
            .map_err(|cause| Error::NotJson { file: index.clone(), cause })?;
        let map = json.get("weight_map").and_then(serde_json::Value::as_object);
        let map = map.ok_or_else(|| not_an_index("it has no \"weight_map\" object"))?;

        let mut shards: BTreeMap<&str, BTreeMap<String, Entry>> = BTreeMap::new();
        for (tensor, shard) in map {
            let shard = shard.as_str().ok_or_else(|| not_an_index("a shard's name is not a string"))?;
            if Path::new(shard).file_name().is_none_or(|name| name != shard) {
                return Err(not_an_index("a shard's name is not a plain file name"));
            }
            if !shards.contains_key(shard) {
                if !source.has(shard) {
                    return Err(Error::MissingShard {
                        index: index.clone(),
                        tensor: tensor.clone(),
                        shard: shard.to_owned(),
                        place: source.to_string(),
                    });
                }
                shards.insert(shard, self.add_file(source, shard)?);
            }
            let held = shards.get_mut(shard).and_then(|tensors| tensors.remove(tensor));
            let missing = || Error::MissingTensor { place: source.locate(shard), tensor: tensor.clone() };
            self.tensors.insert(tensor.clone(), held.ok_or_else(missing)?);
        }
        Ok(())
    }

    fn add_file(&mut self, source: &Source, file: &str) -> Result<BTreeMap<String, Entry>> {
        let label = source.locate(file);
        let bytes = match source {
            Source::Directory(directory) => {
                let path = directory.join(file);
                Bytes::map(&path).map_err(|cause| match cause.kind() {
                    std::io::ErrorKind::NotFound if file == WHOLE => no_weights(source),
                    _ => Error::Read { file: path.display().to_string(), cause },
                })?
            }
            Source::Embedded(files) => match files.iter().find(|(name, _)| *name == file) {
                Some((_, content)) => Bytes::Embedded(content),
                None => return Err(no_weights(source)),
            },
        };
        let damaged = |cause: safetensors::SafeTensorError| {
            let cause = match cause {
                safetensors::SafeTensorError::MetadataIncompleteBuffer => {
                    format!("its {} bytes do not match the length in its header", bytes.as_slice().len())
                }
                other => other.to_string(),
            };
            Error::Damaged { file: label.clone(), cause }
        };
        let (header, metadata) = SafeTensors::read_metadata(bytes.as_slice()).map_err(damaged)?;
        // The header follows its length of eight bytes.
        let start = header + 8;
        let number = self.files.len();
        let entry = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
            let bytes = start + info.data_offsets.0..start + info.data_offsets.1;
            (name, Entry { file: number, dtype: info.dtype, shape: info.shape.clone(), bytes })
        };
        let tensors = metadata.tensors().into_iter().map(entry).collect();
        self.files.push(File { label, bytes });
        Ok(tensors)
    }
}

fn no_weights(source: &Source) -> Error {
    let advice =
        "copy or download the weights in safetensors form (pickled .bin and .gguf files are not read)";
    Error::Missing { place: source.to_string(), file: WHOLE.to_owned(), advice }
}
