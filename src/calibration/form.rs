//! File formats, recognised by their first bytes.

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Plain text or JSON.
    Plain,
    Gzip,
    Zstandard,
    Parquet,
    /// A pointer of git-lfs in place of a large file.
    LfsPointer,
    /// An unsupported format: its name, and advice.
    Other(&'static str, &'static str),
}

const CONVERT: &str = "convert it to Parquet or JSON lines";
const UNPACK: &str = "unpack it, or compress the text with gzip or zstd";

/// The first bytes of each format.
const BEGINNINGS: [(&[u8], Form); 11] = [
    (b"\x1f\x8b", Form::Gzip),
    (b"\x28\xb5\x2f\xfd", Form::Zstandard),
    (b"PAR1", Form::Parquet),
    (b"version https://git-lfs.github.com/spec/", Form::LfsPointer),
    (b"PARE", Form::Other("an encrypted Parquet file", CONVERT)),
    (b"ARROW1", Form::Other("an Arrow file", CONVERT)),
    // The marker of a message in the stream format, which `datasets` saves.
    (b"\xff\xff\xff\xff", Form::Other("an Arrow stream", CONVERT)),
    (b"PK\x03\x04", Form::Other("a zip archive", UNPACK)),
    (b"BZh", Form::Other("a bzip2 file", UNPACK)),
    (b"\xfd7zXZ\x00", Form::Other("an xz file", UNPACK)),
    (b"\x37\x7a\xbc\xaf\x27\x1c", Form::Other("a 7z archive", UNPACK)),
];

impl Form {
    /// The format of a file with these first bytes.
    pub fn of(head: &[u8]) -> Self {
        let known = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning));
        known.map_or(Self::Plain, |(_, form)| *form)
    }
}
