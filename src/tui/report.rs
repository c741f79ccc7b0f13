//! Reports panics in a file and on stderr, never on the explorer's screen.

use std::{
    backtrace::Backtrace,
    fs,
    io::{self, Write, stderr},
    path::{Path, PathBuf},
    process,
    sync::{Mutex, PoisonError},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use super::guard::{self, Shown};

/// Reports to be printed after the terminal is restored.
static WAITING: Mutex<Vec<Report>> = Mutex::new(Vec::new());

#[derive(Clone, Debug)]
pub struct Report {
    text: String,
    file: Option<PathBuf>,
}

/// Installs a panic hook that restores the terminal before printing. `dir` is the directory of report files.
pub fn install(dir: Option<PathBuf>) {
    std::panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("without a name");
        let text = format!("thread {name}: {info}\n\n{}", Backtrace::force_capture());
        match guard::shown() {
            Shown::No => emit(&Report { text, file: None }),
            Shown::ByThisThread => {
                guard::restore();
                emit(&Report::saved(text, dir.as_deref()));
            }
            Shown::ByAnother => waiting().push(Report::saved(text, dir.as_deref())),
        }
    }));
}

/// The file of the newest unprinted report.
pub fn newest_file() -> Option<PathBuf> {
    waiting().last()?.file.clone()
}

/// Prints the waiting reports.
pub fn print_reports() {
    for report in waiting().drain(..) {
        emit(&report);
    }
}

impl Report {
    fn saved(text: String, dir: Option<&Path>) -> Self {
        let file = dir.and_then(|dir| write(dir, &text).ok());
        Self { text, file }
    }
}

fn write(dir: &Path, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(dir)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let path = dir.join(format!("panic-{}-{}.log", since.as_millis(), process::id()));
    let version = env!("CARGO_PKG_VERSION");
    fs::write(&path, format!("slimgpt {version}\n{text}\n"))?;
    Ok(path)
}

/// Prints a report. If stderr cannot be written, the report is still in its file.
fn emit(report: &Report) {
    let mut stderr = stderr().lock();
    let _ = writeln!(stderr, "{}", report.text);
    if let Some(file) = &report.file {
        let _ = writeln!(stderr, "\nThis report is also in {}", file.display());
    }
}

fn waiting() -> std::sync::MutexGuard<'static, Vec<Report>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
