//! The program as a child process: its peak resident size, output and files.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{Fallible, common::checkpoint::Shape};

/// Interval between two readings of the child's peak size, which only grows.
const LOOK: Duration = Duration::from_millis(20);

/// About 100 kB. Encoding does not depend on the number of layers, so it must take little of the time.
const STORIES: usize = 150;

/// The program, and a directory for its output.
pub struct Program<'a> {
    pub path: &'a Path,
    pub work: &'a Path,
}

pub struct Ran {
    /// Peak resident size in bytes.
    pub peak: u64,
    /// The program's standard output.
    pub printed: Value,
}

impl Program<'_> {
    /// A checkpoint with this shape and `name`; an existing one is reused.
    pub fn checkpoint(&self, name: &str, shape: &Shape) -> Fallible<PathBuf> {
        let directory = self.work.join(name);
        fs::write(self.text(), slimgpt::demo::text(0, STORIES))?;
        if !directory.exists() {
            crate::common::checkpoint::write(shape, &directory)?;
        }
        Ok(directory)
    }

    /// `slimgpt prune` with a temporary session. The model remains in `out`.
    pub fn prune(&self, model: &Path, out: &Path, more: &[&str]) -> Fallible<Ran> {
        let mut command = self.command("prune", model, more);
        command.arg("--out").arg(out);
        let ran = self.run(command)?;
        fs::remove_dir_all(self.state())?;
        Ok(ran)
    }

    /// `slimgpt prune` of the built-in model, with a temporary session.
    pub fn prune_demo(&self, more: &[&str]) -> Fallible<Ran> {
        let out = self.work.join("slim-demo");
        let mut command = self.alone();
        command.arg("prune").arg("--json").arg("--out").arg(&out).args(more);
        let ran = self.run(command)?;
        fs::remove_dir_all(out)?;
        fs::remove_dir_all(self.state())?;
        Ok(ran)
    }

    pub fn inspect(&self, model: &Path, more: &[&str]) -> Fallible<Value> {
        Ok(self.run(self.command("inspect", model, more))?.printed)
    }

    fn command(&self, what: &str, model: &Path, more: &[&str]) -> Command {
        let mut command = self.alone();
        command.arg(what).arg(model).arg("--calibration").arg(self.text()).arg("--json").args(more);
        command
    }

    /// The program without the user's own configuration, which would change the measurement.
    fn alone(&self) -> Command {
        let mut command = Command::new(self.path);
        command.env("XDG_CONFIG_HOME", self.work.join("none")).env("XDG_STATE_HOME", self.state());
        command.env_remove("RAYON_NUM_THREADS").env("HF_HUB_OFFLINE", "1");
        command
    }

    /// The calibration text, whose tokens are bytes.
    fn text(&self) -> PathBuf {
        self.work.join("text")
    }

    fn state(&self) -> PathBuf {
        self.work.join("state")
    }

    fn run(&self, mut command: Command) -> Fallible<Ran> {
        let [printed, errors] = ["printed", "errors"].map(|name| self.work.join(name));
        command.stdout(File::create(&printed)?).stderr(File::create(&errors)?);
        let mut child = command.spawn().map_err(|cause| format!("{}: {cause}", self.path.display()))?;
        let mut peak = 0;
        let status = loop {
            peak = peak.max(largest_size(&child).unwrap_or(0));
            if let Some(status) = child.try_wait()? {
                break status;
            }
            thread::sleep(LOOK);
        };
        if !status.success() {
            return Err(format!("{command:?}: {status}\n{}", fs::read_to_string(errors)?).into());
        }
        Ok(Ran { peak, printed: serde_json::from_slice(&fs::read(printed)?)? })
    }
}

/// Peak resident size so far in bytes; None if the system does not report it or the child has ended.
fn largest_size(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
