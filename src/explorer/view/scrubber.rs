//! The scrubber of a replay: the place in the recording, and the starts of its layers.

use ratatui::{Frame, layout::Rect, text::Span};

use super::{Hits, Role, Theme, widgets};
use crate::explorer::State;
use crate::words::count;

/// Columns of the words before the track.
const WORDS: u16 = 38;

/// Rows of the scrubber: one in a replay whose length is known.
pub(super) fn rows(state: &State) -> u16 {
    u16::from(state.playback.index.is_some())
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let Some(index) = &state.playback.index else { return };
    let (place, events) = (state.playback.place, index.events.max(1));
    let sign = match (state.playback.ended, state.jobs.replay_paused) {
        (true, _) => theme.glyphs.pick("■", "#"),
        (false, true) => theme.glyphs.pick("‖", "="),
        (false, false) => theme.glyphs.cursor(),
    };
    let layer = index.layer_at(place).map_or(String::new(), |layer| format!(", layer {layer}"));
    let words = format!(" {sign} event {} of {}{layer}", count(place as u64), count(events as u64));
    frame.render_widget(
        Span::styled(words, theme.style(Role::Muted)),
        Rect { width: WORDS, ..area }.intersection(area),
    );
    let track =
        Rect { x: area.x + WORDS.min(area.width), width: area.width.saturating_sub(WORDS + 2), ..area };
    if track.width < 2 {
        return;
    }
    let at = |place: usize| track.x + (place * usize::from(track.width - 1) / events) as u16;
    let (done, _, rest) = theme.glyphs.progress();
    let buffer = frame.buffer_mut();
    for x in track.left()..track.right() {
        let (symbol, role) = if x <= at(place) { (done, Role::Progress) } else { (rest, Role::Faint) };
        widgets::put(buffer, track, x, track.y, symbol, theme.style(role));
    }
    for mark in &index.layers {
        let role = if mark.place <= place { Role::Progress } else { Role::Muted };
        widgets::put(buffer, track, at(mark.place), track.y, theme.glyphs.pick("┴", "+"), theme.style(role));
    }
    widgets::put(buffer, track, at(place), track.y, theme.glyphs.active(), theme.style(Role::Active));
    hits.add_scrubber(track);
}
