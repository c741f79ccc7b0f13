//! Prints what `inspect` found.

use crate::{
    config::{ByteSize, Settings},
    engine::{self, Error, Inspection, ModelChoice},
};

use super::{Output, print, print_json, run};

pub fn inspect(model: ModelChoice, settings: Settings, output: Output) -> Result<(), Error> {
    let found = run::drive(move |control| engine::inspect(&model, settings, control), None).result?;
    match output {
        Output::Json => print_json(&found),
        Output::Text => print(&text(&found)).map(drop),
    }
}

fn text(found: &Inspection) -> String {
    let Inspection { model, family, parameters, hidden, head_dim, vocab, max_positions, weights, .. } = found;
    let mut text = format!(
        "{model}: {family}, {} layers, {parameters} parameters, weights in {weights}\n\
         hidden {hidden}, head_dim {head_dim}, vocabulary {vocab}, at most {max_positions} tokens\n\n\
         {:>5}  {:>5}  {:>8}  {:>8}  {:>6}  {:>14}  {:>16}\n",
        found.layers.len(),
        "layer",
        "heads",
        "KV heads",
        "channels",
        "ratio",
        "units to leave",
        "channels to leave",
    );
    let count = |units: Option<usize>| units.map_or("-".to_string(), |n| n.to_string());
    for (index, layer) in found.layers.iter().enumerate() {
        text += &format!(
            "{index:>5}  {:>5}  {:>8}  {:>8}  {:>6.4}  {:>14}  {:>16}\n",
            layer.heads,
            layer.kv_heads,
            layer.channels,
            layer.ratio,
            count(layer.attention_units),
            count(layer.mlp_units),
        );
    }
    let run = &found.run;
    let peak = run.peak;
    let share = 100.0 * (1.0 - found.parameters_after as f64 / *parameters as f64);
    text += &format!(
        "\nParameters after pruning: {} ({share:.1} % fewer)\n\
         A run on {} windows of {} tokens needs about {} of memory, most of it {}:\n\
         {:>12}  one block's weights\n{:>12}  streams\n{:>12}  activations kept{}\n{:>12}  windows on their way\n\
         {:>12}  second moments\n{:>12}  solving\n\
         Optional, in the explorer: up to {} more of layer inputs kept for retries.\n\
         It takes about {:.0} s on this machine: {:.0} s forward, {:.0} s solving.\n",
        found.parameters_after,
        run.samples,
        run.seq_len,
        ByteSize(run.peak_bytes),
        run.peak_phase.words(),
        ByteSize(peak.block).to_string(),
        ByteSize(peak.streams).to_string(),
        ByteSize(peak.inputs).to_string(),
        if run.optional_bytes > 0 {
            " (optional: computed again where --memory-budget is too small)"
        } else {
            ""
        },
        ByteSize(peak.batch).to_string(),
        ByteSize(peak.moments).to_string(),
        ByteSize(peak.solve).to_string(),
        ByteSize(run.kept_bytes),
        run.forward_seconds + run.solve_seconds,
        run.forward_seconds,
        run.solve_seconds,
    );
    text
}
