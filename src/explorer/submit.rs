//! What a filled form does; refused with one sentence that the form shows.

use std::{path::PathBuf, str::FromStr};

use crate::{
    calibration::TextSource,
    config::{self, Options, Settings, Span},
    protocol::{Method, Prompt, Ratio, job},
    prune::LayerRatio,
};

use super::{
    Effect, Form, FormKind, NoticeKind, State,
    edit::{self, Edit},
    forms::{
        self, EXPORT_TYPES, FORMATS, GGUF_TYPES, HEAD_SCORES, PARTS, REFINEMENTS, SCORES, SPANS, TARGETS,
        UNITS, value_of,
    },
    picture, runs,
    schedule::NAMED,
};

pub fn submit(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    match form.kind {
        FormKind::Shape => shape(state, form),
        FormKind::Ratio { layer } => {
            let ratio = layer_ratio(form)?;
            state.follow = false;
            Ok(edit::type_ratio(state, layer, ratio))
        }
        FormKind::Renormalise => {
            let mean = ratio("mean", form.text("mean"))?;
            checked(state, "renormalised", |schedule| schedule.renormalise(mean))
        }
        FormKind::Retry { layer, .. } => retry(state, layer, form),
        FormKind::Settings => {
            state.settings = settings(&state.settings, form)?;
            state.touch();
            state.compare.text = state.compare.text.take().or(state.settings.eval.clone());
            state.say(NoticeKind::Done, "The next run is done with these settings");
            Ok(Vec::new())
        }
        FormKind::Prompt => prompt(state, form),
        FormKind::Measure => measure(state, form),
        FormKind::Export => export(state, form),
        FormKind::Picture { figure } => picture::submit(form, figure),
    }
}

fn shape(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    let named = NAMED.iter().find(|(name, _)| *name == form.text("schedule"));
    let curve = named.map_or(crate::prune::Schedule::Log, |(_, curve)| curve.clone());
    let span = if form.text("given by") == SPANS[0] {
        Span::Mean(ratio("mean", form.text("mean"))?)
    } else {
        Span::Ends { first: ratio("first", form.text("first"))?, last: ratio("last", form.text("last"))? }
    };
    checked(state, "schedule", |schedule| schedule.take(curve, span))
}

/// An edit whose refusal belongs into the form.
fn checked(
    state: &mut State,
    what: &str,
    apply: impl FnOnce(&mut super::Schedule) -> Result<(), String>,
) -> Result<Vec<Effect>, String> {
    let mut refused = None;
    let effects = edit::change(state, what, Edit::Alone, |schedule| {
        apply(schedule).inspect_err(|why| refused = Some(why.clone()))
    });
    refused.map_or(Ok(effects), Err)
}

fn retry(state: &mut State, layer: usize, form: &Form) -> Result<Vec<Effect>, String> {
    let typed = layer_ratio(form)?;
    let before = state.schedule.ratios.get(layer).copied().unwrap_or(typed);
    let parts = value_of(&PARTS, form.text("parts")).unwrap_or(PARTS[0].1).to_vec();
    let method = Method {
        // A part that is taken over keeps its ratio.
        ratio: parts.iter().fold(before, |ratio, &part| ratio.with(part, typed.of(part))),
        parts,
        damping: damping(form.text("damping"))?,
        score: value_of(&SCORES, form.text("score")).unwrap_or_default(),
        head_score: value_of(&HEAD_SCORES, form.text("head score")).unwrap_or_default(),
        group_size: forms::group_size(form.text("group size"))?,
        compensation: form.switched("compensation"),
        refine: value_of(&REFINEMENTS, form.text("refine")).unwrap_or_default(),
        overrides: Vec::new(),
    };
    if let Some(why) = state.unready_to_prune() {
        return Err(why);
    }
    Ok(state.begin(job::Retry { layer, method }))
}

