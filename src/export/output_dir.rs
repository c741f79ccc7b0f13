//! An output directory that appears complete or not at all.

use std::{
    ffi::OsStr,
    fs::{self, File},
    hash::{BuildHasher, Hasher, RandomState},
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::Error;

/// A directory under a temporary name next to its target. It is removed if dropped before
/// [`OutputDir::publish`].
#[derive(Debug)]
pub struct OutputDir {
    partial: TempDir,
    target: PathBuf,
    force: bool,
}

/// A published output.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// The directory.
    pub path: PathBuf,
    /// Number of bytes of all its files.
    pub bytes: u64,
    /// The replaced output, if it could not be removed.
    pub leftover: Option<PathBuf>,
}

impl OutputDir {
    /// Checks the target and creates the temporary directory. `model` is the directory of the input model, if
    /// any. `keep` receives the name of the temporary directory before it is created, so [`clear_away`] can
    /// remove the leftovers of a killed process.
    ///
    /// # Errors
    /// If the target exists and `force` is not set, was not written by slimgpt, or overlaps the model; if
    /// `keep` fails; if a directory cannot be created.
    pub fn create<E: From<Error>>(
        out: &Path,
        force: bool,
        model: Option<&Path>,
        keep: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (parent, name) = checked(out, force, model)?;
        let unlike_others = RandomState::new().build_hasher().finish();
        let partial = format!("{}{unlike_others:016x}", partial_prefix(name));
        keep(&parent.join(&partial))?;
        fs::create_dir_all(parent).map_err(Error::write(parent))?;
        let made = tempfile::Builder::new().prefix(&partial).rand_bytes(0).tempdir_in(parent);
        Ok(Self { partial: made.map_err(Error::write(out))?, target: out.into(), force })
    }

    /// Checks before long work that the target can be written. Nothing that it creates remains.
    ///
    /// # Errors
    /// As for [`OutputDir::create`].
    pub fn check(out: &Path, force: bool, model: Option<&Path>) -> Result<(), Error> {
        let (parent, _) = checked(out, force, model)?;
        // The nearest existing directory must be writable. An unnamed file disappears even if this process is
        // killed.
        let place = parent.ancestors().find(|place| place.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(place).map_err(Error::write(out))?;
        Ok(())
    }

    /// The temporary directory; files are written to it until the output is published.
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// Writes and syncs a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path().join(name);
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(Error::write(self.target.join(name)))
    }

    /// Creates a subdirectory.
    ///
    /// # Errors
    /// If the directory cannot be created.
    pub fn directory(&self, name: &str) -> Result<(), Error> {
        fs::create_dir(self.path().join(name)).map_err(Error::write(self.target.join(name)))
    }

