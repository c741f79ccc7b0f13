//! The model card: `README.md` beside the weights, with the metadata that hubs read.

mod front_matter;
mod loading;

pub use front_matter::{Licence, licence_of};

use super::figures::unit_name;
use crate::{
    export::WrittenForm,
    protocol::{LayerRecord, RunRecord},
    prune::AttentionUnit,
    words::{count, fewer, relative_error},
};

/// What a card tells beside the record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardFacts {
    /// The model's id on the hub, where it came from there.
    pub hub_id: Option<String>,
    /// The `README.md` of the model, where it has one: its licence is named again.
    pub readme: Option<String>,
    /// Licence files that lie beside the card.
    pub licence_files: Vec<String>,
    /// The formats that were written.
    pub forms: Vec<WrittenForm>,
}

impl CardFacts {
    /// The written formats in the order of their list.
    fn by_format(&self) -> Vec<&WrittenForm> {
        let mut forms: Vec<&WrittenForm> = self.forms.iter().collect();
        forms.sort_by_key(|form| form.format);
        forms
    }
}

/// The card of what was written; the record says in which forms.
pub fn card(record: &RunRecord, facts: &CardFacts) -> String {
    let licence = facts.readme.as_deref().map(licence_of).unwrap_or_default();
    let text = [
        front_matter::front_matter(record, facts, &licence),
        introduction(record, facts),
        results(record),
        loading::section(record, facts),
        layers(record),
        settings(record),
        licence_note(facts, &licence),
        CITATION.into(),
    ];
    text.join("\n")
}

const CITATION: &str = "## Citation

Ling, Wang, Yan, Liu: SlimGPT: Layer-wise Structured Pruning for Large Language Models. NeurIPS 2024, arXiv 2412.18110.

```bibtex
@inproceedings{ling2024slimgpt,
  title     = {SlimGPT: Layer-wise Structured Pruning for Large Language Models},
  author    = {Ling, Gui and Wang, Ziyang and Yan, Yuliang and Liu, Qingwen},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2024},
  eprint    = {2412.18110},
  archivePrefix = {arXiv}
}
```
";

fn introduction(record: &RunRecord, facts: &CardFacts) -> String {
    let model = &record.model;
    let name = prose(&model.name);
    let origin = match &facts.hub_id {
        Some(id) => format!("[{}](https://huggingface.co/{})", prose(id), link(id)),
        None => format!("**{name}**"),
    };
    let (before, after) = (model.parameters_before, model.parameters_after);
    format!(
        "# {name}, pruned with SlimGPT\n\n\
         {origin} ({}, {} layers) without {} of its parameters: {} before, {} after. Whole attention heads and channels of \
         the MLPs were removed layer by layer, and what stays was fitted again to what the layer gave before \
         (SlimGPT, arXiv 2412.18110). It was not trained afterwards.\n",
        prose(&model.family),
        model.layers,
        fewer(before, after),
        count(before),
        count(after),
    )
}

fn results(record: &RunRecord) -> String {
    let model = &record.model;
    let mut text = String::from("## Results\n\n| | before | after |\n| --- | ---: | ---: |\n");
    text +=
        &format!("| parameters | {} | {} |\n", count(model.parameters_before), count(model.parameters_after));
    if let Some(perplexity) = &record.perplexity {
        let after = perplexity.after.map_or("not measured".into(), |after| format!("{after:.4}"));
        text += &format!("| perplexity | {:.4} | {after} |\n", perplexity.before);
        let bos = if perplexity.bos { "with" } else { "without" };
        text += &format!(
            "\nPerplexity on {}: {} tokens in windows of {}, {bos} a BOS token; of each window the first token is not predicted.\n",
            code(&perplexity.text),
            count(perplexity.tokens),
            perplexity.seq_len
        );
    }
    if let Some(cost) = record.rounding_cost() {
        text += &format!(
            "\nSizes were rounded away from the schedule's own: the parts' mean relative error is {}, against {} without that.\n",
            relative_error(cost.error),
            relative_error(cost.scheduled)
        );
    }
    text
}

fn layers(record: &RunRecord) -> String {
    let unit = match record.settings.attention_unit {
        AttentionUnit::KvGroup => "KV groups",
        AttentionUnit::QueryHead => "query heads",
    };
    let tracked = record.layers.iter().any(|layer| layer.output_error.is_some());
    let (head, rule) = if tracked { (" error of the stream |", " ---: |") } else { ("", "") };
    let mut text = format!(
        "## Layers\n\n\
         Errors are the rise of the output's mean square error per token, as a share of the output's own mean square{}.\n\n\
         | layer | ratio | {unit} | channels | attention error | MLP error |{head}\n\
         | ---: | ---: | ---: | ---: | ---: | ---: |{rule}\n",
        if tracked {
            "; the error of the stream is that of the hidden states behind the layer, against the dense model"
        } else {
            ""
        },
    );
    for LayerRecord { index, ratio, attention, mlp, output_error } in &record.layers {
        text += &format!(
            "| {index} | {ratio:.4} | {} of {} | {} of {} | {} | {} |",
            attention.kept.len(),
            attention.units,
            mlp.kept.len(),
            mlp.units,
            relative_error(attention.relative_error),
            relative_error(mlp.relative_error)
        );
        if tracked {
            text += &format!(" {} |", output_error.map_or("–".into(), relative_error));
        }
        text += "\n";
    }
    if !record.tuned.is_empty() {
        let tuned: Vec<String> = record.tuned.iter().map(|tuned| tuned.layer.to_string()).collect();
        text += &format!(
            "\nSolved with settings of their own: layers {}; `run.json` says which.\n",
            tuned.join(", ")
        );
    }
    text + "\n`layers.csv` has more columns.\n"
}

fn settings(record: &RunRecord) -> String {
    let calibration = &record.calibration;
    let files: Vec<String> = calibration.files.iter().map(|file| code(file)).collect();
    format!(
        "## Settings\n\n\
         Calibrated on {} tokens: {} windows of {} tokens from {}, drawn by seed {}; the windows are in \
         `calibration.safetensors`. Heads leave by {}. As `slimgpt prune --config` reads them:\n\n\
         ```toml\n{}```\n\n\
         Made by slimgpt {}; `run.json` is the full record.\n",
        count(calibration.tokens),
        calibration.samples,
        calibration.seq_len,
        files.join(", "),
        calibration.seed,
        unit_name(record.settings.attention_unit),
        record.settings.to_file(None),
        prose(&record.slimgpt_version),
    )
}

fn licence_note(facts: &CardFacts, licence: &Licence) -> String {
    let named = licence.names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    let mut text =
        String::from("## Licence\n\nThe licence of the model that this one was made from holds for it too");
    text += &if named.is_empty() { ".".into() } else { format!(": {named}.") };
    if !facts.licence_files.is_empty() {
        let files: Vec<String> = facts.licence_files.iter().map(|file| code(file)).collect();
        text += &format!(" Its text: {}.", files.join(", "));
    } else if named.is_empty() {
        text += " That model came without one; ask whoever made it.";
    }
    text + "\n"
}

/// Text that Markdown takes as it is.
fn prose(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Text in a monospaced face, in a table too.
fn code(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect();
    format!("`{}`", plain.replace('|', "\\|"))
}

/// An id within an address.
fn link(id: &str) -> String {
    id.chars().filter(|c| c.is_alphanumeric() || "-_./".contains(*c)).collect()
}
