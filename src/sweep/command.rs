//! The command that runs a cell, as arguments and as a shell line.

use std::{ffi::OsString, path::Path};

use super::{Cell, Place, SessionStatus, Sweep};
use crate::words::quoted;

/// The arguments of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(Vec<OsString>);

/// The command that starts or continues a cell; None if the cell is finished or in use.
pub fn command(
    (sweep, place): (&Sweep, &Place),
    cell: &Cell,
    status: SessionStatus,
    threads: Option<usize>,
) -> Option<Line> {
    let export = sweep.export;
    // Cells with the same model and evaluation share the perplexity of the dense model.
    let measured_by = sweep.cells.iter().find(|first| first.measures_as(cell));
    let mut line = Line(Vec::new());
    let session = place.session_of(cell);
    match status {
        SessionStatus::Finished | SessionStatus::InUse(_) => return None,
        SessionStatus::Fresh => {
            line.push("prune").push("--config").push(place.settings_of(cell)).push("--session").push(session);
            match export {
                true => line.push("--out").push(place.model_of(cell)),
                false => line.push("--no-export"),
            };
            if let Some(first) = measured_by.filter(|first| first.name != cell.name) {
                line.push("--dense-from").push(place.session_of(first));
            }
        }
        SessionStatus::Begun => {
            line.push("resume").push(session);
        }
    }
    if let Some(threads) = threads {
        line.push("--threads").push(threads.to_string());
    }
    Some(line)
}

impl Line {
    fn push(&mut self, word: impl Into<OsString>) -> &mut Self {
        self.0.push(word.into());
        self
    }

    pub fn arguments(&self) -> &[OsString] {
        &self.0
    }

    /// The command line in POSIX shell syntax.
    pub fn quoted(&self, program: &Path) -> String {
        let words = [program.as_os_str()].into_iter().chain(self.0.iter().map(OsString::as_os_str));
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_line_quotes_every_argument() {
        let line = Line(["prune", "a b", "it's", "", "--ratio=0.5", "$HOME"].map(OsString::from).into());
        let text = line.quoted(Path::new("slimgpt"));
        assert_eq!(text, "slimgpt prune 'a b' 'it'\\''s' '' --ratio=0.5 '$HOME'");
    }
}
