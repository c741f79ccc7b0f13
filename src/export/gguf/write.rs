//! Writes a GGUF file. The position of every tensor is known before the first one is added.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::PathBuf,
};

use crate::{
    gguf::{Entry, Plan, TensorType, names},
    model::{
        self, Architecture, Checkpoint, RopeScaling, RopeSettings, Shapes, Slot, StoredTensor, frequencies,
    },
};

use super::{
    super::{
        Error, ExportPlan, Format, OutputDir,
        awaited::Awaited,
        format::{FormatWriter, WrittenForm},
        stored,
    },
    GgufType,
    architecture::{LlamaCppArchitecture, Rotation},
    metadata, rows,
    storage::{Fallbacks, Role, encode, stored_type},
    vocabulary::Vocabulary,
};

/// Writes a file whose tensors are added in any order. It keeps one tensor in memory and converts it in
/// bands.
pub struct GgufWriter {
    file: File,
    name: String,
    /// The final path, for errors.
    path: PathBuf,
    length: u64,
    head_dim: usize,
    llama_cpp: LlamaCppArchitecture,
    kind: GgufType,
    /// Tensors still to be written, by their names in the checkpoint.
    awaited: Awaited<Place>,
    fallbacks: Fallbacks,
    notices: Vec<String>,
}

/// The offset of a tensor's bytes, and their type.
struct Place {
    at: u64,
    storage: TensorType,
}

impl GgufWriter {
    /// Writes the metadata and the table of tensors.
    ///
    /// # Errors
    /// As for [`Exporter::begin`](crate::export::Exporter::begin).
    pub fn create(plan: ExportPlan<'_, '_>, out: &OutputDir) -> Result<Self, Error> {
        let ExportPlan { checkpoint, pruned, form } = plan;
        let kind = form.gguf_type;
        let (llama_cpp, vocabulary) = architecture_and_vocabulary(checkpoint, pruned)?;
        let mut metadata = metadata::of(checkpoint.name(), pruned, llama_cpp, kind);
        metadata.extend(vocabulary.metadata);
        let mut notices = vocabulary.notices;
        notices.extend(metadata::notice(pruned));

        let slots = pruned.tensors();
        let mut fallbacks = Fallbacks::default();
        let mut entries = entries(&slots, kind, &mut fallbacks)?;
        let factors = rope_factors(&pruned.rope, pruned.head_dim);
        if let Some(factors) = &factors {
            let (name, shape) = (names::ROPE_FACTORS.to_owned(), vec![factors.len()]);
            entries.push(Entry { name, shape, storage: TensorType::F32 });
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
        let mut awaited = Awaited::new(path.display().to_string());
        for (slot, (entry, at)) in slots.into_iter().zip(entries.into_iter().zip(plan.places)) {
            awaited.announce(slot.name, slot.shape, Place { at, storage: entry.storage });
        }
        let (head_dim, length) = (pruned.head_dim, plan.length);
        Ok(Self { file, name, path, length, head_dim, llama_cpp, kind, awaited, fallbacks, notices })
    }

    fn add_one(&mut self, tensor: &StoredTensor) -> Result<(), Error> {
        let Place { at, storage } = self.awaited.take(tensor)?;
        let StoredTensor { name, dtype, shape, bytes } = tensor;
        let bytes = match self.llama_cpp.rotation() {
            Rotation::Pairs if names::is_rotated(name) => {
                Cow::Owned(rows::halves_to_pairs(bytes, shape[0], self.head_dim))
            }
            Rotation::Pairs | Rotation::Halves => Cow::Borrowed(&**bytes),
        };
        self.file.seek(SeekFrom::Start(at)).map_err(Error::write(&self.path))?;
        stored::for_each_band((*dtype, &bytes), |first, numbers| {
            let band = encode(name, storage, first, numbers)?;
            self.file.write_all(&band).map_err(Error::write(&self.path))
        })
    }
}

impl FormatWriter for GgufWriter {
    fn shapes(&self) -> Shapes {
        Shapes::Narrow
    }

    fn add(&mut self, _: &OutputDir, tensors: &[StoredTensor]) -> Result<(), Error> {
        tensors.iter().try_for_each(|tensor| self.add_one(tensor))
    }

    fn finish(self: Box<Self>, _: &OutputDir) -> Result<(WrittenForm, Vec<String>), Error> {
        let Self { file, name, path, length, llama_cpp, kind, awaited, fallbacks, mut notices, .. } = *self;
        awaited.check_complete()?;
        // The last tensor is also padded with zeros.
        file.set_len(length).and_then(|()| file.sync_all()).map_err(Error::write(&path))?;
        notices.extend(fallbacks.notice(kind));
        let written = WrittenForm {
            format: Format::Gguf,
            file: Some(name),
            loaded_as: llama_cpp.name().to_owned(),
            remote_code: false,
            weights: kind.to_string(),
            tolerance: kind.tolerance(),
        };
        Ok((written, notices))
    }
}

/// The architecture and the tokenizer of llama.cpp for the model.
///
/// # Errors
/// [`Error::Inexpressible`] if there are none; an error if files of the checkpoint cannot be read.
pub fn architecture_and_vocabulary(
    checkpoint: &Checkpoint,
    pruned: &Architecture,
) -> Result<(LlamaCppArchitecture, Vocabulary), Error> {
    Ok((LlamaCppArchitecture::of(pruned)?, Vocabulary::read(checkpoint, pruned.vocab)?))
}

/// The name of a model's file.
pub fn file_name(checkpoint: &Checkpoint, kind: GgufType) -> String {
    let name = checkpoint.name().rsplit('/').next().unwrap_or("model");
    format!("{name}-slim-{kind}.gguf")
}

fn put(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// One entry per tensor, in the same order.
fn entries(slots: &[Slot], kind: GgufType, fallbacks: &mut Fallbacks) -> Result<Vec<Entry>, Error> {
    let entry = |Slot { name, shape, .. }: &Slot| {
        let Some(own) = names::in_file(name) else {
            let place = "llama.cpp's list of names".to_owned();
            return Err(Error::Model(model::Error::MissingTensor { place, tensor: name.clone() }));
        };
        let role = match shape.len() {
            0 | 1 => Role::Vector,
            _ if names::is_embedding_or_head(name) => Role::EmbeddingOrHead,
            _ if names::is_sensitive(name) => Role::Sensitive,
            _ => Role::Projection,
        };
        let (wanted, storage) = stored_type(kind, role, shape.last().copied().unwrap_or(1));
        fallbacks.count(&own, wanted, storage, role);
        Ok(Entry { name: own, shape: shape.clone(), storage })
    };
    slots.iter().map(entry).collect()
}

/// The divisor of each frequency theta^(−2i/head_dim), for scalings that llama.cpp reads as a tensor.
fn rope_factors(rope: &RopeSettings, head_dim: usize) -> Option<Vec<f32>> {
    match rope.scaling {
        // The last two are refused.
        RopeScaling::None
        | RopeScaling::Linear { .. }
        | RopeScaling::Dynamic { .. }
        | RopeScaling::Yarn { .. }
        | RopeScaling::LongRope { .. } => None,
        RopeScaling::Llama3 { .. } => {
            let plain = frequencies(&RopeSettings { scaling: RopeScaling::None, ..rope.clone() }, head_dim);
            let scaled = frequencies(rope, head_dim);
            Some(plain.iter().zip(scaled).map(|(plain, scaled)| plain / scaled).collect())
        }
    }
}
