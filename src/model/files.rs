//! The table of tensors in safetensors or pickled files: one file, or the shards listed by an index.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use safetensors::{Dtype, SafeTensors};

use super::{
    Error, Result, Source,
    bytes::Bytes,
    encoding::{Encoding, RowOrder},
    pickled,
    weights::{Entry, File, Table},
};

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const PICKLED: &str = "pytorch_model.bin";
const PICKLED_INDEX: &str = "pytorch_model.bin.index.json";

/// Reads and checks the headers of `model.safetensors`, or of the shards listed in `model.safetensors.index.json`, otherwise of
/// `pytorch_model.bin` or its shards.
///
/// # Errors
/// As [`Weights::open`](super::Weights::open).
pub fn table(source: &Source) -> Result<Table> {
    let mut table = Table::default();
    match [WHOLE, INDEX, PICKLED, PICKLED_INDEX].into_iter().find(|file| source.has(file)) {
        Some(INDEX) => add_shards(&mut table, source, (INDEX, add_file))?,
        Some(PICKLED_INDEX) => add_shards(&mut table, source, (PICKLED_INDEX, add_pickled))?,
        Some(PICKLED) => table.tensors = add_pickled(&mut table, source, PICKLED)?,
        Some(_) | None => table.tensors = add_file(&mut table, source, WHOLE)?,
    }
    Ok(table)
}

/// The encoding, or the name of an unsupported one.
fn encoding(dtype: Dtype) -> std::result::Result<Encoding, String> {
    match dtype {
        Dtype::F32 => Ok(Encoding::F32),
        Dtype::F16 => Ok(Encoding::F16),
        Dtype::BF16 => Ok(Encoding::BF16),
        other => Err(format!("{other:?}")),
    }
}

/// Adds a file to the table. Returns its entries.
type Add = fn(&mut Table, &Source, &str) -> Result<BTreeMap<String, Entry>>;

fn add_shards(table: &mut Table, source: &Source, (name, add): (&str, Add)) -> Result<()> {
    let index = source.locate(name);
    let not_an_index = |cause: &str| Error::Index { index: index.clone(), cause: cause.to_owned() };
    let content = source.read(name, "copy or download it")?;
    let json: serde_json::Value =
        serde_json::from_slice(&content).map_err(|cause| Error::NotJson { file: index.clone(), cause })?;
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
            shards.insert(shard, add(table, source, shard)?);
        }
        match shards.get_mut(shard).and_then(|tensors| tensors.remove(tensor)) {
            Some(held) => drop(table.tensors.insert(tensor.clone(), held)),
            // No error unless the tensor is needed.
            None => drop(table.not_held.insert(tensor.clone(), source.locate(shard))),
        }
    }
    Ok(())
}

fn add_pickled(table: &mut Table, source: &Source, file: &str) -> Result<BTreeMap<String, Entry>> {
    let label = source.locate(file);
    let Source::Directory(directory) = source else { return Err(no_weights(source)) };
    let path = directory.join(file);
    let bytes = Bytes::map(&path).map_err(|cause| Error::Read { file: label.clone(), cause })?;
    source.refuse_pointer(file, bytes.as_slice())?;
    let damaged = |cause: String| Error::Damaged { file: label.clone(), cause };
    let number = table.files.len();
    let entry = |pickled::Pickled { name, encoding, shape, bytes: place }: pickled::Pickled| {
        (name, Entry { file: number, encoding, order: RowOrder::Same, shape, bytes: place, part: None })
    };
    let tensors = pickled::tensors(bytes.as_slice()).map_err(damaged)?.into_iter().map(entry).collect();
    table.files.push(File { label, bytes: Arc::new(bytes) });
    Ok(tensors)
}

fn add_file(table: &mut Table, source: &Source, file: &str) -> Result<BTreeMap<String, Entry>> {
    let label = source.locate(file);
    let bytes = match source {
        Source::Directory(directory) => {
            let path = directory.join(file);
            Bytes::map(&path).map_err(|cause| match cause.kind() {
                std::io::ErrorKind::NotFound if file == WHOLE => no_weights(source),
                _ => Error::Read { file: path.display().to_string(), cause },
            })?
        }
        Source::Gguf(_) => return Err(no_weights(source)),
        Source::Embedded(files) => match files.iter().find(|(name, _)| *name == file) {
            Some((_, content)) => Bytes::Embedded(content),
            None => return Err(no_weights(source)),
        },
    };
    source.refuse_pointer(file, bytes.as_slice())?;
    let damaged = |cause: safetensors::SafeTensorError| {
        let cause = match cause {
            safetensors::SafeTensorError::MetadataIncompleteBuffer => {
                format!(
                    "its {} bytes do not match the length that its header describes",
                    bytes.as_slice().len()
                )
            }
            other => other.to_string(),
        };
        Error::Damaged { file: label.clone(), cause }
    };
    let (header, metadata) = SafeTensors::read_metadata(bytes.as_slice()).map_err(damaged)?;
    // The header follows its length, eight bytes.
    let start = header + 8;
    let number = table.files.len();
    let entry = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let bytes = start + info.data_offsets.0..start + info.data_offsets.1;
        let encoding = encoding(info.dtype);
        (
            name,
            Entry {
                file: number,
                encoding,
                order: RowOrder::Same,
                shape: info.shape.clone(),
                bytes,
                part: None,
            },
        )
    };
    let tensors = metadata.tensors().into_iter().map(entry).collect();
    table.files.push(File { label, bytes: Arc::new(bytes) });
    Ok(tensors)
}

fn no_weights(source: &Source) -> Error {
    let advice = "copy or download the weights, as safetensors or as pytorch_model.bin";
    Error::Missing { place: source.to_string(), file: WHOLE.to_owned(), advice }
}
