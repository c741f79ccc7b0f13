//! A GGUF file on its way to the disk: everything's place is known before the first tensor comes.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::PathBuf,
};

use crate::{
    config::GgufType,
    model::{self, Architecture, Checkpoint, RopeScaling, RopeSettings, Slot, StoredTensor, frequencies},
};

use super::{
    super::{Error, OutputDir, stored},
    Finished, check_all,
    container::{Entry, Plan},
    dialect::{Dialect, Rotation},
    file_name, metadata, names, rows,
    storage::{Fallbacks, Role, Storage, encode},
};

/// Writes a file whose tensors may come in any order; holds one of them at a time.
pub struct GgufWriter {
    file: File,
    /// How errors name the file.
    path: PathBuf,
    length: u64,
    head_dim: usize,
    dialect: Dialect,
    kind: GgufType,
    /// By the names of the checkpoint; those that are written leave.
    missing: HashMap<String, Place>,
    fallbacks: Fallbacks,
    notices: Vec<String>,
}

/// A tensor that has its place, and is not there yet.
struct Place {
    at: u64,
    entry: Entry,
}

impl GgufWriter {
    /// Writes metadata and table; the file is complete after [`GgufWriter::finish`].
    ///
    /// # Errors
    /// As [`super::check`]; a file that can't be made.
    pub fn create(
        out: &OutputDir,
        checkpoint: &Checkpoint,
        pruned: &Architecture,
        kind: GgufType,
    ) -> Result<Self, Error> {
        let (dialect, vocabulary) = check_all(checkpoint, pruned)?;
        let mut metadata = metadata::of(checkpoint.name(), pruned, dialect, kind);
        metadata.extend(vocabulary.metadata);
        let mut notices = vocabulary.notices;
        notices.extend(metadata::notice(pruned));

        let slots = pruned.tensors();
        let mut fallbacks = Fallbacks::default();
        let mut entries = entries(&slots, kind, &mut fallbacks)?;
        let factors = rope_factors(&pruned.rope, pruned.head_dim);
        if let Some(factors) = &factors {
            let (name, shape) = (names::ROPE_FACTORS.to_owned(), vec![factors.len()]);
            entries.push(Entry { name, shape, storage: Storage::F32 });
        }
        let plan = Plan::new(&metadata, &entries);

        let name = file_name(checkpoint, kind);
        let path = out.target(&name);
        let mut file = File::create(out.path().join(&name)).map_err(Error::write(&path))?;
        file.write_all(&plan.header).map_err(Error::write(&path))?;
        if let (Some(factors), Some(&at)) = (factors, plan.places.last()) {
            let bytes: Vec<u8> = factors.iter().flat_map(|factor| factor.to_le_bytes()).collect();
            put(&mut file, at, &bytes).map_err(Error::write(&path))?;
        }
        let places = entries.into_iter().zip(plan.places).map(|(entry, at)| Place { at, entry });
        let missing = slots.into_iter().map(|slot| slot.name).zip(places).collect();
        let (head_dim, length) = (pruned.head_dim, plan.length);
        Ok(Self { file, path, length, head_dim, dialect, kind, missing, fallbacks, notices })
    }

    /// Tensors by the names and in the order of rows that a Hugging Face checkpoint has.
    ///
    /// # Errors
    /// A tensor that was not announced, or in another shape; a number that f16 can't hold; a disk that takes no more.
    pub fn add(&mut self, tensors: &[StoredTensor]) -> Result<(), Error> {
        for tensor in tensors {
            self.add_one(tensor)?;
        }
        Ok(())
    }

    fn add_one(&mut self, tensor: &StoredTensor) -> Result<(), Error> {
        let name = &tensor.name;
        let Some(Place { at, entry }) = self.missing.remove(name) else {
            return Err(model::Error::MissingTensor {
                place: "the GGUF file's table".into(),
                tensor: name.clone(),
            }
            .into());
        };
        if entry.shape != tensor.shape {
            let (file, expected) = (self.path.display().to_string(), entry.shape);
            let (tensor, found) = (name.clone(), tensor.shape.clone());
            return Err(model::Error::Shape { tensor, file, expected, found }.into());
        }
        let values = match self.dialect.rotation() {
            Rotation::Pairs if names::is_turned(name) => {
                let bytes = rows::halves_to_pairs(&tensor.bytes, tensor.shape[0], self.head_dim);
                stored::numbers(&StoredTensor { bytes: bytes.into(), ..tensor.clone() })?
            }
            Rotation::Pairs | Rotation::Halves => stored::numbers(tensor)?,
        };
        let bytes = encode(name, entry.storage, values, &entry.shape)?;
        put(&mut self.file, at, &bytes).map_err(Error::write(&self.path))
    }

    /// Syncs the file.
    ///
    /// # Errors
    /// A tensor that never came; a disk that takes no more.
    pub fn finish(self) -> Result<Finished, Error> {
        if let Some(tensor) = self.missing.into_keys().min() {
            return Err(model::Error::MissingTensor { place: self.path.display().to_string(), tensor }.into());
        }
        // The last tensor too is followed by zeros up to the next place.
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.sync_all())
            .map_err(Error::write(&self.path))?;
        let mut notices = self.notices;
        notices.extend(self.fallbacks.told(self.kind));
        Ok(Finished { architecture: self.dialect.name().to_owned(), notices })
    }
}

fn put(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// One entry for each tensor, in their order.
fn entries(slots: &[Slot], kind: GgufType, fallbacks: &mut Fallbacks) -> Result<Vec<Entry>, Error> {
    let entry = |Slot { name, shape, .. }: &Slot| {
        let Some(own) = names::in_file(name) else {
            let place = "llama.cpp's list of names".to_owned();
            return Err(Error::Model(model::Error::MissingTensor { place, tensor: name.clone() }));
        };
        let role = match shape.len() {
            0 | 1 => Role::Vector,
            _ if names::is_end(name) => Role::End,
            _ if names::is_fine(name) => Role::Fine,
            _ => Role::Projection,
        };
        let (wanted, storage) = Storage::of(kind, role, shape.last().copied().unwrap_or(1));
        fallbacks.count(&own, wanted, storage, role);
        Ok(Entry { name: own, shape: shape.clone(), storage })
    };
    slots.iter().map(entry).collect()
}

/// What llama.cpp divides each frequency theta^(−2i/head_dim) by, where it does not know the scaling itself.
fn rope_factors(rope: &RopeSettings, head_dim: usize) -> Option<Vec<f32>> {
    match rope.scaling {
        RopeScaling::None | RopeScaling::Linear { .. } => None,
        RopeScaling::Llama3 { .. } => {
            let plain = frequencies(&RopeSettings { scaling: RopeScaling::None, ..*rope }, head_dim);
            let scaled = frequencies(rope, head_dim);
            Some(plain.iter().zip(scaled).map(|(plain, scaled)| plain / scaled).collect())
        }
    }
}
