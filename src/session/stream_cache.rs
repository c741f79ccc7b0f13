//! Cache of layer inputs on disk. It saves a retry the passes through the layers above. Its files may be removed at
//! any time.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};

use super::{
    FORMAT,
    envelope::{checksum, hex},
    names,
    tensor_file::{self, Header, TensorView},
    whole_file::{Durability, write_whole},
};

/// A tensor of a stream: row-major, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub name: String,
    /// Number type as spelled in safetensors.
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// The files of one session, up to a limit.
#[derive(Debug)]
pub struct StreamCache {
    dir: PathBuf,
    /// Maximum total size of the files in bytes.
    limit: u64,
    /// Files by time of last use, the most recent last.
    files: Vec<CachedFile>,
}

#[derive(Debug)]
struct CachedFile {
    key: String,
    path: PathBuf,
    bytes: u64,
}

const KEY_FORMAT: &str = "slimgpt_format";
const KEY: &str = "key";
const KEY_CHECKSUM: &str = "key_sha256";
const DATA_CHECKSUM: &str = "data_sha256";

impl StreamCache {
    pub(super) fn open(dir: &Path, limit: u64) -> Self {
        let mut found: Vec<(SystemTime, CachedFile)> = Vec::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if !names::Directory::Streams.owns(&entry.file_name().to_string_lossy()) {
                continue;
            }
            match known(&path) {
                Ok((used, file)) => found.push((used, file)),
                Err(_) => remove(&path),
            }
        }
        found.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.path.cmp(&other.path)));
        let files = found.into_iter().map(|(_, file)| file).collect();
        let mut cache = Self { dir: dir.into(), limit, files };
        cache.evict(limit);
        cache
    }

    /// Maximum total size of the files in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Keys of the files, the least recently used first.
    pub fn keys(&self) -> Vec<String> {
        self.files.iter().map(|file| file.key.clone()).collect()
    }

    /// Stores tensors. Replaces those with the same key, and removes the least recently used files that
    /// exceed the limit. Returns false if the tensors alone exceed the limit or cannot be written.
    pub fn put(&mut self, key: &str, tensors: &[Tensor]) -> bool {
        let bytes: u64 = tensors.iter().map(|tensor| tensor.bytes.len() as u64).sum();
        self.forget(key);
        // The size of the header is known only after writing.
        if bytes > self.limit {
            return false;
        }
        self.evict(self.limit - bytes);
        let path = self.dir.join(file_name(key));
        match write(&path, key, tensors) {
            Ok(bytes) if bytes <= self.limit => {
                self.evict(self.limit - bytes);
                self.files.push(CachedFile { key: key.into(), path, bytes });
                true
            }
            Ok(_) | Err(_) => {
                remove(&path);
                false
            }
        }
    }

    /// The stored tensors in their order; None if there are none or they are damaged.
    pub fn get(&mut self, key: &str) -> Option<Vec<Tensor>> {
        let at = self.files.iter().position(|file| file.key == key)?;
        let file = self.files.remove(at);
        match read(&file.path, key) {
            Ok(tensors) => {
                self.files.push(file);
                Some(tensors)
            }
            Err(_) => {
                remove(&file.path);
                None
            }
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(at) = self.files.iter().position(|file| file.key == key) {
            remove(&self.files.remove(at).path);
        }
    }

    /// Removes the least recently used files until the rest has at most `room` bytes.
    fn evict(&mut self, room: u64) {
        let mut bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        while bytes > room && !self.files.is_empty() {
            let file = self.files.remove(0);
            bytes -= file.bytes;
            remove(&file.path);
        }
    }
}

/// Removes all files. Returns false if there were none. An open cache notices the removal in `get`.
pub(super) fn clear(dir: &Path) -> bool {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let own = |entry: &fs::DirEntry| names::Directory::Streams.owns(&entry.file_name().to_string_lossy());
    entries.filter(own).filter(|entry| fs::remove_file(entry.path()).is_ok()).count() > 0
}

/// Removes a file. If that fails, the next opening finds the file again.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

fn file_name(key: &str) -> String {
    const BYTES: usize = 16;
    names::stream(&hex(&Sha256::digest(key)[..BYTES]))
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Writes a file and returns its length.
fn write(path: &Path, key: &str, tensors: &[Tensor]) -> io::Result<u64> {
    let (format, of_key, of_data) = (FORMAT.to_string(), checksum(FORMAT, key), data_checksum(tensors));
    let metadata = BTreeMap::from([
        (KEY_FORMAT, format.as_str()),
        (KEY, key),
        (KEY_CHECKSUM, of_key.as_str()),
        (DATA_CHECKSUM, of_data.as_str()),
    ]);
    let views =
        tensors.iter().map(|Tensor { name, dtype, shape, bytes }| TensorView { name, dtype, shape, bytes });
    let views: Vec<TensorView<'_>> = views.collect();
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    write_whole(path, Durability::Disposable, |file| tensor_file::write(file, &metadata, &views))
        .map_err(|_| damaged())?;
    Ok(fs::metadata(path)?.len())
}

/// SHA-256 of the name, number type, shape and bytes of every tensor.
fn data_checksum(tensors: &[Tensor]) -> String {
    let mut hash = Sha256::new();
    for Tensor { name, dtype, shape, bytes } in tensors {
        hash.update(format!("{name:?} {dtype:?} {shape:?}\n"));
        hash.update(bytes);
    }
    hex(hash.finalize())
}

/// The time of last use of a file, and its key. Its tensors are not read.
fn known(path: &Path) -> io::Result<(SystemTime, CachedFile)> {
    let mut file = File::open(path)?;
    let header = tensor_file::read_header(&mut file)?.map_err(|_| damaged())?;
    let key =
        key_of(&header).filter(|key| path.file_name().is_some_and(|name| name == file_name(key).as_str()));
    let key = key.ok_or_else(damaged)?.to_owned();
    let metadata = file.metadata()?;
    Ok((metadata.modified()?, CachedFile { key, path: path.into(), bytes: metadata.len() }))
}

/// The key of a file; None for another format or a damaged key.
fn key_of(header: &Header) -> Option<&str> {
    let value = |key: &str| header.metadata.get(key);
    let key = value(KEY)?;
    (*value(KEY_FORMAT)? == FORMAT.to_string() && *value(KEY_CHECKSUM)? == checksum(FORMAT, key))
        .then_some(key.as_str())
}

fn read(path: &Path, key: &str) -> io::Result<Vec<Tensor>> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let header = tensor_file::read_header(&mut file)?.map_err(|_| damaged())?;
    if key_of(&header) != Some(key) {
        return Err(damaged());
    }
    let mut tensors = Vec::with_capacity(header.tensors.len());
    for stated in &header.tensors {
        let bytes = tensor_file::read_bytes(&mut file, stated)?;
        let (name, dtype, shape) = (stated.name.clone(), stated.dtype.clone(), stated.shape.clone());
        tensors.push(Tensor { name, dtype, shape, bytes });
    }
    if header.metadata.get(DATA_CHECKSUM) != Some(&data_checksum(&tensors)) {
        return Err(damaged());
    }
    // Saves the order of use for later processes. If that fails, the file is merely evicted earlier.
    let _ = file.set_modified(SystemTime::now());
    Ok(tensors)
}
