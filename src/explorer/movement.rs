//! Movement: the meaning of the arrow, page and end keys, and the selection of a layer.

use super::{Effect, State};

/// Layers or lines in a page, for lists that do not fill the window.
pub const PAGE: isize = 10;
/// Longer than any list.
pub const FAR: isize = 1 << 40;

/// A movement; negative is up, left, or towards the first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Line(isize),
    Page(isize),
    /// To one end of the list.
    End(isize),
    Aside(isize),
    Layer(isize),
}

impl Move {
    /// The number of lines downwards, with `page` lines on a page.
    pub fn lines(self, page: isize) -> isize {
        match self {
            Self::Line(by) => by,
            Self::Page(by) => by * page,
            Self::End(by) => by * FAR,
            Self::Aside(_) | Self::Layer(_) => 0,
        }
    }
}

impl State {
    /// Selects a layer. The selection stops following the run.
    pub(super) fn select(&mut self, layer: usize) {
        if layer < self.layers.len() {
            if layer != self.layer {
                self.screens.layer.attempt = usize::MAX;
                self.screens.layer.unit = None;
            }
            self.layer = layer;
            self.follow = false;
            self.settle_attempt();
        }
    }

    /// Moves the selection by `by` layers.
    pub(super) fn step_layer(&mut self, by: isize) -> Vec<Effect> {
        let all: Vec<usize> = (0..self.layers.len()).collect();
        self.step_among(&all, by)
    }

    /// Moves the selection by `by` entries of this ascending list of layers.
    pub(super) fn step_among(&mut self, layers: &[usize], by: isize) -> Vec<Effect> {
        if let Some(last) = layers.len().checked_sub(1) {
            let here = layers.iter().position(|&layer| layer == self.layer);
            // From a layer that is not listed, the first step goes to the next one that is.
            let nearest = || layers.iter().position(|&layer| layer >= self.layer).unwrap_or(last);
            let at = here.unwrap_or_else(nearest);
            self.select(layers[at.saturating_add_signed(by).min(last)]);
        }
        Vec::new()
    }

    /// Moves the cursor of the attempts to the active one if it is past the last attempt.
    pub(super) fn settle_attempt(&mut self) {
        let Some(layer) = self.layers.get(self.layer) else { return };
        let active = layer.attempts.iter().position(|result| Some(result.attempt.number) == layer.chosen);
        if self.screens.layer.attempt >= layer.attempts.len() {
            self.screens.layer.attempt = active.unwrap_or(0);
        }
    }
}
