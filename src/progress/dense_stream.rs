//! The time of the dense stream, which output errors need.

use crate::protocol::ModelShape;

use super::{
    rates::{Kind, Rates},
    work::{self, Layer, PARTS, Windows},
};

/// Time that the dense stream adds, as a fraction of the time of a run over all layers without it. At the assumed speeds,
/// because only their proportions count.
pub fn dense_stream_share(model: &ModelShape, samples: usize, seq_len: usize) -> f64 {
    let [one, both] = [1, 2].map(|streams| seconds(model, Windows { samples, seq_len, streams }));
    if one > 0.0 { (both - one) / one } else { 0.0 }
}

fn seconds(model: &ModelShape, windows: Windows) -> f64 {
    let assumed = Rates::default();
    let layers = model.layers.iter().map(|&shape| Layer::unplanned(shape));
    let parts = layers.flat_map(|layer| PARTS.map(|part| (layer, part)));
    let seconds = parts.map(|(layer, part)| {
        work::measure(model, &layer, part, windows) * assumed.seconds_per_work(Kind::Measure(part))
            + work::solve(model, &layer, part) * assumed.seconds_per_work(Kind::Solve(part))
            + work::propagate(model, &layer, part, windows) * assumed.seconds_per_work(Kind::Propagate(part))
    });
    seconds.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::LayerShape;

    #[test]
    fn the_dense_stream_adds_its_forward_passes() {
        let layer = LayerShape {
            heads: 0,
            kv_heads: 0,
            channels: 100,
            per_kv_group: 0,
            per_query_head: 0,
            per_channel: 150,
        };
        let model = ModelShape {
            hidden: 50,
            head_dim: 4,
            vocab: 10,
            max_positions: 100,
            parameters: 15_000,
            bytes: 60_000,
            layers: vec![layer],
        };
        // 1000 tokens: inputs 2e7, second moment 1e7, outputs of 80 channels 8e6, solving 1.1e6 operations.
        let run = (2e7 + 1e7) / 76.0 + 8e6 / 150.0 + 1.1e6 / 15.0;
        let added = 2e7 / 76.0 + 1e7 / 150.0;
        let share = dense_stream_share(&model, 10, 100);
        assert!((share - added / run).abs() < 1e-9, "{share}");
    }
}
