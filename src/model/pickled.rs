//! Tensors in `pytorch_model.bin`, pickled by PyTorch.

use std::{collections::BTreeMap, io::Cursor, ops::Range};

use zip::{CompressionMethod, ZipArchive};

use super::{
    encoding::Encoding,
    pickle::{Id, Object, Pickle},
};

/// More than the pickle of any real model has.
const MOST_PICKLED: u64 = 256 << 20;
/// More dimensions than any real tensor has.
const MOST_DIMENSIONS: usize = 8;

/// One tensor of the file.
#[derive(Debug)]
pub struct Pickled {
    pub name: String,
    /// The encoding, or the name of an unsupported one.
    pub encoding: Result<Encoding, String>,
    pub shape: Vec<usize>,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

/// The tensors of a file, without their content.
///
/// # Errors
/// If the file is no zip archive, its pickle is not a table of tensors, or a tensor is outside the archive, compressed or
/// transposed. The text gives the reason.
pub fn tensors(file: &[u8]) -> Result<Vec<Pickled>, String> {
    let mut archive = Archive::open(file)?;
    let pickle = Pickle::parse(archive.pickle()?)?;
    let mut found = BTreeMap::new();
    let Object::Dict(entries) = pickle.root() else { return Err("it has no table of tensors".into()) };
    for (name, value) in entries {
        if let (Object::Text(name), Some(arguments)) = (pickle.get(*name), arguments(&pickle, *value)) {
            // As in Python, a repeated key replaces the entry.
            found.insert(*name, arguments);
        }
    }
    if found.is_empty() {
        return Err("it has no table of tensors".into());
    }
    let mut one = |(name, arguments)| {
        tensor(&pickle, &mut archive, arguments)
            .map_err(|cause| format!("tensor {name} {cause}"))
            .map(|(encoding, shape, bytes)| Pickled { name: String::from(name), encoding, shape, bytes })
    };
    found.into_iter().map(&mut one).collect()
}

/// The zip archive around the pickle and the numbers.
struct Archive<'f> {
    file: &'f [u8],
    zip: ZipArchive<Cursor<&'f [u8]>>,
    /// The directory of all files in the archive.
    directory: String,
}

impl<'f> Archive<'f> {
    fn open(file: &'f [u8]) -> Result<Self, String> {
        let zip = ZipArchive::new(Cursor::new(file)).map_err(|cause| {
            format!(
                "{cause}; PyTorch has written zip archives since version 1.6; older files are not supported"
            )
        })?;
        let names = zip.file_names().filter_map(Result::ok);
        let directory = names.filter_map(|name| Some(name.strip_suffix("data.pkl")?.to_owned())).next();
        let directory = directory.ok_or("the archive has no data.pkl")?;
        Ok(Self { file, zip, directory })
    }

    /// The place of a file that is not compressed; None if the archive lacks it.
    fn place(&mut self, name: &str) -> Result<Option<Range<usize>>, String> {
        let name = format!("{}{name}", self.directory);
        let stored = match self.zip.by_name(&name) {
            Ok(stored) => stored,
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(cause) => return Err(cause.to_string()),
        };
        if stored.compression() != CompressionMethod::Stored {
            return Err(format!("{name} is compressed"));
        }
        let start = stored.data_start().and_then(|start| usize::try_from(start).ok());
        let length = usize::try_from(stored.size()).ok();
        let place = start.zip(length).and_then(|(start, length)| Some(start..start.checked_add(length)?));
        match place {
            Some(place) if place.end <= self.file.len() => Ok(Some(place)),
            _ => Err(format!("{name} exceeds the file")),
        }
    }

    fn pickle(&mut self) -> Result<&'f [u8], String> {
        if let Some(order) = self.place("byteorder")?
            && &self.file[order] != b"little"
        {
            return Err("its numbers are not little-endian".into());
        }
        let place = self.place("data.pkl")?.ok_or("the archive has no data.pkl")?;
        if place.len() as u64 > MOST_PICKLED {
            return Err(format!("data.pkl has {} bytes, expected at most {MOST_PICKLED}", place.len()));
        }
        Ok(&self.file[place])
    }
}

/// The arguments of the function that rebuilds a tensor; None if the object is no tensor.
fn arguments<'p>(pickle: &'p Pickle<'_>, object: Id) -> Option<&'p [Id]> {
    let (mut callable, mut arguments) = match pickle.get(object) {
        Object::Call { callable, arguments } => (*callable, *arguments),
        _ => return None,
    };
    // A parameter contains its tensor; a tensor with a type of its own contains the function and its arguments.
    match pickle.get(callable) {
        Object::Class("torch._utils", "_rebuild_parameter") => {
            match pickle.get(*tuple(pickle, arguments)?.first()?) {
                Object::Call { callable: inner, arguments: own } => (callable, arguments) = (*inner, *own),
                _ => return None,
            }
        }
        Object::Class("torch._tensor", "_rebuild_from_type_v2") => match tuple(pickle, arguments)? {
            [inner, _, own, ..] => (callable, arguments) = (*inner, *own),
            _ => return None,
        },
        _ => {}
    }
    match pickle.get(callable) {
        Object::Class("torch._utils", "_rebuild_tensor_v2") => tuple(pickle, arguments),
        _ => None,
    }
}

