//! The table of results with one row per measurement, and the page that contains it.

use std::{fmt, fs, path::Path, thread};

use crate::rate::Fallible;

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

pub struct Row {
    pub what: String,
    pub measured: String,
    pub against: String,
    pub verdict: Verdict,
}

pub enum Verdict {
    /// The maximum ratio of the measurement to its reference.
    Ratio {
        ratio: f64,
        at_most: Option<f64>,
    },
    /// The expected ratio, within a tenth of it.
    About {
        ratio: f64,
        wanted: f64,
    },
    Same(bool),
}

impl Row {
    /// The row without its bound, for sizes to which the bound does not apply.
    pub fn unbound(self) -> Self {
        let verdict = match self.verdict {
            Verdict::Ratio { ratio, .. } => Verdict::Ratio { ratio, at_most: None },
            Verdict::About { ratio, .. } => Verdict::Ratio { ratio, at_most: None },
            Verdict::Same(same) => Verdict::Same(same),
        };
        Self { verdict, ..self }
    }

    pub fn holds(&self) -> bool {
        match self.verdict {
            Verdict::Ratio { ratio, at_most } => at_most.is_none_or(|most| ratio <= most),
            Verdict::About { ratio, wanted } => (ratio - wanted).abs() <= 0.1 * wanted,
            Verdict::Same(same) => same,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, measured, against, .. } = self;
        let (ratio, wanted) = match self.verdict {
            Verdict::Ratio { ratio, at_most } => {
                (format!("{ratio:.2}"), at_most.map_or("-".into(), |most| format!("≤ {most}")))
            }
            Verdict::About { ratio, wanted } => (format!("{ratio:.2}"), format!("{wanted} ± 10 %")),
            Verdict::Same(_) => ("-".into(), "equal".into()),
        };
        let missed = if self.holds() { "" } else { ", **missed**" };
        writeln!(f, "| {what} | {measured} | {against} | {ratio} | {wanted}{missed} |")
    }
}

/// The processor of the machine, and the header of the table.
pub fn head() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let columns = "| what | measured | against | ratio | wanted |\n| --- | --- | --- | --- | --- |\n";
    format!("Measured on {}, {cores} cores.\n\n{columns}", processor())
}

/// The processor's own name.
fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("an unknown processor".into(), |(_, name)| name.trim().into())
}

/// Replaces the table between the page's markers.
pub fn write(page: &Path, rows: &[Row]) -> Fallible<()> {
    let before = fs::read_to_string(page).map_err(|cause| format!("{}: {cause}", page.display()))?;
    let around = before.split_once(BEGIN).and_then(|(above, rest)| Some((above, rest.split_once(END)?.1)));
    let (above, below) = around.ok_or_else(|| {
        format!(
            "{}: expected the lines {BEGIN:?} and {END:?}; add them at the place of the table",
            page.display()
        )
    })?;
    let rows: String = rows.iter().map(Row::to_string).collect();
    let text = format!("{}{rows}", head());
    Ok(fs::write(page, format!("{above}{BEGIN}\n{text}\n{END}{below}"))?)
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

/// Operations with the rate of the product.
pub fn work(flops: f64, rate: f64) -> String {
    format!("{} Gflop at {:.1} Gflop/s: {}", (flops / 1e9).ceil(), rate / 1e9, seconds(flops / rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_replaced_and_the_rest_of_the_page_stays() {
        let dir = tempfile::tempdir().unwrap();
        let page = dir.path().join("page.md");
        fs::write(&page, format!("Above.\n{BEGIN}\nold\n\n{END}Below.\n")).unwrap();
        let row = |ratio, at_most| Row {
            what: "a solve".into(),
            measured: seconds(1.5),
            against: work(2e9, 1e9),
            verdict: Verdict::Ratio { ratio, at_most },
        };
        let rows = [row(0.75, Some(1.0)), row(1.5, Some(1.0)), row(1.5, None)];
        assert_eq!(rows.each_ref().map(Row::holds), [true, false, true]);
        for _ in 0..2 {
            write(&page, &rows).unwrap();
            let text = fs::read_to_string(&page).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[..3], ["Above.", BEGIN.trim_end(), ""]);
            assert_eq!(lines[7], "| a solve | 1.50 s | 2 Gflop at 1.0 Gflop/s: 2.00 s | 0.75 | ≤ 1 |");
            assert!(lines[8].ends_with("| 1.50 | ≤ 1, **missed** |") && lines[9].ends_with("| 1.50 | - |"));
            assert_eq!(lines[10..], ["", END.trim_end(), "Below."]);
        }
        fs::write(&page, "no markers").unwrap();
        assert!(write(&page, &rows).unwrap_err().to_string().contains("add them at the place"));
    }
}
