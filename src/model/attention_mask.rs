//! From attention scores to weights: scale, cap, and the causal mask with a sliding window.

use candle_core::{Device, Tensor};

use super::Result;

/// The parameters that turn attention scores into weights.
#[derive(Clone, Copy, Debug)]
pub struct Scoring {
    /// The factor of q kᵀ.
    pub scale: f32,
    /// Limits scaled scores to ±cap.
    pub cap: Option<f32>,
    pub mask: AttentionMask,
}

/// The keys visible to a query: from the start of the sliding window to its own position.
#[derive(Clone, Copy, Debug)]
pub struct AttentionMask {
    pub window: Option<usize>,
}

impl AttentionMask {
    /// The first key that the query at `position` attends to.
    pub fn first_visible(self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }

    /// The mask [rows, keys]: 0 for visible keys and −∞ for others. Keys range from `first_key` to the
    /// position of the last query.
    pub fn matrix(
        self,
        first_query: usize,
        rows: usize,
        first_key: usize,
        device: &Device,
    ) -> Result<Tensor> {
        let end = first_query + rows;
        let mask: Vec<f32> = (first_query..end)
            .flat_map(|query| {
                let visible = self.first_visible(query)..=query;
                (first_key..end).map(move |key| if visible.contains(&key) { 0.0 } else { f32::NEG_INFINITY })
            })
            .collect();
        Ok(Tensor::from_vec(mask, (rows, end - first_key), device)?)
    }
}
