//! A file as UTF-8 lines, decompressed if necessary, with the current line and byte.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;

use super::{
    error::{Error, Result},
    form::Form,
    pieces::Progress,
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 1 << 16;
/// Bytes of a file between two reports.
const REPORTED: u64 = 4 << 20;

pub(super) struct Source<'p> {
    path: PathBuf,
    bytes: Box<dyn BufRead>,
    reading: Reading<'p>,
    /// The name of the compression.
    packed: Option<&'static str>,
    /// Lines read.
    lines: u64,
    /// Number of bytes read, after decompression.
    offset: u64,
}

/// Progress of reading a file.
pub(super) struct Reading<'p> {
    progress: &'p mut Progress<'p>,
    /// Bytes read from the file, before decompression.
    done: Rc<Cell<u64>>,
    total: u64,
    /// Bytes at the last report.
    reported: u64,
}

impl<'p> Reading<'p> {
    /// Reports bytes of the file and their number to `progress`, which breaks to cancel.
    pub fn new(progress: &'p mut Progress<'p>) -> Self {
        Self { progress, done: Rc::default(), total: 0, reported: 0 }
    }

    /// Reports after every few MiB.
    fn report(&mut self) -> Result<()> {
        let done = self.done.get();
        if done - self.reported < REPORTED {
            return Ok(());
        }
        self.reported = done;
        self.at(done, self.total)
    }

    /// Reports now.
    pub fn at(&mut self, done: u64, total: u64) -> Result<()> {
        match (self.progress)(done, total.max(done)).is_break() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }
}

/// A file that counts its bytes.
struct Counted {
    file: BufReader<File>,
    done: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.done.set(self.done.get() + read as u64);
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.file.consume(bytes);
        self.done.set(self.done.get() + bytes as u64);
    }
}

impl<'p> Source<'p> {
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
    pub fn open(path: &Path, form: Form, file: BufReader<File>, mut reading: Reading<'p>) -> Result<Self> {
        let path = path.to_path_buf();
        reading.total = file.get_ref().metadata().map_or(0, |metadata| metadata.len());
        let packed = Counted { file, done: reading.done.clone() };
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
        let mut source = Self { path, bytes, reading, packed, lines: 0, offset: 0 };
        source.skip_byte_order_mark()?;
        Ok(source)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes read, after decompression.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Number of the last line read, from 1.
    pub fn line_number(&self) -> u64 {
        self.lines
    }

    /// The next line including its line end; None at the end of the file.
    pub fn line(&mut self) -> Result<Option<String>> {
        self.reading.report()?;
        let mut bytes = Vec::new();
        let read = self.bytes.read_until(b'\n', &mut bytes);
        read.map_err(|source| self.unreadable(source))?;
        Ok(if bytes.is_empty() { None } else { Some(self.utf8(bytes)?) })
    }

    /// Skips a line, which is not checked. The length of the line with its end; 0 at the end of the file.
    pub fn skip_line(&mut self) -> Result<usize> {
        self.reading.report()?;
        let skipped = self.bytes.skip_until(b'\n').map_err(|source| self.unreadable(source))?;
        self.lines += u64::from(skipped > 0);
        self.offset += skipped as u64;
        Ok(skipped)
    }

    /// The next bytes of a text: `most`, or one to three more that complete a character, or less at the end of the file.
    pub fn at_most(&mut self, most: u64) -> Result<String> {
        self.reading.report()?;
        let mut bytes = Vec::new();
        let mut read = self.bytes.by_ref().take(most).read_to_end(&mut bytes);
        while matches!(read, Ok(1..))
            && std::str::from_utf8(&bytes).is_err_and(|error| error.error_len().is_none())
        {
            read = self.bytes.by_ref().take(1).read_to_end(&mut bytes);
        }
        read.map_err(|source| self.unreadable(source))?;
        let text = self.utf8(bytes)?;
        // A line that goes on is not counted yet.
        self.lines -= u64::from(!text.ends_with('\n'));
        Ok(text)
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
