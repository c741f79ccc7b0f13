//! Submits a filled form. A refused form shows the reason in one sentence.

use std::{path::PathBuf, str::FromStr};

use crate::{
    calibration::TextSource,
    config::{self, Evaluation, Solver, Span},
    protocol::{Label, Method, Prompt, Ratio, job},
    prune::{LayerRatio, Part},
};

use super::{
    FieldId, Form, FormKind,
    forms::{PARTS, SPANS, value_of},
};
use crate::explorer::{
    Action, Effect, NoticeKind, Screen, State,
    edit::{self, Edit},
    picture, runs,
    schedule::NAMED,
    screens::{
        layer::view::ATTEMPTS,
        layers::{Column, Order},
    },
    sessions_on_disk,
};

pub fn submit(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    match form.kind {
        FormKind::Shape => shape(state, form),
        FormKind::Ratio { layer } => {
            let ratio = layer_ratio(form).map_err(|why| several_are_retried(state, form, why))?;
            state.follow = false;
            Ok(edit::type_ratio(state, layer, ratio))
        }
        FormKind::Renormalise => {
            let mean = ratio("mean", form.text(FieldId::Mean)?)?;
            checked(state, "renormalised", |schedule| schedule.renormalise(mean))
        }
        FormKind::Retry { layer, .. } => retry(state, layer, form),
        FormKind::Label => {
            let label =
                Label { name: form.text(FieldId::Name)?.into(), note: form.text(FieldId::Note)?.into() };
            Ok(sessions_on_disk::label(state, label))
        }
        FormKind::Settings => {
            state.settings = form.settings(&state.settings)?;
            state.touch();
            let text = &mut state.compare.evaluation.text;
            *text = text.take().or(state.settings.evaluation.text.clone());
            let start = state.interface.keymap.label(Action::Start);
            let how = start.map_or(String::new(), |key| format!("; {key} starts it"));
            state.say(NoticeKind::Done, format!("The next run uses these settings{how}"));
            Ok(Vec::new())
        }
        FormKind::Columns => columns(state, form),
        FormKind::Prompt => prompt(state, form),
        FormKind::Measure => measure(state, form),
        FormKind::Export => export(state, form),
        FormKind::Picture { figure } => picture::submit(form, figure),
    }
}

fn columns(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    let mut shown = Vec::new();
    for column in Column::ALL {
        if column == Column::Number || form.switched(FieldId::Column(column))? {
            shown.push(column);
        }
    }
    let order = &mut state.screens.layers.order;
    if !shown.contains(&order.by) {
        *order = Order::default();
    }
    state.screens.layers.columns = Some(shown);
    Ok(Vec::new())
}

fn shape(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    let name = form.text(FieldId::Schedule)?;
    let named = NAMED.iter().find(|(known, _)| *known == name);
    let curve = named.map_or(crate::prune::Schedule::Log, |(_, curve)| curve.clone());
    let span = if form.text(FieldId::GivenBy)? == SPANS[0] {
        Span::Mean(ratio("mean", form.text(FieldId::Mean)?)?)
    } else {
        Span::Ends {
            first: ratio("first", form.text(FieldId::First)?)?,
            last: ratio("last", form.text(FieldId::Last)?)?,
        }
    };
    checked(state, "schedule", |schedule| schedule.take(curve, span))
}

/// Performs an edit. If it is refused, the form shows the reason.
fn checked(
    state: &mut State,
    what: &str,
    apply: impl FnOnce(&mut crate::explorer::Schedule) -> Result<(), String>,
) -> Result<Vec<Effect>, String> {
    let mut refused = None;
    let effects = edit::change(state, what, Edit::Alone, |schedule| {
        apply(schedule).inspect_err(|why| refused = Some(why.clone()))
    });
    refused.map_or(Ok(effects), Err)
}

fn retry(state: &mut State, layer: usize, form: &Form) -> Result<Vec<Effect>, String> {
    let solver = Solver::fill(form.options()?.solver).map_err(|e| e.to_string())?;
    let parts = value_of(&PARTS, form.text(FieldId::Parts)?).unwrap_or(PARTS[0].1).to_vec();
    let method = |typed: LayerRatio| {
        let before = state.schedule.ratios.get(layer).copied().unwrap_or(typed);
        // A part that is not solved again keeps its ratio.
        let ratio = parts
            .iter()
            .fold(before, |ratio, &part| ratio.with_part(part, typed.of(part), typed.unit_of(part)));
        Method { ratio, parts: parts.clone(), solver, overrides: Vec::new() }
    };
    let methods: Vec<Method> = layer_ratios(form.text(FieldId::Ratio)?)?.into_iter().map(method).collect();
    if let Some(why) = state.unready_to_prune() {
        return Err(why);
    }
    let effects = state.retry_with(layer, methods);
    // The new attempts appear in this list.
    state.focus(Screen::Layer, &ATTEMPTS.panel);
    Ok(effects)
}

/// Maximum number of attempts of one form.
const MOST: usize = 32;

