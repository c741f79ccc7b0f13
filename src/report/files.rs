//! The files of a report, in memory.

use rayon::prelude::*;

use super::{
    ReportInput,
    gallery::{Curves, Figure, gallery},
    layers_csv, page,
};
use crate::plot::Look;

/// A file, with its path relative to the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The directory of the plots.
pub const PLOTS: &str = "plots";

/// `index.html`, `layers.csv`, `run.json`, and each figure as SVG and PNG in both looks.
///
/// # Errors
/// If JSON cannot express a number in the record.
pub fn files(input: &ReportInput, curves: &Curves) -> serde_json::Result<Vec<ReportFile>> {
    let figures = gallery(input, curves);
    let file = |name: &str, bytes: Vec<u8>| ReportFile { name: name.into(), bytes };
    let json = serde_json::to_string_pretty(&input.record)? + "\n";
    let mut files = vec![
        file("index.html", page::page(input, &figures).into_bytes()),
        file("layers.csv", layers_csv(&input.record, &input.facts()).into_bytes()),
        file("run.json", json.into_bytes()),
    ];
    let plots: Vec<Vec<ReportFile>> = figures.par_iter().map(plots).collect();
    files.extend(plots.into_iter().flatten());
    Ok(files)
}

fn plots(Figure { id, chart, .. }: &Figure) -> Vec<ReportFile> {
    let size = chart.size();
    let both = [(Look::Light, ""), (Look::Dark, "-dark")];
    let of = |(look, suffix): (Look, &str)| {
        let name = |kind: &str| format!("{PLOTS}/{id}{suffix}.{kind}");
        [
            ReportFile { name: name("svg"), bytes: chart.svg(look, size).into_bytes() },
            ReportFile { name: name("png"), bytes: chart.png(look, size) },
        ]
    };
    both.into_iter().flat_map(of).collect()
}
