//! Messages between a replay and its frontend: places in the recording, and moving between them.

use super::Stamped;

/// A message of a replay. A place is the number of events shown so far, progress excluded.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "most messages are events, and a box would only be opened again"
)]
pub enum ReplayNews {
    /// The length of the recording and its marks. Comes once, soon after the first event.
    Index(ReplayIndex),
    /// The next event, and the place after it.
    Event { place: usize, stamped: Stamped },
    /// The replay went back: all events up to this place, from the first one.
    Rebuilt { place: usize, events: Vec<Stamped> },
    /// The last event was emitted. The replay still goes back on request.
    Ended,
}

/// The contents of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayIndex {
    /// Number of events, progress excluded.
    pub events: usize,
    /// The starts of layers, in order.
    pub layers: Vec<ReplayMark>,
}

/// The start of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayMark {
    /// The place after its first event.
    pub place: usize,
    pub layer: usize,
}

/// A movement of a replay. It pauses there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// By this number of events; negative is back.
    Events(isize),
    /// By this number of layers: to their starts.
    Layers(isize),
    /// To a place; 0 and 1 are the beginning.
    Place(usize),
}

impl ReplayIndex {
    /// The place that a movement from `place` leads to.
    pub fn target(&self, place: usize, seek: Seek) -> usize {
        let target = match seek {
            Seek::Events(by) => place.saturating_add_signed(by),
            Seek::Place(place) => place,
            Seek::Layers(by) => {
                let before = self.layers.partition_point(|mark| mark.place < place);
                let upto = self.layers.partition_point(|mark| mark.place <= place);
                let at = if by < 0 {
                    before.checked_sub(by.unsigned_abs())
                } else {
                    Some(upto + by.unsigned_abs().saturating_sub(1))
                };
                let end = if by < 0 { 1 } else { self.events };
                at.and_then(|at| self.layers.get(at)).map_or(end, |mark| mark.place)
            }
        };
        target.clamp(1, self.events.max(1))
    }

    /// The layer whose start is at or before a place.
    pub fn layer_at(&self, place: usize) -> Option<usize> {
        let upto = self.layers.partition_point(|mark| mark.place <= place);
        self.layers.get(upto.checked_sub(1)?).map(|mark| mark.layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movements_lead_to_events_layers_and_ends() {
        let mark = |place, layer| ReplayMark { place, layer };
        let index = ReplayIndex { events: 20, layers: vec![mark(4, 0), mark(10, 1), mark(15, 2)] };
        let to = |place, seek| index.target(place, seek);
        assert_eq!((to(5, Seek::Events(1)), to(5, Seek::Events(-1)), to(20, Seek::Events(3))), (6, 4, 20));
        assert_eq!((to(1, Seek::Events(-4)), to(9, Seek::Place(0)), to(9, Seek::Place(99))), (1, 1, 20));
        assert_eq!(
            (to(10, Seek::Layers(1)), to(10, Seek::Layers(-1)), to(12, Seek::Layers(-1))),
            (15, 4, 10)
        );
        assert_eq!((to(15, Seek::Layers(1)), to(4, Seek::Layers(-1)), to(2, Seek::Layers(1))), (20, 1, 4));
        assert_eq!((index.layer_at(3), index.layer_at(14)), (None, Some(1)));
    }
}
