//! JSON under a checksum and a format version: `{"format": 1, "sha256": "…", "state": {…}}`.

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

/// What an envelope of any version has.
#[derive(Deserialize)]
struct AnyEnvelope {
    format: u64,
}

/// Why a text cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsealed {
    /// `intact` where its checksum is the one it states: the version is not a flipped bit.
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

/// SHA-256 of the format's number in decimal, a line feed, and the text: a flipped bit in the number shows too.
pub(super) fn checksum(format: u64, text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{format}\n"));
    hash.update(text);
    hex(hash.finalize())
}

/// The text of a file. What would not be read again, such as a number that is not finite where one must stand, is an error.
pub(super) fn seal<T: Serialize + DeserializeOwned>(content: &T) -> serde_json::Result<String> {
    // Strings have no line feeds of their own in JSON.
    let text = serde_json::to_string_pretty(content)?.replace('\n', "\n  ");
    serde_json::from_str::<T>(&text)?;
    let sha256 = checksum(FORMAT, &text);
    let mut sealed = serde_json::to_string_pretty(&Envelope {
        format: FORMAT,
        sha256,
        state: RawValue::from_string(text)?,
    })?;
    sealed.push('\n');
    Ok(sealed)
}

/// Why a text cannot be read that is as it was written.
pub(super) fn unknown(cause: &serde_json::Error) -> String {
    format!("it is intact but holds what this slimgpt does not know, perhaps of a newer one: {cause}")
}

pub(super) fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unsealed> {
    let damaged =
        |cause: serde_json::Error| Unsealed::Damaged(format!("not the JSON that was written: {cause}"));
    if bytes.is_empty() {
        return Err(Unsealed::Damaged("it is empty".into()));
    }
    let envelope: Envelope<&RawValue> = match serde_json::from_slice(bytes) {
        Ok(envelope) => envelope,
        Err(cause) => {
            return Err(match serde_json::from_slice(bytes) {
                Ok(AnyEnvelope { format }) if format > FORMAT => Unsealed::Newer { format, intact: false },
                Ok(AnyEnvelope { .. }) | Err(_) => damaged(cause),
            });
        }
    };
    let intact = checksum(envelope.format, envelope.state.get()) == envelope.sha256;
    if envelope.format > FORMAT {
        return Err(Unsealed::Newer { format: envelope.format, intact });
    }
    if !intact {
        return Err(Unsealed::Damaged("its checksum differs".into()));
    }
    serde_json::from_str(envelope.state.get()).map_err(|cause| Unsealed::Damaged(unknown(&cause)))
}
