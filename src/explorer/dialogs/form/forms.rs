//! The forms, filled with the current values.

use crate::{
    calibration::TextSource,
    config::{self, Scope, Settings, SettingsForm, Span},
    protocol::SessionSummary,
    prune::{LayerRatio, Part},
};

use super::{Field, FieldId, Form, FormKind};
use crate::explorer::{Screen, State, schedule::NAMED, screens::layers::Column};

pub const SPANS: [&str; 2] = ["mean", "first and last"];
/// The parts that a retry solves.
pub const PARTS: [(&str, &[Part]); 3] =
    [("both", &[Part::Attention, Part::Mlp]), ("attention", &[Part::Attention]), ("mlp", &[Part::Mlp])];
const RETRY_HINT: &str =
    "from 0 to below 1, or heads/channels such as 0.1:query-head/0.3; 0.15, 0.25, 0.35 makes three attempts";
const RATIO_HINT: &str = "from 0 to below 1; 0.1/0.3 is heads/channels, and 0.5:kv-group names the unit";

/// The form for the curve and the numbers that determine it.
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
        Field::choice(
            FieldId::Schedule,
            "schedule",
            "how the ratio changes with depth; locked layers keep their ratio",
            &names,
            name,
        ),
        Field::choice(
            FieldId::GivenBy,
            "given by",
            "the mean over the layers, or the two ends of the curve",
            &SPANS,
            by,
        ),
        Field::text(FieldId::Mean, "mean", "from 0 to below 1; 0.2 removes a fifth", number(mean)),
        Field::text(FieldId::First, "first", "ratio at the beginning of the curve", number(first)),
        Field::text(FieldId::Last, "last", "ratio at the end of the curve", number(last)),
    ];
    Ok(Form::new(FormKind::Shape, "Shape of the curve", fields))
}

pub fn ratio(state: &State) -> Result<Form, String> {
    opened(state)?;
    let layer = state.layer;
    let now = state.schedule.ratios.get(layer).copied().unwrap_or_default();
    let fields = vec![Field::text(FieldId::Ratio, "ratio", RATIO_HINT, numbers(now))];
    Ok(Form::new(FormKind::Ratio { layer }, format!("Ratio of layer {layer}"), fields))
}

pub fn renormalise(state: &State) -> Result<Form, String> {
    opened(state)?;
    let hint = "the mean of all layers after the unlocked ratios are scaled";
    let fields = vec![Field::text(FieldId::Mean, "mean", hint, number(state.schedule.target()))];
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
    let current = Settings { solver: method.solver, ..state.settings.clone() };
    // One ratio for both parts would undo ratios that differ, so the shown part is suggested.
    let apart = planned.one().is_none() && state.screen == Screen::Layer;
    let (parts, suggested) = match part {
        _ if !apart => ("both", numbers(planned)),
        Part::Attention => (PARTS[1].0, planned.attention.to_string()),
        Part::Mlp => (PARTS[2].0, planned.mlp.to_string()),
    };
    let mut fields = vec![
        Field::text(FieldId::Ratio, "ratio", RETRY_HINT, suggested),
        Field::choice(
            FieldId::Parts,
            "parts",
            "parts to solve again; the other is kept",
            &names(&PARTS),
            parts,
        ),
    ];
    let changeable = config::table().filter(|setting| setting.scope == Scope::Method);
    fields.extend(changeable.filter_map(|setting| Field::of_setting(setting, &current)));
    Ok(Form::new(FormKind::Retry { layer, part }, format!("Retry layer {layer}"), fields))
}

/// The form for the name and the note of a session.
pub fn label(session: &SessionSummary) -> Form {
    let label = session.content.as_ref().map(|content| content.label.clone()).unwrap_or_default();
    let fields = vec![
        Field::text(
            FieldId::Name,
            "name",
            "shown in place of the directory's name; empty: that name",
            label.name,
        ),
        Field::text(FieldId::Note, "note", "what this session is about", label.note),
    ];
    Form::new(FormKind::Label, format!("Session {}", session.name), fields)
}

pub fn settings(state: &State) -> Result<Form, String> {
    opened(state)?;
    let fields = fields_of(SettingsForm::Run, &state.settings);
    Ok(Form::new(FormKind::Settings, "Settings of the next run", fields))
}

/// The fields of all settings in a form.
fn fields_of(form: SettingsForm, settings: &Settings) -> Vec<Field> {
    let shown = config::form_settings(form).into_iter();
    shown.filter_map(|setting| Field::of_setting(setting, settings)).collect()
}

/// The form for the columns of the table of layers. The number of the layer is always shown.
pub fn columns(state: &State) -> Result<Form, String> {
    let shown = state.columns();
    let choosable = Column::ALL.into_iter().filter(|column| *column != Column::Number);
    let field = |column: Column| {
        Field::switch(FieldId::Column(column), column.name(), column.help(), shown.contains(&column))
    };
    Ok(Form::new(FormKind::Columns, "Columns of the table", choosable.map(field).collect()))
}

pub fn prompt(state: &State) -> Result<Form, String> {
    let prompt = &state.compare.prompt;
    let fields = vec![
        Field::text(FieldId::Prompt, "prompt", "the text that both models continue", prompt.text.clone()),
        Field::text(
            FieldId::Tokens,
            "tokens",
            "maximum number of generated tokens",
            prompt.max_tokens.to_string(),
        ),
        Field::text(
            FieldId::Temperature,
            "temperature",
            "0 always selects the likeliest token",
            prompt.temperature.to_string(),
        ),
        Field::text(FieldId::Seed, "seed", "of the random draws", prompt.seed.to_string()),
    ];
    Ok(Form::new(FormKind::Prompt, "Prompt", fields))
}

pub fn measure(state: &State) -> Result<Form, String> {
    let evaluation = &state.compare.evaluation;
    let text = evaluation.text.as_ref().map_or(String::new(), TextSource::to_string);
    let fields = vec![
        Field::text(FieldId::Text, "text", "a file (plain text, JSON lines, .gz), or demo:held-out", text),
        Field::text(FieldId::SeqLen, "seq-len", "L, tokens per window", evaluation.seq_len.to_string()),
        Field::switch(FieldId::Bos, "BOS", "start each window with a BOS token", evaluation.bos),
    ];
    Ok(Form::new(FormKind::Measure, "Perplexity", fields))
}

pub fn export(state: &State) -> Result<Form, String> {
    let name = state.model.as_ref().map_or("model", |model| model.record.name.as_str());
    let short = name.rsplit('/').next().unwrap_or(name);
    let mut fields = fields_of(SettingsForm::Export, &state.settings);
    fields.extend([
        Field::text(FieldId::Directory, "directory", "must not exist yet", format!("slim-{short}")),
        Field::switch(FieldId::Replace, "replace", "replace an earlier export with this name", false),
    ]);
    Ok(Form::new(FormKind::Export, "Export", fields))
}

fn opened(state: &State) -> Result<(), String> {
    state.unready().map_or(Ok(()), Err)
}

/// The number with at most six decimals and without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The ratio as text, in the form that `LayerRatio` parses.
fn numbers(ratio: LayerRatio) -> String {
    ratio.map(|ratio| (ratio * 1e6).round() / 1e6).to_string()
}

fn names<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(name, _)| *name).collect()
}

/// The value with this name, if the table has one.
pub fn value_of<T: Copy>(table: &[(&'static str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|&(_, value)| value)
}
