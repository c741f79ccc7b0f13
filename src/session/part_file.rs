//! The file of a solved part: a safetensors file with the cut weight, its new bias if there is one, and the record
//! of the part as metadata.

use std::{collections::BTreeMap, fs::File, io, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Error, FORMAT,
    envelope::{checksum, sha256, unknown},
    tensor_file::{self, Header, TensorEntry, TensorView},
    whole_file::{Durability, write_whole},
};
use crate::{
    protocol::{PartRecord, Statistics},
    prune::Part,
};

/// Identifies a part of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartPlace {
    pub layer: usize,
    pub attempt: usize,
    pub part: Part,
}

/// Content of the file of a part, without the weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartHead {
    #[serde(flatten)]
    pub place: PartPlace,
    pub record: PartRecord,
    /// None if the part was not solved, or if one of its numbers is not finite.
    pub statistics: Option<Statistics>,
    /// Kept heads in ascending order if heads were removed, otherwise empty.
    pub query_heads: Vec<usize>,
    pub kv_heads: Vec<usize>,
    /// None if no units were removed.
    pub weight: Option<WeightHead>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightHead {
    /// `F32`, `F16` or `BF16`.
    pub dtype: String,
    pub shape: [usize; 2],
    /// SHA-256 of the weight's bytes.
    pub sha256: String,
    /// The new bias of the output, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<BiasHead>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BiasHead {
    /// `F32`, `F16` or `BF16`.
    pub dtype: String,
    /// SHA-256 of the bias's bytes.
    pub sha256: String,
}

/// A cut weight [rows, columns], row-major, little-endian.
#[derive(Clone, PartialEq, Eq)]
pub struct Weight {
    pub dtype: String,
    pub shape: [usize; 2],
    pub bytes: Vec<u8>,
    pub bias: Option<Bias>,
}

/// A new bias [rows] of the cut weight's output, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bias {
    pub dtype: String,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Weight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Weight({} {:?}, {} bytes)", self.dtype, self.shape, self.bytes.len())
    }
}

const TENSOR: &str = "weight";
const BIAS: &str = "bias";
const KEY_FORMAT: &str = "slimgpt_format";
const KEY_PART: &str = "part";
const KEY_CHECKSUM: &str = "part_sha256";

const REMEDY: &str = "this attempt cannot be used; solve the layer again";

fn damaged(path: &Path, cause: impl Into<String>) -> Error {
    Error::Damaged { path: path.into(), cause: cause.into(), remedy: REMEDY }
}

pub(super) fn write(path: &Path, head: &PartHead, weight: Option<&Weight>) -> Result<(), Error> {
    let stated = weight.map(|weight| WeightHead {
        dtype: weight.dtype.clone(),
        shape: weight.shape,
        sha256: sha256(&weight.bytes),
        bias: weight
            .bias
            .as_ref()
            .map(|bias| BiasHead { dtype: bias.dtype.clone(), sha256: sha256(&bias.bytes) }),
    });
    let text = to_text(&PartHead { weight: stated, ..head.clone() })
        .map_err(|cause| Error::Write { path: path.into(), cause: cause.into() })?;
    let (format, checksum) = (FORMAT.to_string(), checksum(FORMAT, &text));
    let metadata = BTreeMap::from([
        (KEY_FORMAT, format.as_str()),
        (KEY_PART, text.as_str()),
        (KEY_CHECKSUM, checksum.as_str()),
    ]);
    let tensors = weight.map(|weight| TensorView {
        name: TENSOR,
        dtype: &weight.dtype,
        shape: &weight.shape,
        bytes: &weight.bytes,
    });
    let bias = weight.and_then(|weight| Some((weight, weight.bias.as_ref()?)));
    let bias = bias.map(|(weight, bias)| TensorView {
        name: BIAS,
        dtype: &bias.dtype,
        shape: &weight.shape[..1],
        bytes: &bias.bytes,
    });
    let tensors: Vec<TensorView> = tensors.into_iter().chain(bias).collect();
    write_whole(path, Durability::Synced, |file| tensor_file::write(file, &metadata, &tensors))
}

pub(super) fn read_head(path: &Path, place: PartPlace) -> Result<PartHead, Error> {
    Ok(open(path, place)?.head)
}

