//! JSON with a checksum and a format version: `{"format": 1, "sha256": "…", "state": {…}}`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::FORMAT;

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    format: u64,
    sha256: String,
    state: T,
}

/// The fields of an envelope of any version.
#[derive(Deserialize)]
struct AnyEnvelope {
    format: u64,
}

/// The reason why an envelope cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// A newer format. `intact` if the checksum is right, which excludes a flipped bit in the format.
    Newer {
        format: u64,
        intact: bool,
    },
    Damaged(String),
}

pub(super) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// SHA-256 of the format number in decimal, a line feed, and the text. It thus covers the format number as
/// well.
pub(super) fn checksum(format: u64, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{format}\n"));
    hash.update(text);
    hex(hash.finalize())
}

/// The text of a file. Content that could not be read back, such as a non-finite number, is an error.
pub(super) fn encode<T: Serialize + DeserializeOwned>(content: &T) -> serde_json::Result<String> {
    // JSON strings contain no line feeds.
    let text = serde_json::to_string_pretty(content)?.replace('\n', "\n  ");
    serde_json::from_str::<T>(&text)?;
    let sha256 = checksum(FORMAT, &text);
    let mut envelope = serde_json::to_string_pretty(&Envelope {
        format: FORMAT,
        sha256,
        state: RawValue::from_string(text)?,
    })?;
    envelope.push('\n');
    Ok(envelope)
}

/// The reason why an intact text cannot be read.
pub(super) fn unknown(cause: &serde_json::Error) -> String {
    format!("its checksum is right, but this version of slimgpt cannot read it (a newer one may): {cause}")
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let damaged =
        |cause: serde_json::Error| DecodeError::Damaged(format!("not the JSON that was written: {cause}"));
    if bytes.is_empty() {
        return Err(DecodeError::Damaged("it is empty".into()));
    }
    let envelope: Envelope<&RawValue> = match serde_json::from_slice(bytes) {
        Ok(envelope) => envelope,
        Err(cause) => {
            return Err(match serde_json::from_slice(bytes) {
                Ok(AnyEnvelope { format }) if format > FORMAT => DecodeError::Newer { format, intact: false },
                Ok(AnyEnvelope { .. }) | Err(_) => damaged(cause),
            });
        }
    };
    let intact = checksum(envelope.format, envelope.state.get()) == envelope.sha256;
    if envelope.format > FORMAT {
        return Err(DecodeError::Newer { format: envelope.format, intact });
    }
    if !intact {
        return Err(DecodeError::Damaged("its checksum differs".into()));
    }
    serde_json::from_str(envelope.state.get()).map_err(|cause| DecodeError::Damaged(unknown(&cause)))
}
