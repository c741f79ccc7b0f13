//! Safetensors files of limited size. Tensors are written to their final positions in any order.

mod plan;

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
};

use candle_core::DType;
use serde_json::json;

use crate::model::StoredTensor;

use self::plan::{Place, Plan, Shard};
use super::super::{Error, OutputDir, awaited::Awaited, stored};

pub use plan::Announced;

/// Writes a model of known shapes to `model.safetensors`, or to `model-00001-of-0000N.safetensors` with
/// `model.safetensors.index.json`. Only the current tensor is in memory.
#[derive(Debug)]
pub struct ShardWriter {
    shards: Vec<Shard>,
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
    bytes: u64,
    awaited: Awaited<(Place, DType)>,
    /// The shard of the last tensor.
    open: Option<(usize, File)>,
    begun: Vec<bool>,
}

impl ShardWriter {
    /// Plans files of up to `limit` bytes of tensors. Each file contains consecutive tensors of `announced`,
    /// so it is opened only once if they are added in this order.
    ///
    /// # Errors
    /// If the size of a tensor does not fit the header.
    pub fn new(out: &OutputDir, announced: Vec<Announced>, limit: u64) -> Result<Self, Error> {
        let plan = Plan::new(&announced, limit).map_err(Error::write(out.target("model.safetensors")))?;
        let Plan { shards, places, bytes } = plan;
        let mut weight_map = BTreeMap::new();
        let mut awaited = Awaited::new("the output's list of tensors".into());
        for (Announced { name, dtype, shape }, place) in announced.into_iter().zip(places) {
            weight_map.insert(name.clone(), shards[place.shard].name.clone());
            awaited.announce(name, shape, (place, dtype));
        }
        let begun = vec![false; shards.len()];
        Ok(Self { shards, weight_map, bytes, awaited, open: None, begun })
    }

    /// Writes a tensor, rounded to its announced type.
    ///
    /// # Errors
    /// If the tensor was not announced or has another shape, a number is too large for the type, or the disk
    /// is full.
    pub fn add(&mut self, out: &OutputDir, tensor: &StoredTensor) -> Result<(), Error> {
        let (place, dtype) = self.awaited.take(tensor)?;
        let target = out.target(&self.shards[place.shard].name);
        let mut file = self.file(place.shard, out).map_err(Error::write(&target))?;
        file.seek(SeekFrom::Start(place.at)).map_err(Error::write(&target))?;
        stored::write_rounded(tensor, dtype, |bytes| file.write_all(bytes).map_err(Error::write(&target)))
    }

    /// Syncs the last file and writes the index.
    ///
    /// # Errors
    /// If a tensor was never added, or the disk is full.
    pub fn finish(mut self, out: &OutputDir) -> Result<(), Error> {
        if let Some((shard, file)) = self.open.take() {
            file.sync_all().map_err(Error::write(out.target(&self.shards[shard].name)))?;
        }
        self.awaited.check_complete()?;
        if self.shards.len() > 1 {
            let index = json!({ "metadata": { "total_size": self.bytes }, "weight_map": self.weight_map });
            out.write("model.safetensors.index.json", format!("{index:#}\n").as_bytes())?;
        }
        Ok(())
    }

    /// The file of a shard, created with its header and full length. A previously open file is synced first.
    fn file(&mut self, shard: usize, out: &OutputDir) -> io::Result<&File> {
        let open = match self.open.take() {
            Some((same, file)) if same == shard => file,
            other => {
                if let Some((_, file)) = other {
                    file.sync_all()?;
                }
                let Shard { name, header, length } = &self.shards[shard];
                let begun = std::mem::replace(&mut self.begun[shard], true);
                let path = out.path().join(name);
                let mut file = OpenOptions::new().write(true).create_new(!begun).open(path)?;
                if !begun {
                    file.set_len(*length)?;
                    file.write_all(header)?;
                }
                file
            }
        };
        let (_, file) = self.open.insert((shard, open));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, fs, path::Path};

    use super::*;

