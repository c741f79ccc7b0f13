//! Compared sessions as CSV, for the clipboard.

use super::{Compared, Quantity};

/// One row per session. Means cover the layers that have the error.
pub fn sessions(compared: &[Compared]) -> String {
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

/// One row per session and layer.
pub fn curves(compared: &[Compared]) -> String {
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

/// The text of a value; empty if it is unknown.
fn known(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// A cell of CSV, quoted if it contains a separator.
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}
