//! What is copied from each screen, as text that other programs read.

use super::{Compared, Effect, NoticeKind, Panel, Quantity, Screen, State};

pub fn copy(state: &mut State) -> Vec<Effect> {
    let (what, text) = match state.screen {
        Screen::Layers | Screen::Errors => ("the layers as CSV", layers(state)),
        Screen::Layer => ("the attempts as CSV", attempts(state)),
        Screen::Schedule => ("the ratios, one a line (a file for --schedule)", ratios(state)),
        Screen::Compare => match state.focused() {
            Panel::Sessions => ("the sessions as CSV", sessions(&state.compared())),
            Panel::Curves => ("the sessions' layers as CSV", curves(&state.compared())),
            Panel::Perplexity | Panel::Texts => ("both texts", texts(state)),
            other => (other.title(), String::new()),
        },
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
        let record = layer.active().map(|result| &result.record);
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
        "layer,attempt,active,attention_ratio,mlp_ratio,damping,attention_kept,mlp_kept,attention_error,mlp_error,output_error\n",
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

/// A row a session; means over the layers that have the error.
fn sessions(compared: &[Compared]) -> String {
    let mut text = String::from(
        "session,open,model,schedule,attention_ratio,mlp_ratio,parameters_before,parameters_after,perplexity_text,perplexity_seq_len,perplexity_before,perplexity_after,attention_error,mlp_error,output_error,samples,seq_len,seed,method,seconds\n",
    );
    for session in compared {
        let (ratio, calibration) = (session.ratio, session.calibration.as_ref());
        let perplexity = session.perplexity.as_ref();
        let mean = |quantity| known(session.mean(quantity));
        let cells = [
            quoted(&session.name),
            session.is_open().to_string(),
            quoted(&session.model),
            session.plan.clone(),
            known(ratio.map(|ratio| ratio.attention)),
            known(ratio.map(|ratio| ratio.mlp)),
            session.parameters.0.to_string(),
            session.parameters.1.to_string(),
            perplexity.map_or(String::new(), |record| quoted(&record.text)),
            known(perplexity.map(|record| record.seq_len)),
            known(perplexity.map(|record| record.before)),
            known(perplexity.and_then(|record| record.after)),
            mean(Quantity::AttentionError),
            mean(Quantity::MlpError),
            mean(Quantity::OutputError),
            known(calibration.map(|record| record.samples)),
            known(calibration.map(|record| record.seq_len)),
            known(calibration.map(|record| record.seed)),
            quoted(&session.method),
            known(session.seconds),
        ];
        text += &(cells.join(",") + "\n");
    }
    text
}

/// A row a session and layer.
fn curves(compared: &[Compared]) -> String {
    let mut text =
        String::from("session,layer,attention_ratio,mlp_ratio,attention_error,mlp_error,output_error\n");
    for session in compared {
        let columns = Quantity::ALL.map(|quantity| session.values(quantity));
        for layer in 0..session.layers.len() {
            let values = columns.each_ref().map(|values| known(values[layer]));
            text += &format!("{},{layer},{}\n", quoted(&session.name), values.join(","));
        }
    }
    text
}

/// Nothing where it is not known.
fn known(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// A cell of CSV: in quotes where it holds what would end it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
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
