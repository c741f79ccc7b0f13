//! The tensors of a checkpoint, read from safetensors files by memory map.

use std::{collections::BTreeMap, ops::Range, path::Path};

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::{Error, Result, Source, rounding};

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
enum Bytes {
    Mapped(memmap2::Mmap),
    Embedded(&'static [u8]),
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

    fn read(&self, name: &str, shape: &[usize], device: &Device, dtype: DType) -> Result<Tensor> {
        self.check(name, shape)?;
        let raw = self.raw(name)?;
        if let Some((element, found)) = rounding::first_unrepresentable(raw.dtype, raw.data, dtype) {
            let tensor = name.to_owned();
            return Err(if found.is_finite() {
                Error::TooLarge { tensor, element, found, dtype: dtype.as_str().to_owned() }
            } else {
                let file = self.files[self.entry(name)?.file].label.clone();
                Error::NotFinite { tensor, file, element, found }
            });
        }
        Ok(Tensor::from_raw_buffer(raw.data, raw.dtype, shape, device)?.to_dtype(dtype)?)
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
            Source::Directory(directory) => Bytes::map(&directory.join(file), source, file)?,
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

impl Bytes {
    fn map(path: &Path, source: &Source, name: &str) -> Result<Self> {
        let unreadable = |cause: std::io::Error| match cause.kind() {
            std::io::ErrorKind::NotFound if name == WHOLE => no_weights(source),
            _ => Error::Read { file: path.display().to_string(), cause },
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        // SAFETY: the map is read-only and lives as long as every slice of it. Another process that shortens the file
        // meanwhile could still make a read fail with a signal; no checkpoint reader that maps files can prevent that.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(unreadable)?;
        Ok(Self::Mapped(map))
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Embedded(bytes) => bytes,
        }
    }
}

fn no_weights(source: &Source) -> Error {
    let advice =
        "copy or download the weights in safetensors form (pickled .bin and .gguf files are not read)";
    Error::Missing { place: source.to_string(), file: WHOLE.to_owned(), advice }
}
