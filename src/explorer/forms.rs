//! The dialogs, filled with what holds now.

use crate::{
    calibration::TextSource,
    config::Span,
    export::{Format, GgufType},
    model::Precision,
    prune::{AttentionUnit, GroupSize, HeadScore, LayerRatio, Part, Refine, Score, Target},
};

use super::{Field, Form, FormKind, State, schedule::NAMED};

pub const SPANS: [&str; 2] = ["mean", "first and last"];
pub const SCORES: [(&str, Score); 5] = [
    ("obs", Score::Obs),
    ("magnitude", Score::Magnitude),
    ("wanda-sp", Score::WandaSp),
    ("flap", Score::Flap),
    ("random", Score::Random),
];
pub const REFINEMENTS: [(&str, Refine); 2] = [("none", Refine::None), ("swaps", Refine::Swaps)];
pub const HEAD_SCORES: [(&str, HeadScore); 3] = [
    ("exact", HeadScore::Exact),
    ("grouped-cholesky", HeadScore::GroupedCholesky),
    ("diagonal", HeadScore::Diagonal),
];
pub const UNITS: [(&str, AttentionUnit); 2] =
    [("kv-group", AttentionUnit::KvGroup), ("query-head", AttentionUnit::QueryHead)];
pub const TARGETS: [(&str, Target); 2] = [("layer", Target::Layer), ("dense-stream", Target::DenseStream)];
/// `taken` of these are solved again.
pub const PARTS: [(&str, &[Part]); 3] =
    [("both", &[Part::Attention, Part::Mlp]), ("attention", &[Part::Attention]), ("mlp", &[Part::Mlp])];
/// A GGUF file may lie beside a directory of either kind.
pub const FORMATS: [(&str, &[Format]); 5] = [
    ("hf", &[Format::Hf]),
    ("padded", &[Format::Padded]),
    ("gguf", &[Format::Gguf]),
    ("hf and gguf", &[Format::Hf, Format::Gguf]),
    ("padded and gguf", &[Format::Padded, Format::Gguf]),
];
pub const GGUF_TYPES: [(&str, GgufType); 4] =
    [("f32", GgufType::F32), ("f16", GgufType::F16), ("q8_0", GgufType::Q8_0), ("q4_k", GgufType::Q4K)];
pub const EXPORT_TYPES: [(&str, Option<Precision>); 4] = [
    ("as the model", None),
    ("f32", Some(Precision::F32)),
    ("f16", Some(Precision::F16)),
    ("bf16", Some(Precision::BF16)),
];

/// Which curve, and what pins it down.
pub fn shape(state: &State) -> Result<Form, String> {
    opened(state)?;
    let schedule = &state.schedule;
    let names = NAMED.map(|(name, _)| name);
    let name = if schedule.preset.is_some() { schedule.name() } else { names[0] };
    let (by, mean, first, last) = match schedule.span {
        Span::Mean(mean) => {
            let ends = (schedule.ratios.first(), schedule.ratios.last());
            let mean_of = |ratio: Option<&LayerRatio>| ratio.map_or(0.0, |ratio| ratio.mean());
            (SPANS[0], mean, mean_of(ends.0), mean_of(ends.1))
        }
        Span::Ends { first, last } => (SPANS[1], schedule.mean(), first, last),
    };
    let fields = vec![
        Field::choice("schedule", "how the ratio moves with depth; locked layers stay", &names, name),
        Field::choice("given by", "the mean over the layers, or the two ends of the curve", &SPANS, by),
        Field::text("mean", "from 0 to below 1; 0.2 removes a fifth", number(mean)),
        Field::text("first", "ratio at the beginning of the curve", number(first)),
        Field::text("last", "ratio at its end", number(last)),
    ];
    Ok(Form::new(FormKind::Shape, "Shape of the curve", fields))
}

pub fn ratio(state: &State) -> Result<Form, String> {
    opened(state)?;
    let layer = state.layer;
    let now = state.schedule.ratios.get(layer).copied().unwrap_or_default();
    let fields = vec![Field::text("ratio", RATIO_HINT, numbers(now))];
    Ok(Form::new(FormKind::Ratio { layer }, format!("Ratio of layer {layer}"), fields))
}

