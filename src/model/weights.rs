//! The tensors of a checkpoint, read from safetensors files by memory map.

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

/// All tensors of a checkpoint, in one file or several; bytes are read from disk when a tensor is asked for.
#[derive(Debug)]
pub struct Weights {
    place: String,
    files: Vec<File>,
    tensors: BTreeMap<String, Entry>,
}

/// One tensor as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// F32, F16 or BF16.
    pub dtype: DType,
    pub shape: &'a [usize],
    /// Little-endian numbers, row by row.
    pub data: &'a [u8],
}

#[derive(Debug)]
struct File {
    /// How errors name it.
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

/// Tensors by the names of a Hugging Face checkpoint, whatever file they lie in.
pub trait Tensors {
    /// The tensor of this shape, in the given type on the given device.
    ///
    /// # Errors
    /// A missing tensor, a wrong shape, a number that is not finite or too large for `dtype`.
    fn tensor(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor>;
}

impl Tensors for Weights {
    fn tensor(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor> {
        self.read(name, shape, device, dtype)
    }
}

impl Weights {
    /// Reads and checks the headers of `model.safetensors`, or of the shards that
    /// `model.safetensors.index.json` names.
    ///
    /// # Errors
    /// No such file, a truncated or damaged one, a missing shard, a tensor that its shard does not hold.
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

    /// A tensor's bytes as they are stored.
    ///
    /// # Errors
    /// A missing tensor, or one that is not F32, F16 or BF16.
    pub fn raw(&self, name: &str) -> Result<Raw<'_>> {
        let entry = self.entry(name)?;
        let dtype = self.storage_dtype(name)?;
        let data = &self.files[entry.file].bytes.as_slice()[entry.bytes.clone()];
        Ok(Raw { dtype, shape: &entry.shape, data })
    }

    /// F32, F16 or BF16: how the tensor is stored.
    ///
    /// # Errors
    /// A missing tensor, or one that is none of these.
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

    /// That the tensor is there with this shape and a supported type; reads no weights.
    ///
    /// # Errors
    /// What is wrong, with the tensor's name and its file.
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

    /// Rows of a matrix, one after the other, in the given type on the given device; no other rows are read.
    ///
    /// # Errors
    /// As [`Tensors::tensor`], of what these rows hold.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn rows(&self, name: &str, rows: &[u32], device: &Device, dtype: DType) -> Result<Tensor> {
        let entry = self.entry(name)?;
        let raw = self.raw(name)?;
        let columns = raw.shape[1..].iter().product::<usize>();
        let row_bytes = columns * raw.dtype.size_in_bytes();
        let row = |row: &u32| &raw.data[*row as usize * row_bytes..][..row_bytes];
        let gathered: Vec<u8> = rows.iter().flat_map(row).copied().collect();
        self.files[entry.file].bytes.give_back(entry.bytes.clone());
        let shape = [rows.len(), columns];
        reading::tensor((raw.dtype, &gathered), &shape, (device, dtype), &|_| ()).map_err(|cause| {
            let at = |element: usize| rows[element / columns] as usize * columns + element % columns;
            self.unreadable(name, cause, at, dtype)
        })
    }

    /// Memory that the bytes of these tensors took when they were read is free again; they are read anew when they are
    /// asked for.
    pub fn give_back<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        for entry in names.into_iter().filter_map(|name| self.tensors.get(name)) {
            self.files[entry.file].bytes.give_back(entry.bytes.clone());
        }
    }

    fn read(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor> {
        self.check(name, shape)?;
        let entry = self.entry(name)?;
        let raw = self.raw(name)?;
        let bytes = &self.files[entry.file].bytes;
        let read = |stretch: Range<usize>| {
            let start = entry.bytes.start;
            bytes.give_back(start + stretch.start..start + stretch.end);
        };
        reading::tensor((raw.dtype, raw.data), shape, (device, dtype), &read)
            .map_err(|cause| self.unreadable(name, cause, |element| element, dtype))
    }

    /// The error of a tensor; `at` tells where in it an element stands that was read.
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
                    format!("its {} bytes are not as many as its header describes", bytes.as_slice().len())
                }
                other => other.to_string(),
            };
            Error::Damaged { file: label.clone(), cause }
        };
        let (header, metadata) = SafeTensors::read_metadata(bytes.as_slice()).map_err(damaged)?;
        // The header itself is preceded by its length, eight bytes.
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
