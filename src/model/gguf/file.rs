//! An open GGUF file: its shards, its header, and the Hugging Face files made from its metadata.

use std::{
    borrow::Cow,
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::{
    super::{Error, Result, bytes::Bytes},
    chat, config,
    keys::Keys,
    special, tokenizer,
};
use crate::gguf::{Header, Item, TensorInfo};

/// A GGUF file, or the shards of one, memory-mapped. A clone shares the map.
#[derive(Clone)]
pub struct GgufFile {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    shards: Vec<Shard>,
    config: String,
    /// `tokenizer.json`, made on demand because that takes long.
    tokenizer: OnceLock<String>,
}

/// One file of the model; most models have one.
pub struct Shard {
    pub path: PathBuf,
    pub bytes: Arc<Bytes>,
    pub header: Header,
}

/// The files made from the metadata.
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const GENERATION_CONFIG: &str = "generation_config.json";
const CARD: &str = "README.md";

impl GgufFile {
    /// Maps the file, and the other shards if it is the first of several, and reads the headers.
    ///
    /// # Errors
    /// If the file is missing, truncated or damaged, or an architecture or option is not supported.
    pub fn open(path: &Path) -> Result<Self> {
        let first = Shard::open(path)?;
        let mut shards = vec![first];
        for other in other_shards(path, &shards[0])? {
            shards.push(Shard::open(&other)?);
        }
        let keys = shards[0].keys();
        let tensors: Vec<&TensorInfo> = shards.iter().flat_map(|shard| &shard.header.tensors).collect();
        let rope_factors = |name: &str| shards.iter().find_map(|shard| shard.floats(name));
        let config = format!("{:#}\n", config::config(&keys, &tensors, &rope_factors)?);
        let shared = Shared { path: path.to_owned(), shards, config, tokenizer: OnceLock::new() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The path used to open it.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The files on disk, in order: one, or the shards. The names returned here do not depend on the name of the file.
    pub fn stored_files(&self) -> Vec<(String, &Path)> {
        let shards = &self.shared.shards;
        let name = |index: usize| match shards.len() {
            1 => "model.gguf".to_owned(),
            count => format!("model-{:05}-of-{count:05}.gguf", index + 1),
        };
        shards.iter().enumerate().map(|(index, shard)| (name(index), shard.path.as_path())).collect()
    }

    /// The name without the ending and the number of the shard.
    pub fn name(&self) -> String {
        let stem = self.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        split_shard_name(&stem).map_or(stem.clone(), |(name, ..)| name.to_owned())
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shared.shards
    }

    pub(super) fn keys(&self) -> Keys<'_> {
        self.shared.shards[0].keys()
    }

    /// The names of the files made from the metadata, sorted.
    pub fn files(&self) -> Vec<&'static str> {
        let mut files = vec![CONFIG];
        if self.has_tokenizer() {
            files.extend([GENERATION_CONFIG, TOKENIZER, TOKENIZER_CONFIG]);
        }
        if special::licence(&self.keys()).is_some() {
            files.push(CARD);
        }
        files.sort_unstable();
        files
    }

    fn has_tokenizer(&self) -> bool {
        self.keys().get("tokenizer.ggml.tokens").is_some()
    }

    /// The content of one of [`GgufFile::files`]; None for another name.
    ///
    /// # Errors
    /// If metadata is damaged or has no equivalent.
    pub fn read(&self, file: &str) -> Result<Option<Cow<'static, [u8]>>> {
        if !self.files().contains(&file) {
            return Ok(None);
        }
        let keys = self.keys();
        let text = match file {
            CONFIG => self.shared.config.clone(),
            TOKENIZER => self.tokenizer()?.to_owned(),
            TOKENIZER_CONFIG => {
                let mut settings = special::tokenizer_config(&keys)?;
                chat::put_templates(&keys, &mut settings)?;
                format!("{settings:#}\n")
            }
            GENERATION_CONFIG => format!("{:#}\n", special::generation_config(&keys)?),
            CARD => special::licence(&keys).unwrap_or_default(),
            _ => return Ok(None),
        };
        Ok(Some(Cow::Owned(text.into_bytes())))
    }

    fn tokenizer(&self) -> Result<&str> {
        if self.shared.tokenizer.get().is_none() {
            let made = tokenizer::tokenizer(&self.keys())?.to_string();
            return Ok(self.shared.tokenizer.get_or_init(|| made));
        }
        Ok(self.shared.tokenizer.get().map(String::as_str).unwrap_or_default())
    }
}

impl fmt::Debug for GgufFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GgufFile").field(&self.shared.path).finish()
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self> {
        let label = path.display().to_string();
        let bytes = Bytes::map(path).map_err(|cause| Error::Read { file: label.clone(), cause })?;
        let header = Header::read(bytes.as_slice())
            .map_err(|cause| Error::Damaged { file: label, cause: cause.to_string() })?;
        Ok(Self { path: path.to_owned(), bytes: Arc::new(bytes), header })
    }

    pub fn keys(&self) -> Keys<'_> {
        Keys { label: self.path.display().to_string(), header: &self.header, file: self.bytes.as_slice() }
    }

    /// The numbers of an F32 vector, if the file has such a tensor.
    fn floats(&self, name: &str) -> Option<Vec<f32>> {
        let tensor = self.header.tensors.iter().find(|tensor| tensor.name == name)?;
        let is_f32 = tensor.kind == Ok(crate::gguf::TensorType::F32);
        let bytes = is_f32.then(|| &self.bytes.as_slice()[tensor.bytes.clone()])?;
        Some(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}

/// The paths of the other shards; none for a model in one file.
fn other_shards(path: &Path, first: &Shard) -> Result<Vec<PathBuf>> {
    let keys = first.keys();
    let number = |key: &str| match keys.get(key) {
        Some(Item::Unsigned(number)) => usize::try_from(number).unwrap_or(usize::MAX),
        Some(_) | None => 0,
    };
    let (count, place) = (number("split.count"), number("split.no"));
    if count < 2 {
        return Ok(Vec::new());
    }
    let label = path.display().to_string();
    if place != 0 {
        return Err(Error::NotFirstShard { file: label, number: place + 1, count });
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let damaged = |cause: &str| Error::Damaged { file: label.clone(), cause: cause.to_owned() };
    let Some((name, 1, of)) = split_shard_name(&stem) else {
        return Err(damaged(
            "it is the first of several shards, but its name does not end in -00001-of-NNNNN.gguf",
        ));
    };
    if of != count {
        return Err(damaged("the number of shards in its name differs from that in its metadata"));
    }
    let paths =
        (2..=count).map(|number| path.with_file_name(format!("{name}-{number:05}-of-{count:05}.gguf")));
    let mut shards = Vec::new();
    for shard in paths {
        if !fs::exists(&shard).unwrap_or(false) {
            return Err(Error::MissingGgufShard { file: label, shard: shard.display().to_string() });
        }
        shards.push(shard);
    }
    Ok(shards)
}

/// "model-00001-of-00003" → ("model", 1, 3).
fn split_shard_name(stem: &str) -> Option<(&str, usize, usize)> {
    let (rest, of) = stem.rsplit_once("-of-")?;
    let (name, number) = rest.rsplit_once('-')?;
    let five = |digits: &str| digits.len() == 5 && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !five(of) || !five(number) {
        return None;
    }
    Some((name, number.parse().ok()?, of.parse().ok()?))
}
