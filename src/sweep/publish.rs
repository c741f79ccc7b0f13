//! Writes the tables as CSV, Markdown and HTML, and the plots.

use super::{Collected, Error, Place, charts, csv, markdown, page};
use crate::plot::Look;

const PLOTS: &str = "plots";

/// Writes all tables and plots, each file completely or not at all.
///
/// # Errors
/// If a file cannot be written.
pub fn publish(collected: &Collected, place: &Place) -> Result<(), Error> {
    let figures = charts::figures(collected);
    let write = |name: &str, text: String| place.write(&place.file(name), text.as_bytes());
    write("results.csv", csv::results(collected))?;
    write("summary.csv", csv::summary(collected))?;
    write("results.md", markdown::document(collected, &figures))?;
    write("results.html", page::page(collected, &figures))?;
    for charts::Figure { id, chart, .. } in &figures {
        for (look, suffix) in [(Look::Light, ""), (Look::Dark, "-dark")] {
            write(&format!("{PLOTS}/{id}{suffix}.svg"), chart.svg(look, chart.size()))?;
        }
    }
    Ok(())
}
