//! What is copied from each screen, as text that other programs read.

use super::{Effect, NoticeKind, Screen, State};

pub fn copy(state: &mut State) -> Vec<Effect> {
    let (what, text) = match state.screen {
        Screen::Layers | Screen::Errors => ("the layers as CSV", layers(state)),
        Screen::Layer => ("the attempts as CSV", attempts(state)),
        Screen::Schedule => ("the ratios, one a line (a file for --schedule)", ratios(state)),
        Screen::Compare => ("both texts", texts(state)),
        Screen::Log => ("the log", log(state)),
    };
    if text.is_empty() {
        return state.refuse("there is nothing to copy here yet");
    }
    state.say(NoticeKind::Done, format!("Copied {what}"));
    vec![Effect::Copy(text)]
}

fn layers(state: &State) -> String {
    if state.layers.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "layer,attention_ratio,mlp_ratio,attention_kept,attention_units,mlp_kept,mlp_units,attention_error,mlp_error,output_error,state\n",
    );
    for (index, layer) in state.layers.iter().enumerate() {
        let ratio = state.schedule.ratios.get(index).copied().unwrap_or_default();
        let record = layer.in_force().map(|result| &result.record);
        let counts = record.map_or(",,,,,".to_string(), |record| {
            format!(
                "{},{},{},{},{},{}",
                record.attention.kept.len(),
                record.attention.units,
                record.mlp.kept.len(),
                record.mlp.units,
                record.attention.relative_error,
                record.mlp.relative_error
            )
        });
        let output =
            record.and_then(|record| record.output_error).map_or(String::new(), |error| error.to_string());
        text += &format!(
            "{index},{},{},{counts},{output},{}\n",
            ratio.attention,
            ratio.mlp,
            state.status(index).name()
        );
    }
    text
}

fn attempts(state: &State) -> String {
    let Some(layer) = state.layers.get(state.layer).filter(|layer| !layer.attempts.is_empty()) else {
        return String::new();
    };
    let mut text = String::from(
        "layer,attempt,in_force,attention_ratio,mlp_ratio,damping,attention_kept,mlp_kept,attention_error,mlp_error,output_error\n",
    );
    for result in &layer.attempts {
        let (attempt, record) = (&result.attempt, &result.record);
        let output = record.output_error.map_or(String::new(), |error| error.to_string());
        text += &format!(
            "{},{},{},{},{},{},{},{},{},{},{output}\n",
            state.layer,
            attempt.number,
            layer.chosen == Some(attempt.number),
            attempt.method.ratio.attention,
            attempt.method.ratio.mlp,
            attempt.method.damping,
            record.attention.kept.len(),
            record.mlp.kept.len(),
            record.attention.relative_error,
            record.mlp.relative_error,
        );
    }
    text
}

fn ratios(state: &State) -> String {
    state.schedule.ratios.iter().map(|ratio| format!("{ratio}\n")).collect()
}

fn texts(state: &State) -> String {
    let compare = &state.compare;
    if compare.dense.text.is_empty() && compare.pruned.text.is_empty() {
        return String::new();
    }
    let prompt = &compare.prompt.text;
    format!("dense:\n{prompt}{}\n\npruned:\n{prompt}{}\n", compare.dense.text, compare.pruned.text)
}

/// The line under the cursor, or all that are shown.
fn log(state: &State) -> String {
    let shown = || {
        state.log.shown().map(|entry| format!("{:.2}\t{}\t{}\n", entry.at, entry.level.name(), entry.text))
    };
    match state.log.cursor {
        Some(line) => shown().nth(line).unwrap_or_default(),
        None => shown().collect(),
    }
}
