//! Tensors in `pytorch_model.bin`, pickled by PyTorch. The pickle is parsed, never run.

use std::{fs::File, io::BufReader, ops::Range, path::Path};

use candle_core::{DType, pickle};

/// One tensor of the file.
pub struct Pickled {
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

/// The tensors of a file, without their content.
///
/// # Errors
/// If the file is no zip archive, its pickle is not a table of tensors, or a tensor is outside the archive, compressed or
/// transposed. The text gives the reason.
pub fn tensors(path: &Path) -> Result<Vec<Pickled>, String> {
    let open = || File::open(path).map(BufReader::new).map_err(|cause| cause.to_string());
    let mut archive = zip::ZipArchive::new(open()?).map_err(|cause| {
        format!("{cause}; PyTorch has written zip archives since version 1.6; older files are not supported")
    })?;
    let found = pickle::read_pth_tensor_info(path, false, None).map_err(|cause| cause.to_string())?;
    if found.is_empty() {
        return Err("it has no table of tensors".into());
    }
    let mut one = |info: pickle::TensorInfo| {
        let name = info.name;
        let stored = archive.by_name(&info.path).map_err(|cause| format!("tensor {name}: {cause}"))?;
        if stored.compression() != zip::CompressionMethod::Stored {
            return Err(format!("tensor {name} is compressed"));
        }
        let begin =
            stored.data_start().ok_or_else(|| format!("the archive does not contain tensor {name}"))?;
        if !info.layout.is_contiguous() {
            return Err(format!("tensor {name} is stored transposed or with gaps"));
        }
        // candle gives the offset in bytes.
        let start = info.layout.start_offset();
        let length = info.layout.shape().elem_count().checked_mul(info.dtype.size_in_bytes());
        let range = length.and_then(|length| Some(start..start.checked_add(length)?));
        let range = range.filter(|range| range.end as u64 <= stored.size());
        let range = range.ok_or_else(|| format!("tensor {name} exceeds its storage"))?;
        let begin = usize::try_from(begin).map_err(|cause| cause.to_string())?;
        let bytes = begin + range.start..begin + range.end;
        Ok(Pickled { name, dtype: info.dtype, shape: info.layout.dims().to_vec(), bytes })
    };
    found.into_iter().map(&mut one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pickled/pytorch_model.bin")
    }

    #[test]
    fn tensors_have_the_right_bytes_even_if_they_share_a_storage() {
        let file = std::fs::read(fixture()).unwrap();
        let mut found = tensors(&fixture()).unwrap();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<&str> = found.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["half", "rows", "whole"]);
        let numbers = |tensor: &Pickled| -> Vec<f32> {
            let bytes = &file[tensor.bytes.clone()];
            bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        assert_eq!((found[0].dtype, file[found[0].bytes.clone()].len()), (DType::BF16, 4));
        assert_eq!(
            (found[1].shape.as_slice(), numbers(&found[1])),
            (&[2, 3][..], (6..12).map(|i| i as f32).collect())
        );
        assert_eq!(numbers(&found[2]), (0..12).map(|i| i as f32).collect::<Vec<_>>());
    }

    #[test]
    fn damaged_files_are_errors() {
        let file = std::fs::read(fixture()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pytorch_model.bin");
        for length in (0..file.len()).step_by(37) {
            std::fs::write(&path, &file[..length]).unwrap();
            assert!(tensors(&path).is_err(), "{length} bytes");
        }
        for at in (0..file.len()).step_by(11) {
            let mut flipped = file.clone();
            flipped[at] ^= 0x15;
            std::fs::write(&path, &flipped).unwrap();
            // Either outcome is right, as long as nothing panics.
            let _ = tensors(&path).map(|tensors| tensors.len());
        }
    }
}