    /// The final path of a file of the output, for errors.
    pub fn target(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    /// Renames the directory to its target. A replaced output is moved aside first and removed last.
    ///
    /// # Errors
    /// If a target has appeared in the meantime and `force` is not set, or a rename fails.
    pub fn publish(self) -> Result<Published, Error> {
        let fail = || Error::write(&self.target);
        let bytes = bytes_in(self.path()).map_err(fail())?;
        readable_like_other_directories(self.path()).map_err(fail())?;
        let aside = match self.target.symlink_metadata() {
            Ok(_) if !self.force => return Err(Error::Exists(self.target)),
            Ok(_) => {
                let mut aside = self.path().as_os_str().to_owned();
                aside.push("-replaced");
                let aside = PathBuf::from(aside);
                fs::rename(&self.target, &aside).map_err(fail())?;
                Some(aside)
            }
            Err(_) => None,
        };
        if let Err(cause) = fs::rename(self.path(), &self.target) {
            if let Some(aside) = aside {
                // Failure is ignored: the first error is the one to report.
                let _ = fs::rename(aside, &self.target);
            }
            return Err(Error::Write { path: self.target, cause });
        }
        let _ = self.partial.keep();
        // The new output is complete, so failing to remove the old one is reported, but is not an error.
        let leftover = aside.filter(|aside| fs::remove_dir_all(aside).is_err());
        Ok(Published { path: self.target, bytes, leftover })
    }
}

/// Number of bytes of the files in a directory and its subdirectories.
fn bytes_in(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { bytes_in(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

/// The parent and the name of a target, if it may be written.
fn checked<'p>(out: &'p Path, force: bool, model: Option<&Path>) -> Result<(&'p Path, &'p OsStr), Error> {
    let name = out.file_name().ok_or_else(|| Error::NoName(out.into()))?;
    let parent = match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if let Some(model) = model {
        refuse_overlap(out, parent, name.as_ref(), model)?;
    }
    if out.symlink_metadata().is_ok() {
        if !force {
            return Err(Error::Exists(out.into()));
        }
        refuse_foreign(out)?;
    }
    Ok((parent, name))
}

fn partial_prefix(name: &OsStr) -> String {
    format!(".{}.partial-", name.to_string_lossy())
}

/// Removes the partial output of a killed process. An output that the process had moved aside is restored,
/// unless the new one has taken its place. Directories with other names are left alone.
pub fn clear_away(target: &Path, partial: &Path) {
    let ours = target
        .file_name()
        .zip(partial.file_name())
        .is_some_and(|(target, partial)| partial.to_string_lossy().starts_with(&partial_prefix(target)));
    if !ours || target.parent() != partial.parent() {
        return;
    }
    let mut aside = partial.as_os_str().to_owned();
    aside.push("-replaced");
    let aside = Path::new(&aside);
    // Failures are ignored: leftovers are harmless.
    if target.symlink_metadata().is_err() {
        let _ = fs::rename(aside, target);
    }
    let _ = fs::remove_dir_all(aside);
    let _ = fs::remove_dir_all(partial);
}

/// Replaces only an empty directory or an output of this program, so `force` cannot delete anything else.
fn refuse_foreign(out: &Path) -> Result<(), Error> {
    let empty = || fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    if out.join("run.json").is_file() || empty() { Ok(()) } else { Err(Error::NotOurs(out.into())) }
}

/// Refuses a target that is the model's directory, is inside it, or contains it.
fn refuse_overlap(out: &Path, parent: &Path, name: &Path, model: &Path) -> Result<(), Error> {
    let Ok(model) = model.canonicalize() else { return Ok(()) };
    // The target may not exist yet, so its nearest existing ancestor is resolved instead.
    let mut existing = parent;
    while !existing.exists() {
        match existing.parent() {
            Some(up) if up != Path::new("") => existing = up,
            _ => existing = Path::new("."),
        }
    }
    let Ok(real) = existing.canonicalize() else { return Ok(()) };
    let rest = parent.strip_prefix(existing).unwrap_or(Path::new(""));
    let target = real.join(rest).join(name);
    let target = target.canonicalize().unwrap_or(target);
    if target.starts_with(&model) || model.starts_with(&target) {
        return Err(Error::InsideModel { out: out.into(), model });
    }
    Ok(())
}

/// Temporary directories are private to their owner, so a published output gets the permissions of its
/// parent.
#[cfg(unix)]
fn readable_like_other_directories(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let parent = path.parent().map_or_else(|| fs::metadata("."), fs::metadata)?;
    let mode = (parent.permissions().mode() & 0o777) | 0o700;
    fs::set_permissions(path, fs::Permissions::from_mode(mode & !0o022 | 0o700))
}

#[cfg(not(unix))]
fn readable_like_other_directories(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(out: &Path, force: bool, model: Option<&Path>) -> Result<OutputDir, Error> {
        OutputDir::create(out, force, model, |_| Ok(()))
    }

    #[test]
    fn an_unpublished_output_leaves_no_files() {
        let dir = tempfile::tempdir().unwrap();
        let out = create(&dir.path().join("slim"), false, None).unwrap();
        out.write("a", b"b").unwrap();
        drop(out);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_published_output_leaves_no_other_files_in_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("deep/slim");
        for text in ["first", "second"] {
            let out = create(&target, true, None).unwrap();
            out.write("run.json", text.as_bytes()).unwrap();
            let published = Published { path: target.clone(), bytes: text.len() as u64, leftover: None };
            assert_eq!(out.publish().unwrap(), published);
            assert_eq!(fs::read_to_string(target.join("run.json")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn bytes_include_files_in_subdirectories() {
        let dir = tempfile::tempdir().unwrap();
        let out = create(&dir.path().join("report"), false, None).unwrap();
        out.directory("plots").unwrap();
        out.write("plots/a", b"123").unwrap();
        out.write("b", b"4567").unwrap();
        assert_eq!(out.publish().unwrap().bytes, 7);
    }

    #[test]
    fn an_existing_output_is_refused_without_force() {
        let dir = tempfile::tempdir().unwrap();
        let error = create(dir.path(), false, None).unwrap_err();
        assert_eq!(error.advice(), Some(crate::failure::Advice::ReplaceOutput));
    }

    #[test]
    fn force_replaces_only_an_output() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("precious"), "x").unwrap();
        for out in [dir.path().to_owned(), dir.path().join("precious")] {
            let error = create(&out, true, None).unwrap_err();
            assert!(matches!(error, Error::NotOurs(_)), "{error}");
        }
    }

    #[test]
    fn an_output_that_overlaps_the_model_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("models/llama");
        fs::create_dir_all(&model).unwrap();
        for out in [model.clone(), model.join("slim"), model.join("a/b/slim"), dir.path().join("models")] {
            let error = create(&out, true, Some(&model)).unwrap_err();
            assert!(matches!(error, Error::InsideModel { .. }), "{error}");
        }
        create(&dir.path().join("models/llama-slim"), false, Some(&model)).unwrap();
    }

    #[test]
    fn the_temporary_name_is_known_before_anything_is_created() {
        let dir = tempfile::tempdir().unwrap();
        let mut passed = PathBuf::new();
        let keep = |partial: &Path| {
            passed = partial.into();
            if partial.exists() { Err(Error::Exists(partial.into())) } else { Ok(()) }
        };
        let out = OutputDir::create(&dir.path().join("new/slim"), false, None, keep).unwrap();
        assert_eq!(out.path(), passed);
        OutputDir::check(&dir.path().join("new/other"), false, None).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1);
    }
}
