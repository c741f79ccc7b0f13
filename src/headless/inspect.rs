//! Prints the sizes of a model and the forecast of a run.

use super::{
    Output,
    columns::{Columns, Side::Right},
    print_json, print_text, run,
};
use crate::{
    config::Settings,
    engine::{self, Error, Inspection, ModelChoice},
    words::{AttentionUnits, bytes, duration, fewer, or_dash, ratio},
};

/// Opens a model, forecasts a run with these settings, and prints both.
///
/// # Errors
/// If the model cannot be read, the settings do not fit it, or stdout cannot be written.
pub fn inspect(model: ModelChoice, settings: Settings, output: Output) -> Result<(), Error> {
    let inspection = run::drive(move |control| engine::inspect(&model, settings, control), None).result?;
    match output {
        Output::Json => print_json(&inspection),
        Output::Text => print_text(&text(&inspection)),
    }
}

fn text(inspection: &Inspection) -> String {
    format!("{}\n{}\n{}", sizes(inspection), layers(inspection), forecast(inspection))
}

fn sizes(inspection: &Inspection) -> String {
    let Inspection {
        model,
        family,
        parameters,
        hidden,
        head_dim,
        vocab,
        max_positions,
        weights,
        quantised,
        ..
    } = inspection;
    let quantised = if *quantised { " (quantised; dequantised to f32 when read)" } else { "" };
    format!(
        "{model}: {family}, {} layers, {parameters} parameters, weights in {weights}{quantised}\n\
         hidden {hidden}, head_dim {head_dim}, vocabulary {vocab}, at most {max_positions} tokens\n",
        inspection.layers.len()
    )
}

/// One row per layer: its sizes, its ratio, and the units that a run would remove.
fn layers(inspection: &Inspection) -> Columns {
    let pruned = inspection.layers.iter().filter(|layer| layer.attention_units.is_some());
    let units = AttentionUnits::of(pruned.map(|layer| layer.attention_unit), inspection.attention_unit);
    let removed = format!("{} removed", units.names().1);
    let mut columns = Columns::new([
        ("layer", Right),
        ("heads", Right),
        ("KV heads", Right),
        ("channels", Right),
        ("ratio", Right),
        (&removed, Right),
        ("channels removed", Right),
    ]);
    for (index, layer) in inspection.layers.iter().enumerate() {
        columns.row([
            index.to_string(),
            layer.heads.to_string(),
            layer.kv_heads.to_string(),
            layer.channels.to_string(),
            ratio(layer.ratio),
            or_dash(layer.attention_units, |count| format!("{count}{}", units.suffix(layer.attention_unit))),
            or_dash(layer.mlp_units, |units| units.to_string()),
        ]);
    }
    columns
}

fn forecast(inspection: &Inspection) -> String {
    let Inspection { parameters, parameters_after, run, .. } = inspection;
    let held = run.peak;
    let recomputed = match run.optional_bytes {
        0 => "",
        _ => " (recomputed under a smaller --memory-budget)",
    };
    let mut text = format!(
        "Parameters after pruning: {parameters_after} ({} fewer)\n\
         A run on {} windows of {} tokens needs about {} of memory, with the peak {}:\n",
        fewer(*parameters, *parameters_after),
        run.samples,
        run.seq_len,
        bytes(run.peak_bytes),
        run.peak_phase.words(),
    );
    for (size, what) in [
        (held.block, "weights of one block".to_string()),
        (held.streams, "hidden states of all windows".into()),
        (held.inputs, format!("saved activations{recomputed}")),
        (held.batch, "activations of the current batch".into()),
        (held.moments, "second moments".into()),
        (held.solve, "solver".into()),
    ] {
        text += &format!("{:>12}  {what}\n", bytes(size));
    }
    if let Some(writing) = run.writing_bytes {
        text +=
            &format!("Before it, the dense model writes windows, which needs about {}.\n", bytes(writing));
    }
    if let (Some(weighing), Some(seconds)) = (run.weighing_bytes, run.weighing_seconds) {
        text += &format!(
            "Before it, the calibration tokens are weighed, which needs about {} and takes about {}.\n",
            bytes(weighing),
            duration(seconds)
        );
    }
    let (forward, solve) = (run.forward_seconds, run.solve_seconds);
    text + &format!(
        "For retries, the explorer keeps up to {} of layer inputs in addition.\n\
         A run takes about {} on this machine: {} forward passes, {} solving.\n\
         Output errors are {}: {} of forward passes and {} of memory.\n",
        bytes(run.kept_bytes),
        duration(forward + solve),
        duration(forward),
        duration(solve),
        if run.tracked { "tracked, which takes" } else { "not tracked; --track-errors would add" },
        duration(run.tracking_seconds),
        bytes(run.tracking_bytes),
    )
}