    fn tensor(name: &str, dtype: &str, shape: &[usize]) -> StoredTensor<'static> {
        let dtype: DType = dtype.parse().unwrap();
        let numbers = shape.iter().product::<usize>() * dtype.size_in_bytes();
        let bytes = (0..numbers).map(|i| (i % 11 + name.len()) as u8).collect();
        StoredTensor { name: name.into(), dtype, shape: shape.into(), bytes: Cow::Owned(bytes) }
    }

    fn some_tensors() -> Vec<StoredTensor<'static>> {
        vec![
            tensor("layers.10.weight", "f16", &[3, 5]),
            tensor("layers.9.norm", "f32", &[3]),
            tensor("layers.9.weight", "bf16", &[2, 2]),
            tensor("embedding", "f16", &[7, 3]),
            tensor("norm", "f32", &[1]),
        ]
    }

    fn announced(tensors: &[StoredTensor]) -> Vec<Announced> {
        let one = |tensor: &StoredTensor| Announced {
            name: tensor.name.clone(),
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
        };
        tensors.iter().map(one).collect()
    }

    fn output(dir: &Path) -> OutputDir {
        let out = OutputDir::create(&dir.join("slim"), true, None, |_| Ok::<(), Error>(())).unwrap();
        out.write("run.json", b"{}").unwrap();
        out
    }

    fn written(dir: &Path, limit: u64, order: &[usize]) -> BTreeMap<String, Vec<u8>> {
        let out = output(dir);
        let tensors = some_tensors();
        let mut shards = ShardWriter::new(&out, announced(&tensors), limit).unwrap();
        for &index in order {
            shards.add(&out, &tensors[index]).unwrap();
        }
        shards.finish(&out).unwrap();
        let entries = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        entries.map(|path| (name(&path), fs::read(path).unwrap())).collect()
    }

    #[test]
    fn a_shard_equals_the_file_written_by_the_safetensors_library() {
        let dir = tempfile::tempdir().unwrap();
        let tensors = some_tensors();
        let framework = || Some([("format".to_owned(), "pt".to_owned())].into());
        let whole = |tensors: &[StoredTensor]| {
            safetensors::serialize(tensors.iter().map(|tensor| (&tensor.name, tensor)), framework()).unwrap()
        };
        let one = written(dir.path(), 1 << 30, &[0, 1, 2, 3, 4]);
        assert_eq!(one["model.safetensors"], whole(&tensors));
        // The shards have 30, 12 and 8 bytes, and 42 and 4 bytes.
        let two = written(dir.path(), 50, &[0, 1, 2, 3, 4]);
        for (shard, range) in [0..3, 3..5].into_iter().enumerate() {
            let name = format!("model-{:05}-of-00002.safetensors", shard + 1);
            assert_eq!(two[&name], whole(&tensors[range]), "{name}");
        }
        let index: serde_json::Value = serde_json::from_slice(&two["model.safetensors.index.json"]).unwrap();
        assert_eq!(index["metadata"]["total_size"], 96);
        assert_eq!(index["weight_map"]["embedding"], "model-00002-of-00002.safetensors");
    }

    #[test]
    fn the_order_of_added_tensors_changes_no_byte() {
        let dir = tempfile::tempdir().unwrap();
        let in_order = written(dir.path(), 50, &[0, 1, 2, 3, 4]);
        assert_eq!(written(dir.path(), 50, &[4, 2, 0, 3, 1]), in_order);
    }

    #[test]
    fn a_tensor_is_in_its_file_before_the_next_one_is_added() {
        let dir = tempfile::tempdir().unwrap();
        let out = output(dir.path());
        let tensors = some_tensors();
        let mut shards = ShardWriter::new(&out, announced(&tensors), 1 << 30).unwrap();
        for tensor in &tensors {
            shards.add(&out, tensor).unwrap();
            let bytes = fs::read(out.path().join("model.safetensors")).unwrap();
            let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            assert_eq!(file.tensor(&tensor.name).unwrap().data(), &*tensor.bytes, "{}", tensor.name);
        }
    }

    #[test]
    fn unannounced_and_missing_tensors_are_reported_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let out = output(dir.path());
        let tensors = some_tensors();
        let mut shards = ShardWriter::new(&out, announced(&tensors), 1).unwrap();
        let stranger = shards.add(&out, &tensor("stranger", "f16", &[1])).unwrap_err().to_string();
        assert!(stranger.contains("stranger"), "{stranger}");
        for tensor in &tensors[1..4] {
            shards.add(&out, tensor).unwrap();
        }
        let other = shards.add(&out, &tensor("norm", "f32", &[2])).unwrap_err().to_string();
        assert!(other.contains("norm") && other.contains("[1]") && other.contains("found [2]"), "{other}");
        let missing = shards.finish(&out).unwrap_err().to_string();
        assert!(missing.contains("layers.10.weight"), "{missing}");
    }

    #[cfg(unix)]
    #[test]
    fn weight_files_have_the_permissions_of_the_other_files() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let tensors = some_tensors();
        for limit in [1, 1 << 30] {
            let out = output(dir.path());
            let mut shards = ShardWriter::new(&out, announced(&tensors), limit).unwrap();
            for tensor in &tensors {
                shards.add(&out, tensor).unwrap();
            }
            shards.finish(&out).unwrap();
            let target = out.publish().unwrap().path;
            let mode = |name: &str| fs::metadata(target.join(name)).unwrap().permissions().mode();
            for file in fs::read_dir(&target).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                assert_eq!(mode(&name), mode("run.json"), "{name}");
            }
        }
    }
}