fn tuple<'p>(pickle: &'p Pickle<'_>, id: Id) -> Option<&'p [Id]> {
    match pickle.get(id) {
        Object::Tuple(items) => Some(items),
        _ => None,
    }
}

fn size(pickle: &Pickle<'_>, id: Id) -> Option<usize> {
    match pickle.get(id) {
        Object::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn sizes(pickle: &Pickle<'_>, id: Id) -> Option<Vec<usize>> {
    let sizes = tuple(pickle, id)?;
    if sizes.len() > MOST_DIMENSIONS { None } else { sizes.iter().map(|&id| size(pickle, id)).collect() }
}

/// A tensor as its call describes it, before the archive is asked for its numbers.
struct Described<'p> {
    storage: &'p str,
    class: &'p str,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

fn described<'p>(pickle: &Pickle<'p>, arguments: &[Id]) -> Option<Described<'p>> {
    // The storage, an offset in numbers, the shape and the strides. Then flags that have no effect here.
    let [storage, offset, shape, strides, ..] = *arguments else { return None };
    let Object::Persistent(storage) = *pickle.get(storage) else { return None };
    // The word "storage", its type, its name, its device and its length.
    let [_, class, storage, ..] = *tuple(pickle, storage)? else { return None };
    let (Object::Class(_, class), Object::Text(storage)) = (pickle.get(class), pickle.get(storage)) else {
        return None;
    };
    let (shape, strides) = (sizes(pickle, shape)?, sizes(pickle, strides)?);
    Some(Described { storage, class, offset: size(pickle, offset)?, shape, strides })
}

type Place = (Result<Encoding, String>, Vec<usize>, Range<usize>);

/// The encoding, the shape and the bytes of a tensor.
fn tensor(pickle: &Pickle<'_>, archive: &mut Archive<'_>, arguments: &[Id]) -> Result<Place, String> {
    let described = described(pickle, arguments).ok_or("is not described as PyTorch does")?;
    let Described { storage, class, offset, shape, strides } = described;
    if !is_contiguous(&shape, &strides) {
        return Err("is stored transposed or with gaps".into());
    }
    let whole = archive.place(&format!("data/{storage}"))?.ok_or("is not in the archive")?;
    let encoding = match class {
        "FloatStorage" => Encoding::F32,
        "HalfStorage" => Encoding::F16,
        "BFloat16Storage" => Encoding::BF16,
        // An error only if the tensor is needed.
        other => return Ok((Err(other.trim_end_matches("Storage").to_owned()), shape, whole)),
    };
    let (_, width) = encoding.block();
    let count = shape.iter().try_fold(1usize, |count, &side| count.checked_mul(side));
    let bytes = count.and_then(|count| {
        let start = whole.start.checked_add(offset.checked_mul(width)?)?;
        let bytes = start..start.checked_add(count.checked_mul(width)?)?;
        (bytes.end <= whole.end).then_some(bytes)
    });
    Ok((Ok(encoding), shape, bytes.ok_or("exceeds its storage")?))
}

/// Whether the numbers are stored row by row. The stride of a side of one number has no effect.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1usize;
    let sides = shape.iter().zip(strides).rev();
    let row_by_row = sides.fold(true, |contiguous, (&side, &stride)| {
        let fits = side <= 1 || stride == expected;
        expected = expected.saturating_mul(side);
        contiguous && fits
    });
    shape.len() == strides.len() && (row_by_row || shape.contains(&0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> Vec<u8> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pickled");
        std::fs::read(folder.join("pytorch_model.bin")).unwrap()
    }

    #[test]
    fn tensors_have_the_right_bytes_even_if_they_share_a_storage() {
        let file = fixture();
        let found = tensors(&file).unwrap();
        let names: Vec<&str> = found.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["half", "rows", "whole"]);
        let numbers = |tensor: &Pickled| -> Vec<f32> {
            let bytes = &file[tensor.bytes.clone()];
            bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        assert_eq!((&found[0].encoding, file[found[0].bytes.clone()].len()), (&Ok(Encoding::BF16), 4));
        assert_eq!(
            (found[1].shape.as_slice(), numbers(&found[1])),
            (&[2, 3][..], (6..12).map(|i| i as f32).collect())
        );
        assert_eq!(numbers(&found[2]), (0..12).map(|i| i as f32).collect::<Vec<_>>());
    }

    #[test]
    fn a_shortened_file_is_an_error() {
        let file = fixture();
        for length in (0..file.len()).step_by(37) {
            assert!(tensors(&file[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_tensor_is_row_by_row_if_its_strides_say_so() {
        assert!(is_contiguous(&[2, 3], &[3, 1]) && is_contiguous(&[], &[]));
        assert!(is_contiguous(&[2, 1, 3], &[3, 7, 1]), "a side of one number has any stride");
        assert!(is_contiguous(&[0, 3], &[9, 9]));
        assert!(!is_contiguous(&[2, 3], &[1, 2]) && !is_contiguous(&[2, 3], &[4, 1]));
        assert!(!is_contiguous(&[2, 3], &[1]) && !is_contiguous(&[2, 2], &[0, 0]));
    }
}
