//! A file as UTF-8 lines, decompressed if necessary, with the current line and byte.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use super::{
    error::{Error, Result},
    form::Form,
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 1 << 16;

pub(super) struct Source {
    path: PathBuf,
    bytes: Box<dyn BufRead>,
    /// The name of the compression.
    packed: Option<&'static str>,
    /// Lines read.
    lines: u64,
    /// Number of bytes read, after decompression.
    offset: u64,
}

impl Source {
    /// The format of a file, and the file from its start.
    pub fn form(path: &Path) -> Result<(Form, BufReader<File>)> {
        let read = |source: io::Error| Error::Read { path: path.into(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Missing { path: path.into() });
            }
            Err(source) => return Err(read(source)),
        };
        if file.metadata().map_err(read)?.is_dir() {
            return Err(Error::Directory { path: path.into() });
        }
        let mut file = BufReader::with_capacity(BUFFER, file);
        let form = Form::of(file.fill_buf().map_err(read)?);
        Ok((form, file))
    }

    /// Opens a text. A byte order mark is skipped.
    pub fn open(path: &Path, form: Form, packed: BufReader<File>) -> Result<Self> {
        let path = path.to_path_buf();
        let (bytes, packed): (Box<dyn BufRead>, _) = match form {
            Form::Plain => (Box::new(packed), None),
            Form::Gzip => {
                (Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(packed))), Some("gzip"))
            }
            Form::Zstandard => match zstd::stream::read::Decoder::with_buffer(packed) {
                Ok(decoder) => (Box::new(BufReader::with_capacity(BUFFER, decoder)), Some("zstd")),
                Err(source) => return Err(Error::Compressed { path, form: "zstd", source }),
            },
            Form::LfsPointer => return Err(Error::LfsPointer { path }),
            Form::Parquet => {
                return Err(Error::Form { path, form: "a Parquet file", advice: "decompress it" });
            }
            Form::Other(form, advice) => return Err(Error::Form { path, form, advice }),
        };
        let mut source = Self { path, bytes, packed, lines: 0, offset: 0 };
        source.skip_byte_order_mark()?;
        Ok(source)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the last line read, from 1.
    pub fn line_number(&self) -> u64 {
        self.lines
    }

    /// The next line including its line end; None at the end of the file.
    pub fn line(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let read = self.bytes.read_until(b'\n', &mut bytes);
        read.map_err(|source| self.unreadable(source))?;
        Ok(if bytes.is_empty() { None } else { Some(self.utf8(bytes)?) })
    }

    /// The rest of the file.
    pub fn rest(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        let read = self.bytes.read_to_end(&mut bytes);
        read.map_err(|source| self.unreadable(source))?;
        self.utf8(bytes)
    }

    fn utf8(&mut self, bytes: Vec<u8>) -> Result<String> {
        let length = bytes.len() as u64;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = self.lines + 1 + line_ends(valid);
            Error::NotUtf8 { path: self.path.clone(), line, offset: self.offset + valid.len() as u64 }
        })?;
        self.lines += line_ends(text.as_bytes()) + u64::from(!text.ends_with('\n'));
        self.offset += length;
        Ok(text)
    }

    fn skip_byte_order_mark(&mut self) -> Result<()> {
        let head = self.bytes.fill_buf();
        match head.map(|head| head.starts_with(BYTE_ORDER_MARK)) {
            Ok(true) => {
                self.bytes.consume(BYTE_ORDER_MARK.len());
                self.offset += BYTE_ORDER_MARK.len() as u64;
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(source) => Err(self.unreadable(source)),
        }
    }

    fn unreadable(&self, source: io::Error) -> Error {
        let path = self.path.clone();
        match self.packed {
            Some(form) => Error::Compressed { path, form, source },
            None => Error::Read { path, source },
        }
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
