//! Every figure on the screen is complete at every width.

use super::*;
use crate::explorer::view::figures::{figures, uncut};

/// The figures of a row that are not complete figures of any text that was drawn.
fn cut(buffer: &Buffer, known: &std::collections::BTreeSet<String>) -> Vec<String> {
    let mut cut = Vec::new();
    for row in text(buffer).lines() {
        // Heat maps and bars are no digits; borders separate figures.
        cut.extend(
            figures(row).map(|figure| row[figure].to_string()).filter(|figure| !known.contains(figure)),
        );
    }
    cut
}

fn check(state: &State, width: u16, height: u16, theme: &Theme) {
    uncut::start();
    let (buffer, _) = drawn_with(state, width, height, theme);
    let cut = cut(&buffer, &uncut::take());
    assert!(cut.is_empty(), "{cut:?} on {:?} at {width}×{height}\n{}", state.screen, text(&buffer));
}

#[test]
fn every_figure_on_every_panel_is_whole_at_every_width() {
    let theme = Theme::default();
    for screen in Screen::ALL {
        let mut state = at(screen, sample::half_done());
        for panel in screen.panels() {
            state.focus[screen as usize] = *panel;
            for part in [Part::Attention, Part::Mlp] {
                state.screens.layer.part = part;
                // Only the Layer screen draws one part.
                if part == Part::Attention && screen != Screen::Layer {
                    continue;
                }
                for width in 10..=160 {
                    check(&state, width, if width % 2 == 0 { 21 } else { 36 }, &theme);
                }
                for width in (40..=210).step_by(10) {
                    check(&state, width, 57, &theme);
                    check(&state, width, 9, &theme);
                }
            }
        }
    }
}

#[test]
fn figures_in_per_cent_are_whole_too() {
    let theme = Theme::default();
    for screen in Screen::ALL {
        let mut state = at(screen, sample::half_done());
        state.interface.notation = crate::words::Notation::PerCent;
        for panel in screen.panels() {
            state.focus[screen as usize] = *panel;
            for width in (20..=210).step_by(5) {
                check(&state, width, 33, &theme);
            }
        }
    }
}
