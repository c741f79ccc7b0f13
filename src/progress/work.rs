//! The work of the steps of a run, in 10⁹ operations, from the sizes of the model.

use crate::{
    protocol::{LayerShape, ModelShape, PlannedLayer},
    prune::Part,
};

/// The calibration windows, and the streams that pass the layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    pub samples: usize,
    pub seq_len: usize,
    /// 2 with the dense stream, otherwise 1.
    pub streams: usize,
}

impl Windows {
    pub fn tokens(self) -> f64 {
        (self.samples * self.seq_len) as f64
    }
}

/// A layer with the units that a run removes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    pub shape: LayerShape,
    /// Fractions of the units that remain.
    pub attention_kept: f64,
    pub mlp_kept: f64,
    /// Units to remove.
    pub attention_units: usize,
    pub mlp_units: usize,
    /// Whether the run visits the parts.
    pub attention: bool,
    pub mlp: bool,
}

impl Layer {
    /// A layer without a plan: a fifth of each part is removed.
    pub fn unplanned(shape: LayerShape) -> Self {
        let removed = |units: usize| (0.2 * units as f64).round() as usize;
        Self {
            shape,
            attention_kept: 0.8,
            mlp_kept: 0.8,
            attention_units: removed(shape.kv_heads),
            mlp_units: removed(shape.channels),
            attention: true,
            mlp: true,
        }
    }

    pub fn planned(shape: LayerShape, planned: &PlannedLayer) -> Self {
        let kept = |part: Part, units: Option<usize>| units.map_or(1.0, |_| 1.0 - planned.ratio.of(part));
        Self {
            shape,
            attention_kept: kept(Part::Attention, planned.attention_units),
            mlp_kept: kept(Part::Mlp, planned.mlp_units),
            attention_units: planned.attention_units.unwrap_or(0),
            mlp_units: planned.mlp_units.unwrap_or(0),
            attention: planned.attention_units.is_some(),
            mlp: planned.mlp_units.is_some(),
        }
    }

    fn kept(&self, part: Part) -> f64 {
        match part {
            Part::Attention => self.attention_kept,
            Part::Mlp => self.mlp_kept,
        }
    }

    fn is_visited(&self, part: Part) -> bool {
        match part {
            Part::Attention => self.attention,
            Part::Mlp => self.mlp,
        }
    }

    pub fn is_solved(&self, part: Part) -> bool {
        let units = match part {
            Part::Attention => self.attention_units,
            Part::Mlp => self.mlp_units,
        };
        self.is_visited(part) && units > 0
    }
}

/// The parts of a layer.
pub const PARTS: [Part; 2] = [Part::Attention, Part::Mlp];

const GIGA: f64 = 1e9;

/// Columns of the scored weight of a part.
fn columns(model: &ModelShape, layer: &LayerShape, part: Part) -> f64 {
    match part {
        Part::Attention => (layer.heads * model.head_dim) as f64,
        Part::Mlp => layer.channels as f64,
    }
}

/// Operations per token up to the inputs of the scored weight, in windows of `length` tokens.
fn inputs(model: &ModelShape, layer: &LayerShape, part: Part, length: f64) -> f64 {
    let (hidden, columns) = (model.hidden as f64, columns(model, layer, part));
    match part {
        Part::Attention => {
            let keys = (layer.kv_heads * model.head_dim) as f64;
            2.0 * hidden * (columns + 2.0 * keys) + 2.0 * length * columns
        }
        Part::Mlp => 4.0 * hidden * columns,
    }
}

/// Computes the inputs of a part and their second moment.
pub fn measure(model: &ModelShape, layer: &Layer, part: Part, windows: Windows) -> f64 {
    let columns = columns(model, &layer.shape, part);
    let forward = inputs(model, &layer.shape, part, windows.seq_len as f64) * windows.streams as f64;
    let moment = if layer.is_visited(part) { columns * columns } else { 0.0 };
    windows.tokens() * (forward + moment) / GIGA
}

/// Fraction of a solve that is done when the second moment is inverted and its statistics are known.
pub const INVERTED: f64 = 0.6;

/// Inverts the second moment, removes units and fits the rest. A part that keeps all units has statistics as well.
pub fn solve(model: &ModelShape, layer: &Layer, part: Part) -> f64 {
    let all = columns(model, &layer.shape, part).powi(3) / GIGA;
    match (layer.is_visited(part), layer.is_solved(part)) {
        (false, _) => 0.0,
        (true, false) => INVERTED * all,
        (true, true) => all * (1.0 + 0.5 * (1.0 - layer.kept(part))),
    }
}

/// Passes the windows through the pruned part.
pub fn propagate(model: &ModelShape, layer: &Layer, part: Part, windows: Windows) -> f64 {
    let kept = columns(model, &layer.shape, part) * layer.kept(part);
    let dense = columns(model, &layer.shape, part) * (windows.streams - 1) as f64;
    windows.tokens() * 2.0 * model.hidden as f64 * (kept + dense) / GIGA
}

/// Passes `tokens` in windows of `length` tokens through the layer; with `pruned`, through its kept units.
pub fn forward(model: &ModelShape, layer: &Layer, tokens: f64, length: f64, pruned: bool) -> f64 {
    let part = |part: Part| {
        let columns = columns(model, &layer.shape, part);
        let kept = if pruned { layer.kept(part) } else { 1.0 };
        kept * (inputs(model, &layer.shape, part, length) + 2.0 * model.hidden as f64 * columns)
    };
    tokens * (part(Part::Attention) + part(Part::Mlp)) / GIGA
}

/// The output head and the cross entropy of `tokens`.
pub fn head(model: &ModelShape, tokens: f64) -> f64 {
    tokens * 2.0 * (model.hidden * model.vocab) as f64 / GIGA
}
