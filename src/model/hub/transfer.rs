//! Downloads a file into the cache, over as many connections as needed.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use ureq::http::StatusCode;

use super::{
    Progress, Transfer,
    cache::Cached,
    client::{Hub, TICK, go_on},
    error::{Error, Result},
};

/// Maximum number of consecutive connections without a new byte; then the download fails.
const ATTEMPTS: u32 = 5;

impl Hub {
    /// Ensures that `file` is in the snapshot. A cached file is not requested.
    pub fn fetch(&self, cached: &Cached, file: &str, progress: &mut Progress<'_>) -> Result<()> {
        if cached.has(file) {
            return Ok(());
        }
        let url = self.url(file, cached.commit());
        let info = self.info(&url, file, progress)?;
        let transfer = Transfer { file, done: 0, total: info.size };
        let blob = cached.blob(&info.etag);
        let failed = |source| Error::Write { path: blob.clone(), source };
        fs::create_dir_all(blob.parent().unwrap_or(&blob)).map_err(failed)?;
        let lock = lock(&cached.blob(&format!("{}.lock", info.etag)), transfer, progress)?;
        if !blob.exists() {
            let part = cached.blob(&format!("{}.part", info.etag));
            self.bytes(&url, transfer, &part, progress)?;
            fs::rename(&part, &blob).map_err(failed)?;
        }
        drop(lock);
        cached.link(file, &info.etag)
    }

    /// Downloads `part` up to the file's size, over as many connections as needed.
    fn bytes(
        &self,
        url: &str,
        transfer: Transfer<'_>,
        part: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        let length = || part.metadata().map_or(0, |metadata| metadata.len());
        let mut failures = 0;
        loop {
            let before = length();
            match self.append(url, transfer, part, progress) {
                Err(Error::Network { .. } | Error::Status { status: 429 | 500.., .. })
                    if failures + 1 < ATTEMPTS =>
                {
                    failures = if length() > before { 0 } else { failures + 1 };
                    let waiting = Transfer { done: length(), ..transfer };
                    pause(Duration::from_millis(250) * 2u32.pow(failures), waiting, progress)?;
                }
                done => return done,
            }
        }
    }

    /// One connection: requests the missing bytes and appends the received ones.
    fn append(
        &self,
        url: &str,
        transfer: Transfer<'_>,
        part: &Path,
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        let failed = |source| Error::Write { path: part.into(), source };
        let size = transfer.total;
        let mut file = OpenOptions::new().create(true).append(true).open(part).map_err(failed)?;
        let mut done = file.metadata().map_err(failed)?.len();
        if done > size {
            file.set_len(0).map_err(failed)?;
            done = 0;
        }
        if done < size {
            let request = self.get(url).header("Range", format!("bytes={done}-"));
            let answer = request.call().map_err(|error| self.explain(url, error))?;
            if answer.status() != StatusCode::PARTIAL_CONTENT {
                file.set_len(0).map_err(failed)?;
                done = 0;
            }
            let mut body = answer.into_body().into_reader();
            let mut buffer = vec![0; 1 << 18];
            loop {
                let read = body.read(&mut buffer).map_err(|error| self.unreachable(error))?;
                if read == 0 {
                    break;
                }
                file.write_all(&buffer[..read]).map_err(failed)?;
                done += read as u64;
                go_on(Transfer { done, ..transfer }, progress)?;
            }
        }
        if done > size {
            file.set_len(0).map_err(failed)?;
        }
        if done != size {
            return Err(self.unreachable(format!("{} ended at byte {done} of {size}", transfer.file)));
        }
        file.sync_all().map_err(failed)
    }
}

/// Waits while another process downloads the same bytes.
fn lock(path: &Path, waiting: Transfer<'_>, progress: &mut Progress<'_>) -> Result<File> {
    let file = File::create(path).map_err(|source| Error::Write { path: path.into(), source })?;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => pause(TICK, waiting, progress)?,
            // Some file systems have no locks; two simultaneous downloads are then possible.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

fn pause(duration: Duration, waiting: Transfer<'_>, progress: &mut Progress<'_>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < duration {
        go_on(waiting, progress)?;
        thread::sleep(TICK.min(duration));
    }
    Ok(())
}
