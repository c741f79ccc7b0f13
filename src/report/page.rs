//! `index.html`: a self-contained page with light and dark looks, for screen and print.

mod inline;
mod tables;

use super::{ReportInput, gallery::Figure};
use crate::words;
pub use inline::{escape, figure};
pub use tables::{Cell, table};

const STYLE: &str = include_str!("../../assets/report/page.css");

/// A section of the page: its anchor, heading, introduction and figures.
struct Section {
    id: &'static str,
    heading: &'static str,
    text: &'static str,
    figures: &'static [&'static str],
}

const SECTIONS: [Section; 7] = [
    Section { id: "outcome", heading: "Results", text: "", figures: &["size-and-perplexity"] },
    Section {
        id: "ratios",
        heading: "Pruning ratios",
        text: "SlimGPT prunes two weights of every decoder layer by removing input columns: the output projection of the attention, whose \
               inputs are its heads, and the down projection of the MLP, whose inputs are its channels. The ratio is the fraction to \
               remove.",
        figures: &["ratios"],
    },
    Section {
        id: "errors",
        heading: "Errors and their accumulation",
        text: "The remaining columns are fitted to the original output by least squares; the remaining difference is the error. Errors \
               accumulate, so each layer is calibrated on the outputs of the pruned layers before it.",
        figures: &["errors", "error-by-ratio"],
    },
    Section {
        id: "heads",
        heading: "Heads",
        text: "Heads are removed one at a time: after each removal, the remaining weights are fitted and all scores are updated.",
        figures: &["head-scores"],
    },
    Section {
        id: "channels",
        heading: "Channels",
        text: "Channels are removed in groups that get smaller towards the end.",
        figures: &["channel-scores"],
    },
    Section {
        id: "inputs",
        heading: "Second moment of the inputs",
        text: "All scores of a weight are computed from one matrix: G, the mean of x xᵀ over the inputs x of the calibration tokens. It contains \
               the size of each input and the correlations by which inputs can replace each other.",
        figures: &["second-moments", "damping-and-condition"],
    },
    Section {
        id: "attempts",
        heading: "Attempts",
        text: "A layer can be solved again with other settings. Every attempt is kept, and one of them is active.",
        figures: &["attempts"],
    },
];

/// The content of a page.
pub struct Document<'d> {
    /// The title of the browser window.
    pub title: String,
    /// HTML before the sections.
    pub head: String,
    /// Anchor, heading and HTML of each section.
    pub sections: Vec<(&'d str, &'d str, String)>,
    pub footer: String,
}

/// Renders a page. All texts except the title are HTML.
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
    for Section { id, heading, text, figures: names } in &SECTIONS {
        let shown: Vec<&Figure> =
            names.iter().filter_map(|name| figures.iter().find(|figure| figure.id == *name)).collect();
        if shown.is_empty() {
            continue;
        }
        let mut body = String::new();
        if !text.is_empty() {
            body += &format!("<p class=\"introduction\">{text}</p>\n");
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
            "slimgpt {} · the method: SlimGPT, arXiv 2412.18110 · the plots are in \
             <code>plots/</code>, the numbers in <code>layers.csv</code> and <code>run.json</code>",
            escape(&input.record.slimgpt_version)
        ),
    })
}

/// The title and the key numbers.
fn head(input: &ReportInput) -> String {
    let record = &input.record;
    let model = &record.model;
    let (before, after) = (model.parameters_before, model.parameters_after);
    let pruned = input.layers.iter().filter(|layer| layer.facts.attempt.is_some()).count();
    let mut numbers = vec![
        (words::fewer(before, after), "fewer parameters".to_owned()),
        (words::parameters(after), format!("parameters, of {}", words::parameters(before))),
    ];
    for (perplexity, on) in [(&record.perplexity, ""), (&record.guard, " on the second text")] {
        let Some(perplexity) = perplexity else { continue };
        let of = |value: f64, error: Option<f64>| match value.is_finite() {
            true => format!("{value:.2}{}", words::plus_minus(error)),
            false => "–".into(),
        };
        let before = of(perplexity.before, perplexity.before_error);
        numbers.push(match perplexity.after {
            Some(after) => (of(after, perplexity.after_error), format!("perplexity{on}, from {before}")),
            None => (before, format!("perplexity{on} of the dense model")),
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

/// The list of notices.
pub fn notices(notices: &[String]) -> String {
    if notices.is_empty() {
        return String::new();
    }
    let items = notices.iter().map(|notice| format!("<li>{}</li>", escape(notice)));
    format!("<aside class=\"notices\"><h2>Notices</h2><ul>{}</ul></aside>\n", items.collect::<String>())
}