/// Ratios separated by commas, semicolons or blanks. A comma between two digits of a text without a point or a blank is
/// a decimal comma.
fn layer_ratios(text: &str) -> Result<Vec<LayerRatio>, String> {
    let text = &text.replace(" /", "/").replace("/ ", "/");
    let blanks = text.contains([' ', ';']);
    let separator = |c: char| c == ';' || c.is_whitespace() || (c == ',' && text.contains('.'));
    let pieces = text.split(separator).map(|piece| piece.trim_matches(|c: char| c == ',' && blanks));
    let ratios: Vec<LayerRatio> =
        pieces.filter(|piece| !piece.is_empty()).map(one_layer_ratio).collect::<Result<_, _>>()?;
    match ratios.len() {
        0 => Err(format!("ratio: expected a number from 0 to below 1, found \"{text}\"")),
        1..=MOST => Ok(ratios),
        more => Err(format!("ratio: expected at most {MOST} ratios, found {more}")),
    }
}

fn prompt(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    let temperature: f64 = form.text(FieldId::Temperature)?.parse().unwrap_or(f64::NAN);
    if !(temperature == 0.0 || (1e-3..=1e3).contains(&temperature)) {
        let found = form.text(FieldId::Temperature)?;
        return Err(format!("temperature: expected 0 or a number from 0.001 to 1000, found \"{found}\""));
    }
    let max_tokens = whole("tokens", form.text(FieldId::Tokens)?)?;
    if max_tokens == 0 {
        return Err("tokens: expected at least 1, found 0".into());
    }
    // Leading and trailing blanks of a prompt are significant.
    let text = form.whole_text(FieldId::Prompt)?.to_string();
    state.compare.prompt =
        Prompt { text, max_tokens, temperature, seed: whole("seed", form.text(FieldId::Seed)?)? };
    Ok(runs::write(state))
}

fn measure(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    if let Some(why) = state.unready() {
        return Err(why);
    }
    let text: TextSource = form.text(FieldId::Text)?.parse()?;
    let seq_len = whole("seq-len", form.text(FieldId::SeqLen)?)?;
    config::at_least(2)("seq-len", &seq_len).map_err(|e| e.to_string())?;
    let bos = form.switched(FieldId::Bos)?;
    let evaluation = Evaluation { text: Some(text), seq_len, bos, ..state.compare.evaluation.clone() };
    state.compare.evaluation = evaluation.clone();
    Ok(state.begin(job::MeasurePerplexity { evaluation }))
}

fn export(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    if let Some(why) = state.unready() {
        return Err(why);
    }
    let out = form.text(FieldId::Directory)?;
    if out.is_empty() {
        return Err("directory: expected a path that does not exist yet, found nothing".into());
    }
    let out = PathBuf::from(out);
    state.export_form = Some(form.clone());
    let written = state.settings.output.changed(form.options()?.output).map_err(|e| e.to_string())?;
    let usual = config::Settings::default().output.gguf_type;
    let gguf = written.formats.iter().any(|format| format.to_string() == "gguf");
    state.settings.output = written.clone();
    let force = form.switched(FieldId::Replace)?;
    state.touch();
    let unused = !gguf && written.gguf_type != usual;
    let words = format!("The GGUF type {} has no effect, because no GGUF file is written", written.gguf_type);
    let effects = state.begin(job::Export { form: written, out, force });
    if unused {
        state.say(NoticeKind::Refused, words);
    }
    Ok(effects)
}

fn ratio(name: &str, text: &str) -> Result<f64, String> {
    let value: f64 = text
        .replace(',', ".")
        .parse()
        .map_err(|_| format!("{name}: expected a number from 0 to below 1, found \"{text}\""))?;
    Ratio::new(value).map(Ratio::get).map_err(|e| e.to_string())
}

fn layer_ratio(form: &Form) -> Result<LayerRatio, String> {
    one_layer_ratio(form.text(FieldId::Ratio)?)
}

fn one_layer_ratio(text: &str) -> Result<LayerRatio, String> {
    // A comma in a number is a decimal comma.
    let typed: Result<LayerRatio, _> = text.replace(',', ".").parse();
    // Without a comma to replace, the message of the text itself is the same.
    let typed = typed.or_else(|_| text.parse()).map_err(|why| format!("ratio: {why}"))?;
    for part in [Part::Attention, Part::Mlp] {
        Ratio::new(typed.of(part)).map_err(|e| e.to_string())?;
    }
    Ok(typed)
}

/// The reason why a plan has no such ratio; a list of ratios belongs to a retry.
fn several_are_retried(state: &State, form: &Form, why: String) -> String {
    let several = form.text(FieldId::Ratio).and_then(layer_ratios).is_ok_and(|ratios| ratios.len() > 1);
    match state.interface.keymap.label(Action::Retry) {
        Some(key) if several => format!("{why}; {key} makes one attempt for each of several ratios"),
        Some(_) | None => why,
    }
}

fn whole<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name}: expected a whole number, found \"{text}\""))
}