/// Reads and verifies the weight described by the head.
pub(super) fn read_weight(path: &Path, head: &PartHead) -> Result<Option<Weight>, Error> {
    let Some(stated) = &head.weight else { return Ok(None) };
    let Opened { mut file, head: found, tensor, bias } = open(path, head.place)?;
    let Some(tensor) = tensor.filter(|_| found.weight.as_ref() == Some(stated)) else {
        return Err(damaged(path, "it has changed since it was opened"));
    };
    let bytes = tensor_file::read_bytes(&mut file, &tensor).map_err(Error::unreadable(path))?;
    if sha256(&bytes) != stated.sha256 {
        return Err(damaged(path, "the checksum of its weight differs"));
    }
    let bias = match (bias, &stated.bias) {
        (Some(tensor), Some(stated)) => {
            let bytes = tensor_file::read_bytes(&mut file, &tensor).map_err(Error::unreadable(path))?;
            if sha256(&bytes) != stated.sha256 {
                return Err(damaged(path, "the checksum of its bias differs"));
            }
            Some(Bias { dtype: stated.dtype.clone(), bytes })
        }
        (Some(_), None) | (None, _) => None,
    };
    Ok(Some(Weight { dtype: stated.dtype.clone(), shape: stated.shape, bytes, bias }))
}

struct Opened {
    file: File,
    head: PartHead,
    tensor: Option<TensorEntry>,
    bias: Option<TensorEntry>,
}

fn open(path: &Path, place: PartPlace) -> Result<Opened, Error> {
    let mut file = match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Err(damaged(path, "it is missing")),
        opened => opened.map_err(Error::unreadable(path))?,
    };
    let header = tensor_file::read_header(&mut file).map_err(Error::unreadable(path))?;
    let header = header.map_err(|cause| damaged(path, cause))?;
    let head = head_of(path, &header)?;
    if head.place != place {
        let PartPlace { layer, attempt, part } = head.place;
        let found = format!(
            "expected the part given by its name, found {part} of attempt {attempt} of layer {layer}"
        );
        return Err(damaged(path, found));
    }
    let mut tensors = header.tensors;
    let mut take = |name: &str| {
        let at = tensors.iter().position(|tensor| tensor.name == name)?;
        Some(tensors.remove(at))
    };
    let (tensor, bias) = (take(TENSOR), take(BIAS));
    let weight_as_stated = match (&head.weight, &tensor) {
        (Some(weight), Some(tensor)) => tensor.dtype == weight.dtype && tensor.shape == weight.shape,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let stated = head.weight.as_ref().and_then(|weight| Some((weight.shape[0], weight.bias.as_ref()?)));
    let bias_as_stated = match (stated, &bias) {
        (Some((rows, stated)), Some(bias)) => bias.dtype == stated.dtype && bias.shape == [rows],
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !(tensors.is_empty() && weight_as_stated && bias_as_stated) {
        return Err(damaged(path, "its weight does not match its record"));
    }
    Ok(Opened { file, head, tensor, bias })
}

fn head_of(path: &Path, header: &Header) -> Result<PartHead, Error> {
    let value = |key: &str| {
        let value = header.metadata.get(key);
        value.ok_or_else(|| damaged(path, format!("expected {key} in its header, found none")))
    };
    let (format, text, stated) = (value(KEY_FORMAT)?, value(KEY_PART)?, value(KEY_CHECKSUM)?);
    let format: u64 =
        format.parse().map_err(|_| damaged(path, format!("expected a format number, found \"{format}\"")))?;
    if checksum(format, text) != *stated {
        return Err(damaged(path, "the checksum of its record differs"));
    }
    if format > FORMAT {
        return Err(Error::Newer { path: path.into(), format });
    }
    from_text(text).map_err(|cause| damaged(path, unknown(&cause)))
}

/// The text of a head. JSON has only finite numbers. Statistics with a non-finite number are left out;
/// elsewhere such a number is an error, except in the relative error.
fn to_text(head: &PartHead) -> serde_json::Result<String> {
    let text = serde_json::to_string(head)?;
    match from_text(&text) {
        Ok(_) => Ok(text),
        Err(cause) if head.statistics.is_none() => Err(cause),
        Err(_) => to_text(&PartHead { statistics: None, ..head.clone() }),
    }
}

/// Reads a head. The relative error of a part with zero output is NaN, which is written as null.
fn from_text(text: &str) -> serde_json::Result<PartHead> {
    let cause = match serde_json::from_str(text) {
        Ok(head) => return Ok(head),
        Err(cause) => cause,
    };
    let mut value: Value = serde_json::from_str(text)?;
    let Some(error) = value.pointer_mut("/record/relative_error").filter(|error| error.is_null()) else {
        return Err(cause);
    };
    *error = Value::from(0.0);
    let mut head: PartHead = serde_json::from_str(&value.to_string())?;
    head.record.relative_error = f64::NAN;
    Ok(head)
}
