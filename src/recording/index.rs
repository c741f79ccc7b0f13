//! The index of a recording: the number of its events and the starts of its layers.

use std::path::Path;

use super::lines::{Lines, Next};
use crate::protocol::{Event, ReplayIndex, ReplayMark};

/// Reads a recording up to its end, or to the first line that cannot be read; playing up to that line reports it.
pub fn index(path: &Path) -> ReplayIndex {
    let mut index = ReplayIndex::default();
    let Ok(mut lines) = Lines::open(path) else { return index };
    while let Ok(Next::Event(stamped)) = lines.next() {
        match stamped.event {
            Event::Progress { .. } => continue,
            Event::LayerStarted { layer, .. } => {
                index.layers.push(ReplayMark { place: index.events + 1, layer });
            }
            _ => {}
        }
        index.events += 1;
    }
    index
}