/// The settings with what the form says; the schedule, the layers and the machine stay as they are.
fn settings(old: &Settings, form: &Form) -> Result<Settings, String> {
    let text = |label: &'static str| form.text(label);
    let options = Options {
        calibration: Some(sources(text("calibration"))?),
        samples: Some(whole("samples", text("samples"))?),
        seq_len: optional(text("seq-len")).map(|n| whole("seq-len", n)).transpose()?,
        seed: Some(whole("seed", text("seed"))?),
        parts: value_of(&PARTS, text("parts")).map(<[_]>::to_vec),
        attention_unit: value_of(&UNITS, text("attention unit")),
        score: value_of(&SCORES, text("score")),
        head_score: value_of(&HEAD_SCORES, text("head score")),
        group_size: Some(forms::group_size(text("group size"))?),
        refine: value_of(&REFINEMENTS, text("refine")),
        channel_multiple: Some(whole("channel multiple", text("channel multiple"))?),
        target: value_of(&TARGETS, text("target")),
        damping: Some(damping(text("damping"))?),
        no_compensation: Some(!form.switched("compensation")),
        bias_compensation: Some(form.switched("bias compensation")),
        track_errors: Some(form.switched("track errors")),
        eval: optional(text("evaluation")).map(TextSource::from_str).transpose()?,
        eval_seq_len: Some(whole("eval seq-len", text("eval seq-len"))?),
        bos: Some(form.switched("BOS")),
        ..Options::default()
    };
    let new = Settings::new(options).map_err(|e| e.to_string())?;
    Ok(Settings {
        schedule: old.schedule.clone(),
        ratio: old.ratio,
        first_ratio: old.first_ratio,
        last_ratio: old.last_ratio,
        layers: old.layers,
        output: old.output.clone(),
        uniform: old.uniform,
        by_parameters: old.by_parameters,
        search_samples: old.search_samples,
        search_trials: old.search_trials,
        stream_weight: old.stream_weight,
        session_cache: old.session_cache,
        solver_dtype: old.solver_dtype,
        machine: old.machine,
        ..new
    })
}

fn prompt(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    let temperature: f64 = form.text("temperature").parse().unwrap_or(f64::NAN);
    if !(temperature == 0.0 || (1e-3..=1e3).contains(&temperature)) {
        let found = form.text("temperature");
        return Err(format!("temperature: expected 0 or a number from 0.001 to 1000, found \"{found}\""));
    }
    let max_tokens = whole("tokens", form.text("tokens"))?;
    if max_tokens == 0 {
        return Err("tokens: expected at least 1, found 0".into());
    }
    // Blanks at the ends of a prompt count.
    let text = match form.field("prompt").map(|field| &field.value) {
        Some(super::Value::Text(input)) => input.text().to_string(),
        Some(super::Value::Choice { .. } | super::Value::Switch(_)) | None => String::new(),
    };
    state.compare.prompt = Prompt { text, max_tokens, temperature, seed: whole("seed", form.text("seed"))? };
    Ok(runs::write(state))
}

fn measure(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    if let Some(why) = state.unready() {
        return Err(why);
    }
    let text: TextSource = form.text("text").parse()?;
    let seq_len = whole("seq-len", form.text("seq-len"))?;
    config::at_least("seq-len", seq_len, 2).map_err(|e| e.to_string())?;
    let bos = form.switched("BOS");
    (state.compare.text, state.compare.seq_len, state.compare.bos) = (Some(text.clone()), seq_len, bos);
    Ok(state.begin(job::MeasurePerplexity { text, seq_len, bos }))
}

fn export(state: &mut State, form: &Form) -> Result<Vec<Effect>, String> {
    if let Some(why) = state.unready() {
        return Err(why);
    }
    let out = form.text("directory");
    if out.is_empty() {
        return Err("directory: expected a path that does not exist yet, found nothing".into());
    }
    let out = PathBuf::from(out);
    state.export_form = Some(form.clone());
    let own = &mut state.settings.output;
    own.formats = value_of(&FORMATS, form.text("format")).map_or(own.formats.clone(), <[_]>::to_vec);
    own.export_dtype = value_of(&EXPORT_TYPES, form.text("weights")).flatten();
    own.gguf_type = value_of(&GGUF_TYPES, form.text("gguf weights")).unwrap_or_default();
    own.verify = form.switched("verify");
    let (written, force) = (own.clone(), form.switched("replace"));
    state.touch();
    Ok(state.begin(job::Export { form: written, out, force }))
}

fn ratio(name: &str, text: &str) -> Result<f64, String> {
    let value: f64 = text
        .replace(',', ".")
        .parse()
        .map_err(|_| format!("{name}: expected a number from 0 to below 1, found \"{text}\""))?;
    Ratio::new(value).map(Ratio::get).map_err(|e| e.to_string())
}

fn layer_ratio(form: &Form) -> Result<LayerRatio, String> {
    let text = form.text("ratio");
    let (attention, mlp) = text.split_once('/').unwrap_or((text, text));
    Ok(LayerRatio { attention: ratio("ratio", attention.trim())?, mlp: ratio("ratio", mlp.trim())? })
}

fn damping(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        Ok(_) | Err(_) => {
            Err(format!("damping: expected a number from 0 to 1, found \"{text}\"; the usual value is 0.01"))
        }
    }
}

fn whole<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name}: expected a whole number, found \"{text}\""))
}

fn optional(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn sources(text: &str) -> Result<Vec<TextSource>, String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(TextSource::from_str).collect()
}
