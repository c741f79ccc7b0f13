//! `results.html`: tables and plots on one self-contained page.

use super::{
    Collected,
    charts::Figure,
    table::{self, Table},
};
use crate::{
    report::page::{self, Cell, Document, escape},
    words,
};

pub fn page(collected: &Collected, figures: &[Figure]) -> String {
    let mut outcome: String =
        collected.facts().iter().map(|fact| format!("<p>{}</p>\n", escape(fact))).collect();
    outcome += &html("Means over the runs of each row.", &table::summary(collected));
    let figures = figures
        .iter()
        .map(|Figure { id, shown, read, chart }| page::figure(id, (shown, read), chart, ".svg"));
    let mut sections = vec![("outcome", "Results", outcome)];
    let figures: String = figures.collect();
    if !figures.is_empty() {
        sections.push(("plots", "Plots", figures));
    }
    if !collected.cases.is_empty() {
        let rows = collected.cases.iter().map(|(case, settings)| {
            let settings: Vec<String> =
                settings.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            ("", vec![Cell::of(case.clone()), Cell::of(settings.join(", "))])
        });
        let caption = "Settings of each case that are not shared by all cells.";
        sections.push(("cases", "Cases", page::table(caption, &["case", "settings"], rows)));
    }
    sections.push(("cells", "All runs", html("One row per run.", &table::cells(collected))));
    let shared: Vec<String> =
        collected.shared.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let settings = format!(
        "<p>Settings shared by all runs, in the format of <code>slimgpt prune --config</code>.</p>\n\
         <pre class=\"settings\">{}</pre>\n",
        escape(&shared.join("\n"))
    );
    sections.push(("settings", "Settings", settings));
    page::document(&Document {
        title: format!("{} · SlimGPT sweep", collected.title),
        head: head(collected) + &page::notices(&collected.notices),
        sections,
        footer: "slimgpt sweep · the method: SlimGPT, arXiv 2412.18110 · the plots are also in <code>plots/</code>, \
                 the numbers in <code>results.csv</code> and <code>summary.csv</code>"
            .into(),
    })
}

fn head(collected: &Collected) -> String {
    let finished = collected.cells.iter().filter(|cell| cell.outcome.is_some()).count();
    let work: f64 =
        collected.cells.iter().filter_map(|cell| Some(cell.outcome.as_ref()?.seconds.total)).sum();
    let mut numbers = vec![
        (format!("{finished} of {}", collected.cells.len()), "runs finished"),
        (collected.rows.len().to_string(), "distinct settings apart from the seed"),
        (words::duration(work), "computing time of all runs"),
    ];
    if let Some(before) = collected.dense() {
        numbers.push((words::perplexity(before), "perplexity of the dense model"));
    }
    let numbers = numbers
        .iter()
        .map(|(number, what)| format!("<div><dd>{}</dd><dt>{}</dt></div>", escape(number), escape(what)));
    format!(
        "<header>\n<p class=\"over\">SlimGPT sweep</p>\n<h1>{}</h1>\n<dl class=\"key\">{}</dl>\n</header>\n",
        escape(&collected.title),
        numbers.collect::<String>()
    )
}

fn html(caption: &str, table: &Table) -> String {
    let heads: Vec<&str> = table.heads.iter().map(|(head, _)| head.as_str()).collect();
    let rows = table.rows.iter().map(|row| ("", row.iter().map(Cell::of).collect()));
    page::table(caption, &heads, rows)
}
