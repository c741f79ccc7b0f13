//! The table of results with one row per measurement, and the page that contains it.

use std::{fmt, fs, path::Path, thread};

use crate::{Fallible, rate::Rate};

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

/// A measurement. Times are medians of its runs.
pub struct Row {
    pub what: String,
    pub runs: usize,
    /// Of slimgpt.
    pub measured: String,
    /// Of PyTorch with the same work; None if it has no such work.
    pub pytorch: Option<String>,
    pub against: String,
    /// None if there is nothing to compare with.
    pub ratio: Option<f64>,
    pub bound: Bound,
}

/// The wanted ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    None,
    AtMost(f64),
    AtLeast(f64),
    Between(f64, f64),
    /// The files are equal; the ratio has no meaning.
    Equal(bool),
}

impl Row {
    /// The row without its bound, for sizes to which the bound does not apply.
    pub fn unbound(self) -> Self {
        let bound = match self.bound {
            Bound::Equal(equal) => Bound::Equal(equal),
            Bound::None | Bound::AtMost(_) | Bound::AtLeast(_) | Bound::Between(..) => Bound::None,
        };
        Self { bound, ..self }
    }

    pub fn holds(&self) -> bool {
        let within = |range: &dyn Fn(f64) -> bool| self.ratio.is_none_or(range);
        match self.bound {
            Bound::None => true,
            Bound::AtMost(most) => within(&|ratio| ratio <= most),
            Bound::AtLeast(least) => within(&|ratio| ratio >= least),
            Bound::Between(least, most) => within(&|ratio| (least..=most).contains(&ratio)),
            Bound::Equal(equal) => equal,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, runs, measured, pytorch, against, ratio, bound } = self;
        let pytorch = pytorch.as_deref().unwrap_or("-");
        let ratio = ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
        let wanted = match bound {
            Bound::None => "-".into(),
            Bound::AtMost(most) => format!("≤ {most}"),
            Bound::AtLeast(least) => format!("≥ {least}"),
            Bound::Between(least, most) => format!("{least} to {most}"),
            Bound::Equal(_) => "equal".into(),
        };
        let missed = if self.holds() { "" } else { ", **missed**" };
        writeln!(f, "| {what} | {runs} | {measured} | {pytorch} | {against} | {ratio} | {wanted}{missed} |")
    }
}

/// The machine, the versions of PyTorch and transformers, and the header of the table.
pub fn head(versions: Option<&str>) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let columns = "| what | runs | slimgpt | PyTorch | against | ratio | wanted |\n\
                   | --- | --- | --- | --- | --- | --- | --- |\n";
    let versions = versions.unwrap_or("without PyTorch");
    format!("Measured on {}, {cores} cores; {versions}.\n\n{columns}", processor())
}

/// The processor's own name.
fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("an unknown processor".into(), |(_, name)| name.trim().into())
}

/// Replaces the table between the page's markers.
pub fn write(page: &Path, head: &str, rows: &[Row]) -> Fallible<()> {
    let before = fs::read_to_string(page).map_err(|cause| format!("{}: {cause}", page.display()))?;
    let around = before.split_once(BEGIN).and_then(|(above, rest)| Some((above, rest.split_once(END)?.1)));
    let (above, below) = around.ok_or_else(|| {
        format!(
            "{}: expected the lines {BEGIN:?} and {END:?}; add them at the place of the table",
            page.display()
        )
    })?;
    let rows: String = rows.iter().map(Row::to_string).collect();
    Ok(fs::write(page, format!("{above}{BEGIN}\n{head}{rows}\n{END}{below}"))?)
}

pub fn seconds(seconds: f64) -> String {
    match seconds {
        short if short < 1.0 => format!("{short:.3} s"),
        middling if middling < 10.0 => format!("{middling:.2} s"),
        long => format!("{long:.1} s"),
    }
}

pub fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}

/// Operations with the machine's rate.
pub fn work(flops: f64, rate: Rate) -> String {
    let Rate { per_second, library } = rate;
    format!(
        "{} Gflop at {:.1} Gflop/s ({}): {}",
        (flops / 1e9).ceil(),
        per_second / 1e9,
        library.name(),
        seconds(flops / per_second)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Library;

    #[test]
    fn the_table_is_replaced_and_the_rest_of_the_page_stays() {
        let dir = tempfile::tempdir().unwrap();
        let page = dir.path().join("page.md");
        fs::write(&page, format!("Above.\n{BEGIN}\nold\n\n{END}Below.\n")).unwrap();
        let row = |ratio, bound| Row {
            what: "a solve".into(),
            runs: 5,
            measured: seconds(1.5),
            pytorch: None,
            against: work(2e9, Rate { per_second: 1e9, library: Library::Faer }),
            ratio,
            bound,
        };
        let rows = [
            row(Some(0.75), Bound::AtMost(1.0)),
            row(Some(1.5), Bound::AtMost(1.0)),
            row(Some(1.5), Bound::AtLeast(1.8)),
            row(Some(0.95), Bound::Between(0.9, 1.0)),
            row(None, Bound::AtMost(1.0)),
            row(Some(1.5), Bound::None),
        ];
        assert_eq!(rows.each_ref().map(Row::holds), [true, false, false, true, true, true]);
        for _ in 0..2 {
            write(&page, &head(Some("PyTorch 2")), &rows).unwrap();
            let text = fs::read_to_string(&page).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[..3], ["Above.", BEGIN.trim_end(), ""]);
            assert!(lines[3].starts_with("Measured on ") && lines[3].ends_with("; PyTorch 2."));
            let first = "| a solve | 5 | 1.50 s | - | 2 Gflop at 1.0 Gflop/s (faer): 2.00 s | 0.75 | ≤ 1 |";
            assert_eq!(lines[7], first);
            assert!(lines[8].ends_with("| 1.50 | ≤ 1, **missed** |") && lines[12].ends_with("| 1.50 | - |"));
            assert!(lines[11].ends_with("| - | ≤ 1 |"));
            assert_eq!(lines[13..], ["", END.trim_end(), "Below."]);
        }
        fs::write(&page, "no markers").unwrap();
        assert!(write(&page, "", &rows).unwrap_err().to_string().contains("add them at the place"));
    }
}
