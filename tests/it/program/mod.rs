//! Helpers for end-to-end tests: the program, and a model directory.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

thread_local! {
    /// The directory of a test's sessions, separate from the user's.
    static STATE: tempfile::TempDir = tempfile::tempdir().unwrap();
}

pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slimgpt"));
    command.env_remove("HF_ENDPOINT").env("HF_HUB_OFFLINE", "1");
    // The user's own defaults would change the results.
    command.env("XDG_CONFIG_HOME", "/no such directory");
    STATE.with(|state| command.env("XDG_STATE_HOME", state.path()));
    command
}

/// The directory of this test's sessions.
pub fn sessions() -> PathBuf {
    STATE.with(|state| state.path().join("slimgpt/sessions"))
}

pub fn slimgpt(arguments: &[&str]) -> Ran {
    program().args(arguments).output().unwrap().into()
}

/// The files of an output by name, and `run.json` without times and memory.
pub fn output(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        let mut bytes = fs::read(entry.path()).unwrap();
        if name == "run.json" {
            let mut record: Value = serde_json::from_slice(&bytes).unwrap();
            record["seconds"].take();
            record["peak_memory_bytes"].take();
            bytes = record.to_string().into_bytes();
        }
        (name, bytes)
    };
    entries.map(read).collect()
}

/// Checks that an output has these files.
#[track_caller]
pub fn assert_same(found: &Path, expected: &BTreeMap<String, Vec<u8>>, what: &str) {
    let found = output(found);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(expected), "{what}");
    for (name, bytes) in &found {
        assert!(*bytes == expected[name], "{what}: {name} differs");
    }
}

/// Copies a directory recursively.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A temporary directory with a small model and a text.
pub struct Workspace {
    dir: tempfile::TempDir,
}

impl Workspace {
    pub fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(bench.path("model")).unwrap();
        for (name, bytes) in slimgpt::demo::FILES {
            fs::write(bench.path("model").join(name), bytes).unwrap();
        }
        fs::write(bench.path("text.txt"), slimgpt::demo::HELD_OUT).unwrap();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_string()
    }

    /// Prunes the model to `out`, with few windows and these additional arguments. The schedule is the paper's, with the mean
    /// as its ratio, unless the arguments decide about it.
    pub fn prune(&self, more: &[&str]) -> Ran {
        self.prune_to("out", more)
    }

    pub fn prune_to(&self, out: &str, more: &[&str]) -> Ran {
        self.pruning(out, more).output().unwrap().into()
    }

    /// The command that [`Self::prune_to`] runs.
    pub fn pruning(&self, out: &str, more: &[&str]) -> Command {
        let mut command = program();
        command.arg("prune").arg(self.path("model"));
        if !more.contains(&"--calibration") {
            command.arg("--calibration").arg(self.path("text.txt"));
        }
        if !more.contains(&"--samples") {
            command.args(["--samples", "8"]);
        }
        let decided =
            ["--schedule", "--preset", "--config", "--first-ratio"].iter().any(|flag| more.contains(flag));
        if !decided {
            command.args(["--schedule", "log"]);
        }
        if !decided && !more.iter().any(|flag| flag.starts_with("--by-parameters")) {
            command.arg("--by-parameters=false");
        }
        command.args(["--seq-len", "64"]).arg("--out").arg(self.path(out)).args(more);
        command
    }

    /// Sets a key of the model's config.json.
    pub fn configure(&self, key: &str, value: serde_json::Value) {
        let path = self.path("model/config.json");
        let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = value;
        fs::write(path, config.to_string()).unwrap();
    }

    /// Rewrites the weights after passing every tensor's name, shape and bytes to `change`.
    pub fn change_weights(&self, mut change: impl FnMut(&str, &mut Vec<usize>, &mut Vec<u8>) -> bool) {
        let path = self.path("model/model.safetensors");
        let bytes = fs::read(&path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut kept = Vec::new();
        for (name, view) in file.tensors() {
            let (mut shape, mut data) = (view.shape().to_vec(), view.data().to_vec());
            if change(&name, &mut shape, &mut data) {
                kept.push((name, view.dtype(), shape, data));
            }
        }
        let views = kept.iter().map(|(name, dtype, shape, data)| {
            (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        safetensors::serialize_to_file(views, None, &path).unwrap();
    }

    /// The names of all files, to check that no others are left.
    pub fn entries(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}
