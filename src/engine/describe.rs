//! Records and events that describe a model.

use sha2::{Digest, Sha256};

use crate::{
    model::{Architecture, Checkpoint, Cut, LayerSize, Slot},
    pipeline::LayerPlan,
    protocol::{Event, LayerShape, ModelRecord, ModelShape, PlannedLayer},
};

use super::Error;

pub fn model_record(checkpoint: &Checkpoint, after: &Architecture) -> Result<ModelRecord, Error> {
    let before = checkpoint.architecture();
    let config = checkpoint.source().read("config.json", "it was removed in the meantime")?;
    Ok(ModelRecord {
        name: checkpoint.name().into(),
        family: before.family.to_string(),
        layers: before.layers.len(),
        parameters_before: before.parameters(),
        parameters_after: after.parameters(),
        config_sha256: hexadecimal(&Sha256::digest(&config)),
        quantised: checkpoint.quantised_types()?.into_iter().map(str::to_owned).collect(),
    })
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn opened(checkpoint: &Checkpoint) -> Result<Event, Error> {
    let architecture = checkpoint.architecture();
    let mut bytes = 0;
    for slot in architecture.tensors() {
        bytes += checkpoint.weights().stored_bytes(&slot.name)?;
    }
    let shape = ModelShape {
        hidden: architecture.hidden,
        head_dim: architecture.head_dim,
        vocab: architecture.vocab,
        max_positions: architecture.max_positions,
        parameters: architecture.parameters(),
        bytes,
        layers: (0..architecture.layers.len()).map(|layer| layer_shape(architecture, layer)).collect(),
    };
    Ok(Event::ModelOpened { model: model_record(checkpoint, architecture)?, shape })
}

/// A unit's parameters are those of its rows and columns. Units of an absent part have none.
fn layer_shape(architecture: &Architecture, layer: usize) -> LayerShape {
    let LayerSize { heads, kv_heads, channels } = architecture.layers[layer];
    let slots = architecture.layer_tensors(layer);
    let each = |belongs: fn(Cut) -> bool, units: usize| {
        let numbers = slots.iter().filter(|slot| belongs(slot.cut)).map(Slot::numbers);
        numbers.fold(0, u64::saturating_add).checked_div(units as u64).unwrap_or(0)
    };
    let of_queries = |cut: Cut| cut.is_of_attention() && cut != Cut::KeyValueRows;
    LayerShape {
        heads,
        kv_heads,
        channels,
        per_kv_group: each(Cut::is_of_attention, kv_heads),
        per_query_head: each(of_queries, heads),
        per_channel: each(Cut::is_of_mlp, channels),
    }
}

pub fn planned((plan, size): (&LayerPlan, &LayerSize)) -> PlannedLayer {
    PlannedLayer {
        ratio: plan.ratio,
        heads: size.heads,
        kv_heads: size.kv_heads,
        channels: size.channels,
        attention_unit: Some(plan.unit),
        attention_units: plan.attention.map(|removals| removals.units),
        mlp_units: plan.mlp.map(|removals| removals.units),
    }
}
