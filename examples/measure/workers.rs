//! The worker processes that do the measured work: this program, and PyTorch where it is installed.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::{
    Fallible,
    work::{Answer, Work},
};

/// The exit code of the script if Python lacks a module that it needs.
const NOT_INSTALLED: i32 = 3;

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Slimgpt {
        threads: usize,
    },
    /// On all threads.
    PyTorch,
}

/// A running worker. It ends when it is dropped.
pub struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    name: &'static str,
}

/// The running workers, by side.
pub struct Workers {
    python: Option<PathBuf>,
    /// Versions of the modules; None if PyTorch is not used.
    pub versions: Option<String>,
    running: Vec<(Side, Worker)>,
}

impl Workers {
    /// Asks Python for PyTorch and transformers, unless `python` is None. Workers of PyTorch have `threads`.
    pub fn new(python: Option<PathBuf>, threads: usize) -> Fallible<Self> {
        let mut workers = Self { python, versions: None, running: Vec::new() };
        if let Some((worker, versions)) = workers.start_pytorch(threads)? {
            workers.versions = Some(versions);
            workers.running.push((Side::PyTorch, worker));
        }
        Ok(workers)
    }

    /// Does the work, in a new worker if none is running; None if PyTorch is not installed.
    pub fn run(&mut self, side: Side, work: &Work) -> Fallible<Option<Answer>> {
        if let Some((_, worker)) = self.running.iter_mut().find(|(running, _)| *running == side) {
            return worker.run(work).map(Some);
        }
        match side {
            Side::Slimgpt { threads } => {
                let mut command = Command::new(env::current_exe()?);
                command.arg("--worker").env("RAYON_NUM_THREADS", threads.to_string());
                let mut worker = Worker::start(command, "slimgpt")?;
                let answer = worker.run(work)?;
                self.running.push((side, worker));
                Ok(Some(answer))
            }
            Side::PyTorch => Ok(None),
        }
    }

    /// Ends the workers of slimgpt, which frees their memory.
    pub fn end(&mut self) {
        self.running.retain(|(side, _)| *side == Side::PyTorch);
    }

    fn start_pytorch(&self, threads: usize) -> Fallible<Option<(Worker, String)>> {
        let Some(python) = &self.python else { return Ok(None) };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/measure/pytorch.py");
        let mut command = Command::new(python);
        command.arg(script).arg(threads.to_string()).env("OMP_NUM_THREADS", threads.to_string());
        let Ok(mut worker) = Worker::start(command, "PyTorch") else { return Ok(None) };
        let Some(line) = worker.line()? else {
            let status = worker.child.wait()?;
            return match status.code() {
                Some(NOT_INSTALLED) => Ok(None),
                Some(_) | None => Err(format!("{}: the script failed: {status}", python.display()).into()),
            };
        };
        let versions = serde_json::from_str::<Value>(&line)?["versions"].as_str().unwrap_or("?").to_owned();
        Ok(Some((worker, versions)))
    }
}

impl Worker {
    fn start(mut command: Command, name: &'static str) -> Fallible<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("the worker has no output")?);
        Ok(Self { child, requests, answers, name })
    }

    /// Does the work and waits for its end.
    pub fn run(&mut self, work: &Work) -> Fallible<Answer> {
        let requests = self.requests.as_mut().ok_or("the worker has no input")?;
        writeln!(requests, "{}", serde_json::to_string(work)?)?;
        requests.flush()?;
        let Some(line) = self.line()? else {
            return Err(format!("{} ended at {work:?}: {}", self.name, self.child.wait()?).into());
        };
        let answer: Answer = serde_json::from_str(&line)?;
        match &answer.error {
            Some(error) => Err(format!("{}: {work:?}: {error}", self.name).into()),
            None => Ok(answer),
        }
    }

    fn line(&mut self) -> Fallible<Option<String>> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line)?;
        Ok((read > 0).then_some(line))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A worker ends at the end of its input.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
