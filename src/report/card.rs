//! The model card: the `README.md` of an export, with metadata for model hubs.

mod front_matter;
mod loading;

pub use front_matter::{Licence, licence_of};

use crate::{
    export::WrittenForm,
    protocol::{LayerRecord, RunRecord},
    prune::{LayerRatio, Part},
    words::{AttentionUnits, count, fewer, plus_minus, relative_error},
};

/// The content of a card that is not in the record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardFacts {
    /// The hub id of the original model, if it is from the hub.
    pub hub_id: Option<String>,
    /// The original model's `README.md`, which states its licence.
    pub readme: Option<String>,
    /// Licence files in the output.
    pub licence_files: Vec<String>,
    /// The written formats.
    pub forms: Vec<WrittenForm>,
}

impl CardFacts {
    /// The written formats, in the order of the list of formats.
    fn by_format(&self) -> Vec<&WrittenForm> {
        let mut forms: Vec<&WrittenForm> = self.forms.iter().collect();
        forms.sort_by_key(|form| form.format);
        forms
    }
}

/// The card of an export.
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
    let removed = record.settings.ratios.parts.iter().map(|part| match part {
        Part::Attention => "whole attention heads",
        Part::Mlp => "MLP channels",
    });
    let removed = removed.collect::<Vec<_>>().join(" and ");
    let fitted = match record.settings.solver.compensation {
        true => ", and fitted the remaining weights to the original outputs of each layer",
        false => ", without changing the remaining weights",
    };
    let quantised = match model.quantised.as_slice() {
        [] => String::new(),
        types => format!(
            " The original weights are quantised ({}); they were dequantised before pruning.",
            prose(&types.join(", "))
        ),
    };
    format!(
        "# {name}, pruned with SlimGPT\n\n\
         This model is {origin} ({}, {} layers) with {} fewer parameters: {} before pruning, {} after. SlimGPT (arXiv \
         2412.18110) removed {removed} layer by layer{fitted}. The model was not fine-tuned afterwards.{quantised}\n",
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
    let mut texts = String::new();
    for (perplexity, name) in
        [(&record.perplexity, "perplexity"), (&record.guard, "perplexity on the second text")]
    {
        let Some(perplexity) = perplexity else { continue };
        let of = |value: Option<f64>, error: Option<f64>| match value {
            Some(value) => format!("{value:.4}{}", plus_minus(error)),
            None => "not measured".into(),
        };
        let before = of(Some(perplexity.before).filter(|value| value.is_finite()), perplexity.before_error);
        let after = of(perplexity.after, perplexity.after_error);
        text += &format!("| {name} | {before} | {after} |\n");
        let bos = if perplexity.bos { "with" } else { "without" };
        texts += &format!(
            "\nPerplexity on {}: {} tokens in windows of {}, {bos} a BOS token; the first token of each window is not predicted.\n",
            code(&perplexity.text),
            count(perplexity.tokens),
            perplexity.seq_len
        );
    }
    text += &texts;
    if let Some(cost) = record.rounding_cost() {
        text += &format!(
            "\nThe sizes are rounded, which changes the mean relative error of the pruned parts from {} to {}.\n",
            relative_error(cost.scheduled),
            relative_error(cost.error)
        );
    }
    text
}

fn layers(record: &RunRecord) -> String {
    let units = AttentionUnits::of_run(record);
    let heading = units.names().1;
    let tracked = record.layers.iter().any(|layer| layer.output_error.is_some());
    let (head, rule) = if tracked { (" hidden-state error |", " ---: |") } else { ("", "") };
    let mut text = format!(
        "## Layers\n\n\
         Errors are the mean squared error of a part's output per token, relative to the mean square of the output{}.\n\n\
         | layer | ratio | {heading} | channels | attention error | MLP error |{head}\n\
         | ---: | ---: | ---: | ---: | ---: | ---: |{rule}\n",
        if tracked {
            "; the hidden-state error is that of the hidden states after the layer, compared with the dense model"
        } else {
            ""
        },
    );
    for LayerRecord { index, ratio, attention, mlp, output_error } in &record.layers {
        text += &format!(
            "| {index} | {} | {} of {}{} | {} of {} | {} | {} |",
            fraction(*ratio),
            attention.kept.len(),
            attention.units,
            units.suffix(attention.unit),
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
            "\nLayers {} were pruned with individual settings, listed in `run.json`.\n",
            tuned.join(", ")
        );
    }
    text + "\n`layers.csv` has more columns.\n"
}

/// The ratio of a layer with four digits; both values if heads and channels differ.
fn fraction(ratio: LayerRatio) -> String {
    format!("{:.4}", ratio.in_units(None))
}

fn settings(record: &RunRecord) -> String {
    let calibration = &record.calibration;
    let files: Vec<String> = calibration.files.iter().map(|file| code(file)).collect();
    format!(
        "## Settings\n\n\
         The calibration set has {} tokens: {} windows of {} tokens from {}, drawn with seed {}. The windows are in \
         `calibration.safetensors`. {} These settings reproduce the run with \
         `slimgpt prune --config`:\n\n\
         ```toml\n{}```\n\n\
         Pruned with slimgpt {}. `run.json` is the full record.\n",
        count(calibration.tokens),
        calibration.samples,
        calibration.seq_len,
        files.join(", "),
        calibration.seed,
        match AttentionUnits::of_run(record) {
            units @ AttentionUnits::Same(_) =>
                format!("Attention is pruned in units of one {}.", units.names().0),
            AttentionUnits::Different => "The units of attention differ between layers.".into(),
        },
        record.settings.to_file(None),
        prose(&record.slimgpt_version),
    )
}

fn licence_note(facts: &CardFacts, licence: &Licence) -> String {
    let named = licence.names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    let mut text = String::from("## Licence\n\nThis model is under the licence of the original model");
    text += &if named.is_empty() { ".".into() } else { format!(": {named}.") };
    if !facts.licence_files.is_empty() {
        let files: Vec<String> = facts.licence_files.iter().map(|file| code(file)).collect();
        text += &format!(" Its text is in {}.", files.join(", "));
    } else if named.is_empty() {
        text += " The original model has no licence; ask its authors.";
    }
    text + "\n"
}

/// Escapes text for Markdown.
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

/// Inline code, also valid in a table.
fn code(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() || c == '`' { ' ' } else { c }).collect();
    format!("`{}`", plain.replace('|', "\\|"))
}

/// An id as part of a URL.
fn link(id: &str) -> String {
    id.chars().filter(|c| c.is_alphanumeric() || "-_./".contains(*c)).collect()
}