pub fn renormalise(state: &State) -> Result<Form, String> {
    opened(state)?;
    let hint = "the unlocked ratios are scaled until the mean of all layers is this";
    let fields = vec![Field::text("mean", hint, number(state.schedule.target()))];
    Ok(Form::new(FormKind::Renormalise, "Renormalise", fields))
}

pub fn retry(state: &State) -> Result<Form, String> {
    opened(state)?;
    let (layer, part) = (state.layer, state.screens.layer.part);
    let mut method = state.method(layer);
    let planned = state.schedule.ratios.get(layer).copied().unwrap_or(method.ratio);
    let chosen = state.layers.get(layer).and_then(|layer| layer.active());
    if chosen.is_none() {
        method.ratio = planned;
    }
    let fields = vec![
        Field::text("ratio", RATIO_HINT, numbers(planned)),
        Field::choice("parts", "which are solved again; the other is taken over", &names(&PARTS), "both"),
        Field::text(
            "damping",
            "share of the mean diagonal of G, 0 to 1; usual 0.01",
            method.damping.to_string(),
        ),
        Field::choice("score", SCORE_HINT, &names(&SCORES), named(&SCORES, method.score)),
        Field::choice(
            "head score",
            HEAD_SCORE_HINT,
            &names(&HEAD_SCORES),
            named(&HEAD_SCORES, method.head_score),
        ),
        Field::text("group size", GROUP_SIZE_HINT, method.group_size.to_string()),
        Field::choice("refine", REFINE_HINT, &names(&REFINEMENTS), named(&REFINEMENTS, method.refine)),
        Field::switch("compensation", "whether the kept weights make up for what left", method.compensation),
    ];
    Ok(Form::new(FormKind::Retry { layer, part }, format!("Try layer {layer} again"), fields))
}

const SCORE_HINT: &str = "obs: what a unit costs; the others are baselines, without head score and groups";
const RATIO_HINT: &str = "from 0 to below 1; two, as in 0.1/0.3, are of the heads and of the channels";
const HEAD_SCORE_HINT: &str =
    "exact: the true cost; grouped-cholesky: the paper's; diagonal: its ablation −GCD";
const REFINE_HINT: &str = "swaps: removed and kept units change places while that lowers the error";
const GROUP_SIZE_HINT: &str = "dynamic, reference (the authors' code), exact (one at a time), or a number";

pub fn settings(state: &State) -> Result<Form, String> {
    opened(state)?;
    let settings = &state.settings;
    let calibration: Vec<String> = settings.calibration.iter().map(ToString::to_string).collect();
    let parts =
        PARTS.iter().find(|(_, parts)| *parts == &settings.parts[..]).map_or("both", |(name, _)| *name);
    let fields = vec![
        Field::text(
            "calibration",
            "files, with commas between: text, JSON lines, Alpaca JSON, .gz; demo:stories",
            calibration.join(", "),
        ),
        Field::text("samples", "calibration windows", settings.samples.to_string()),
        Field::text(
            "seq-len",
            "tokens in a window; empty: min(2048, the model's)",
            settings.seq_len.map_or(String::new(), |n| n.to_string()),
        ),
        Field::text("seed", "of the window places", settings.seed.to_string()),
        Field::choice("parts", "what is pruned", &names(&PARTS), parts),
        Field::choice(
            "attention unit",
            "a KV group with its query heads, or single query heads",
            &names(&UNITS),
            named(&UNITS, settings.attention_unit),
        ),
        Field::choice("score", SCORE_HINT, &names(&SCORES), named(&SCORES, settings.score)),
        Field::choice(
            "head score",
            HEAD_SCORE_HINT,
            &names(&HEAD_SCORES),
            named(&HEAD_SCORES, settings.head_score),
        ),
        Field::text("group size", GROUP_SIZE_HINT, settings.group_size.to_string()),
        Field::choice("refine", REFINE_HINT, &names(&REFINEMENTS), named(&REFINEMENTS, settings.refine)),
        Field::text(
            "channel multiple",
            "keep a multiple of this many channels",
            settings.channel_multiple.to_string(),
        ),
        Field::choice(
            "target",
            "the layer's own output, or the dense model's",
            &names(&TARGETS),
            named(&TARGETS, settings.target),
        ),
        Field::text(
            "damping",
            "share of the mean diagonal of G, 0 to 1; usual 0.01",
            settings.damping.to_string(),
        ),
        Field::switch(
            "compensation",
            "whether the kept weights make up for what left",
            settings.compensation,
        ),
        Field::switch(
            "bias compensation",
            "whether a bias makes up for the mean of what left, as in FLAP",
            settings.bias_compensation,
        ),
        Field::switch(
            "track errors",
            "run the dense model as well: the output error of every layer",
            settings.track_errors,
        ),
        Field::text(
            "evaluation",
            "text to measure perplexity on, before and after; empty: none; demo:held-out",
            settings.eval.as_ref().map_or(String::new(), ToString::to_string),
        ),
        Field::text("eval seq-len", "tokens in an evaluation window", settings.eval_seq_len.to_string()),
        Field::switch("BOS", "put a BOS token before each evaluation window", settings.bos),
    ];
    Ok(Form::new(FormKind::Settings, "Settings of the next run", fields))
}

