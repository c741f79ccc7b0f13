//! `index.html`: one page that needs nothing beside it, in light and dark, on screen and on paper.

mod inline;
mod tables;

use super::{ReportInput, gallery::Figure};
use crate::words;
pub use inline::{escape, figure};
pub use tables::{Cell, table};

const STYLE: &str = include_str!("../../assets/report/page.css");

/// A part of the page: its anchor, its heading, what is said before its figures, and those.
struct Section {
    id: &'static str,
    heading: &'static str,
    says: &'static str,
    figures: &'static [&'static str],
}

const SECTIONS: [Section; 7] = [
    Section { id: "outcome", heading: "What came of it", says: "", figures: &["size-and-perplexity"] },
    Section {
        id: "ratios",
        heading: "How much of each layer",
        says: "In every decoder layer two weights decide what may go: the output projection of the attention, whose inputs \
               come from its heads, and the down projection of the MLP, whose inputs are its channels. The ratio says \
               which share of them leaves.",
        figures: &["ratios"],
    },
    Section {
        id: "errors",
        heading: "Errors, and how they pile up",
        says: "When inputs leave, those that stay are fitted to the old output by least squares. What cannot be made up for \
               is the error. It is passed on: each layer is calibrated on what the pruned layers above give, not the dense ones.",
        figures: &["errors", "error-by-ratio"],
    },
    Section {
        id: "heads",
        heading: "Heads",
        says: "Heads leave one by one: the cheapest goes, the others are fitted again, and all scores are computed anew.",
        figures: &["head-scores"],
    },
    Section {
        id: "channels",
        heading: "Channels",
        says: "Channels are many, so they leave in groups that get smaller towards the end.",
        figures: &["channel-scores"],
    },
    Section {
        id: "inputs",
        heading: "The inputs’ second moment",
        says: "All scores come from one matrix for each weight: G, the mean of x xᵀ over the inputs x of the calibration \
               tokens. It says how large each input is and which of them can stand in for each other.",
        figures: &["second-moments", "damping-and-condition"],
    },
    Section {
        id: "attempts",
        heading: "Attempts",
        says: "A layer may be solved again with other settings; each solve is kept, and one of them is active.",
        figures: &["attempts"],
    },
];

/// What any page of this program is made of.
pub struct Document<'d> {
    /// Of the window.
    pub title: String,
    /// Above all sections.
    pub head: String,
    /// (anchor, heading, what stands below it).
    pub sections: Vec<(&'d str, &'d str, String)>,
    pub footer: String,
}

/// The page as it is written; texts but the title are HTML already.
pub fn document(document: &Document<'_>) -> String {
    let Document { title, head, sections, footer } = document;
    let contents =
        sections.iter().map(|(id, heading, _)| format!("<li><a href=\"#{id}\">{heading}</a></li>"));
    let contents: String = contents.collect();
    let sections = sections
        .iter()
        .map(|(id, heading, body)| format!("<section id=\"{id}\"><h2>{heading}</h2>\n{body}</section>\n"));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n{}<main>\n{head}\
         <nav aria-label=\"Contents\"><ol>{contents}</ol></nav>\n{}</main>\n\
         <footer>{footer}</footer>\n</body>\n</html>\n",
        escape(title),
        inline::inks(),
        inline::LOOKS,
        sections.collect::<String>(),
    )
}

pub fn page(input: &ReportInput, figures: &[Figure]) -> String {
    let mut sections = Vec::new();
    for Section { id, heading, says, figures: names } in &SECTIONS {
        let shown: Vec<&Figure> =
            names.iter().filter_map(|name| figures.iter().find(|figure| figure.id == *name)).collect();
        if shown.is_empty() {
            continue;
        }
        let mut body = String::new();
        if !says.is_empty() {
            body += &format!("<p class=\"says\">{says}</p>\n");
        }
        for Figure { id, shown, read, chart } in shown {
            body += &inline::figure(id, (shown, read), chart, ".svg, .png");
        }
        if *id == "attempts" {
            body += &tables::attempts(input);
        }
        sections.push((*id, *heading, body));
    }
    sections.extend([
        ("layers", "All layers", tables::layers(input)),
        ("settings", "Settings", tables::settings(input)),
        ("environment", "Environment", tables::environment(input)),
    ]);
    document(&Document {
        title: format!("{} · SlimGPT report", input.record.model.name),
        head: head(input) + &notices(&input.notices),
        sections,
        footer: format!(
            "slimgpt {} · the method: SlimGPT, arXiv 2412.18110 · the plots lie beside this page in \
             <code>plots/</code>, the numbers in <code>layers.csv</code> and <code>run.json</code>",
            escape(&input.record.slimgpt_version)
        ),
    })
}

/// Title and the numbers that matter most.
fn head(input: &ReportInput) -> String {
    let record = &input.record;
    let model = &record.model;
    let (before, after) = (model.parameters_before, model.parameters_after);
    let pruned = input.layers.iter().filter(|layer| layer.facts.attempt.is_some()).count();
    let mut numbers = vec![
        (words::fewer(before, after), "fewer parameters".to_owned()),
        (words::parameters(after), format!("parameters, of {}", words::parameters(before))),
    ];
    if let Some(perplexity) = &record.perplexity {
        let before = format!("{:.2}", perplexity.before);
        numbers.push(match perplexity.after {
            Some(after) => (format!("{after:.2}"), format!("perplexity, from {before}")),
            None => (before, "perplexity of the dense model".into()),
        });
    }
    numbers.push((pruned.to_string(), format!("layers pruned, of {}", input.layers.len())));
    let numbers = numbers
        .iter()
        .map(|(number, what)| format!("<div><dd>{}</dd><dt>{}</dt></div>", escape(number), escape(what)));
    format!(
        "<header>\n<p class=\"over\">SlimGPT report</p>\n<h1>{}</h1>\n<p class=\"under\">{} · session {} · {}</p>\n\
         <dl class=\"key\">{}</dl>\n</header>\n",
        escape(&model.name),
        escape(&model.family),
        escape(&input.session.name),
        words::date(input.changed),
        numbers.collect::<String>()
    )
}

/// What a reader has to know.
pub fn notices(notices: &[String]) -> String {
    if notices.is_empty() {
        return String::new();
    }
    let items = notices.iter().map(|notice| format!("<li>{}</li>", escape(notice)));
    format!("<aside class=\"notices\"><h2>To be known</h2><ul>{}</ul></aside>\n", items.collect::<String>())
}
