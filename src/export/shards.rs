//! Safetensors files of bounded size, written as the blocks come.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::model::StoredTensor;

use super::{Error, OutputDir};

/// Collects tensors and writes a shard whenever enough are there. Names of Hugging Face: `model.safetensors`, or
/// `model-00001-of-0000N.safetensors` with `model.safetensors.index.json`.
pub struct ShardWriter<'c> {
    /// Bytes of one shard: what is held in memory until it is full.
    limit: u64,
    held: Vec<StoredTensor<'c>>,
    held_bytes: usize,
    total_bytes: usize,
    /// Temporary name and tensor names of each shard that is on disk.
    shards: Vec<(PathBuf, Vec<String>)>,
}

impl<'c> ShardWriter<'c> {
    pub fn with_limit(limit: u64) -> Self {
        Self { limit, held: Vec::new(), held_bytes: 0, total_bytes: 0, shards: Vec::new() }
    }

    pub fn add(&mut self, out: &OutputDir, tensors: Vec<StoredTensor<'c>>) -> Result<(), Error> {
        for tensor in tensors {
            let bytes = tensor.bytes.len();
            if (self.held_bytes + bytes) as u64 > self.limit && !self.held.is_empty() {
                self.flush(out)?;
            }
            self.held_bytes += bytes;
            self.total_bytes += bytes;
            self.held.push(tensor);
        }
        Ok(())
    }

    /// Writes what is held, gives the shards their names and writes the index.
    pub fn finish(mut self, out: &OutputDir) -> Result<(), Error> {
        self.flush(out)?;
        let count = self.shards.len();
        let mut weight_map = serde_json::Map::new();
        for (index, (path, tensors)) in self.shards.into_iter().enumerate() {
            let name = match count {
                1 => "model.safetensors".to_string(),
                _ => format!("model-{:05}-of-{count:05}.safetensors", index + 1),
            };
            fs::rename(&path, out.path().join(&name)).map_err(Error::write(out.target(&name)))?;
            weight_map.extend(tensors.into_iter().map(|tensor| (tensor, Value::from(name.as_str()))));
        }
        if count > 1 {
            weight_map.sort_keys();
            let index = json!({ "metadata": { "total_size": self.total_bytes }, "weight_map": weight_map });
            out.write("model.safetensors.index.json", format!("{index:#}\n").as_bytes())?;
        }
        Ok(())
    }

    fn flush(&mut self, out: &OutputDir) -> Result<(), Error> {
        let name = format!("shard-{}.partial", self.shards.len());
        let path = out.path().join(&name);
        let fail =
            |cause: String| Error::Write { path: out.target(&name), cause: std::io::Error::other(cause) };
        let tensors = self.held.iter().map(|tensor| (tensor.name.as_str(), tensor));
        // Some loaders refuse a file that does not name its framework.
        let metadata = [("format".to_string(), "pt".to_string())].into();
        // It goes by way of a temporary file, which is its owner's alone; a file made plainly says what others may do.
        let made = fs::File::create(&path).and_then(|file| file.metadata());
        let permissions = made.map_err(Error::write(out.target(&name)))?.permissions();
        safetensors::serialize_to_file(tensors, Some(metadata), &path).map_err(|e| fail(e.to_string()))?;
        let finish = || {
            let file = fs::File::open(&path)?;
            file.set_permissions(permissions)?;
            file.sync_all()
        };
        finish().map_err(Error::write(out.target(&name)))?;
        self.shards.push((path, self.held.drain(..).map(|t| t.name).collect()));
        self.held_bytes = 0;
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{borrow::Cow, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn weights_may_be_read_by_whoever_may_read_their_neighbours() {
        let dir = tempfile::tempdir().unwrap();
        for limit in [1, 1 << 30] {
            let out =
                OutputDir::create(&dir.path().join("slim"), true, None, |_| Ok::<(), Error>(())).unwrap();
            out.write("run.json", b"{}").unwrap();
            let tensor = |name: &str| StoredTensor {
                name: name.into(),
                dtype: "f32".parse().unwrap(),
                shape: vec![1],
                bytes: Cow::Borrowed(&[0; 4]),
            };
            let mut shards = ShardWriter::with_limit(limit);
            shards.add(&out, vec![tensor("a"), tensor("b")]).unwrap();
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