pub fn prompt(state: &State) -> Result<Form, String> {
    let prompt = &state.compare.prompt;
    let fields = vec![
        Field::text("prompt", "what both models go on from", prompt.text.clone()),
        Field::text("tokens", "to make at most", prompt.max_tokens.to_string()),
        Field::text("temperature", "0 always takes the likeliest token", prompt.temperature.to_string()),
        Field::text("seed", "of the draws", prompt.seed.to_string()),
    ];
    Ok(Form::new(FormKind::Prompt, "Prompt", fields))
}

pub fn measure(state: &State) -> Result<Form, String> {
    let compare = &state.compare;
    let text = compare.text.as_ref().map_or(String::new(), TextSource::to_string);
    let fields = vec![
        Field::text("text", "a file: plain text, JSON lines, .gz; demo:held-out", text),
        Field::text("seq-len", "L, tokens in a window", compare.seq_len.to_string()),
        Field::switch("BOS", "put a BOS token before each window", compare.bos),
    ];
    Ok(Form::new(FormKind::Measure, "Perplexity", fields))
}

pub fn export(state: &State) -> Result<Form, String> {
    let name = state.model.as_ref().map_or("model", |model| model.record.name.as_str());
    let short = name.rsplit('/').next().unwrap_or(name);
    let form = &state.settings.output;
    let format = FORMATS.iter().find(|(_, formats)| *formats == form.formats).unwrap_or(&FORMATS[0]);
    let fields = vec![
        Field::choice(
            "format",
            "hf: a Hugging FrontendDraft directory; padded: one of the original sizes, with zeros; gguf: for llama.cpp",
            &names(&FORMATS),
            format.0,
        ),
        Field::choice(
            "weights",
            "number type in a Hugging FrontendDraft directory",
            &names(&EXPORT_TYPES),
            named(&EXPORT_TYPES, form.export_dtype),
        ),
        Field::choice(
            "gguf weights",
            "q8_0 and q4_k are smaller; they fit rows in multiples of 32 and 256",
            &names(&GGUF_TYPES),
            named(&GGUF_TYPES, form.gguf_type),
        ),
        Field::switch("verify", "what was written is read back and its logits are compared", form.verify),
        Field::text("directory", "must not exist yet", format!("slim-{short}")),
        Field::switch("replace", "an earlier export of that name is replaced", false),
    ];
    Ok(Form::new(FormKind::Export, "Export", fields))
}

fn opened(state: &State) -> Result<(), String> {
    state.unready().map_or(Ok(()), Err)
}

/// At most six decimals, none of them idle.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// As `LayerRatio` reads it.
fn numbers(ratio: LayerRatio) -> String {
    match ratio.one() {
        Some(ratio) => number(ratio),
        None => format!("{}/{}", number(ratio.attention), number(ratio.mlp)),
    }
}

fn names<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(name, _)| *name).collect()
}

fn named<T: PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| *name)
}

/// What a name of a table stands for.
pub fn value_of<T: Copy>(table: &[(&'static str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|&(_, value)| value)
}

/// The group size that a text means.
pub fn group_size(text: &str) -> Result<GroupSize, String> {
    text.parse().map_err(|why| format!("group size: {why}"))
}
