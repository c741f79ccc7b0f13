//! Decides when to draw: only after changes, immediately after a pause, and at most 30 times per second.

use std::time::{Duration, Instant};

/// The frame interval, at 30 frames per second.
const FRAME: Duration = Duration::from_millis(33);

#[derive(Clone, Copy, Debug, Default)]
pub struct Pacing {
    changed: bool,
    /// Whether the change answers an input.
    awaited: bool,
    last: Option<Instant>,
    /// The last frame that answered an input.
    last_awaited: Option<Instant>,
}

/// The time at which the next frame is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing has changed.
    Never,
    Now,
    At(Instant),
}

impl Pacing {
    /// Records that something visible has changed.
    pub fn change(&mut self) {
        self.changed = true;
    }

    /// Records an input. If the last frame only showed progress, the next frame does not wait for the frame
    /// interval.
    pub fn answer(&mut self) {
        (self.changed, self.awaited) = (true, true);
    }

    pub fn due(&self, now: Instant) -> Due {
        let last = if self.awaited { self.last_awaited } else { self.last };
        match last.map(|last| last + FRAME) {
            _ if !self.changed => Due::Never,
            Some(next) if next > now => Due::At(next),
            Some(_) | None => Due::Now,
        }
    }

    /// Records that a frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        if self.awaited {
            self.last_awaited = Some(now);
        }
        (self.changed, self.awaited, self.last) = (false, false, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_while_nothing_changes() {
        let mut pacing = Pacing::default();
        assert_eq!(pacing.due(Instant::now()), Due::Never);
        pacing.change();
        pacing.drawn(Instant::now());
        assert_eq!(pacing.due(Instant::now() + 10 * FRAME), Due::Never);
    }

    #[test]
    fn a_change_after_a_pause_is_drawn_at_once_and_one_right_after_a_frame_waits() {
        let mut pacing = Pacing::default();
        let now = Instant::now();
        pacing.change();
        assert_eq!(pacing.due(now), Due::Now);
        pacing.drawn(now);
        pacing.change();
        assert_eq!(pacing.due(now + FRAME / 3), Due::At(now + FRAME));
        assert_eq!(pacing.due(now + FRAME), Due::Now);
    }

    #[test]
    fn a_key_is_answered_right_after_a_frame_of_progress_but_a_held_key_is_paced() {
        let mut pacing = Pacing::default();
        let now = Instant::now();
        pacing.change();
        pacing.drawn(now);
        pacing.answer();
        assert_eq!(pacing.due(now), Due::Now);
        pacing.drawn(now);
        pacing.answer();
        assert_eq!(pacing.due(now + FRAME / 2), Due::At(now + FRAME));
    }
}
