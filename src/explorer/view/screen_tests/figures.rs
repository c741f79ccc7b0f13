//! Every figure on the screen is complete at every width.

use super::*;
use crate::explorer::{
    Action, Msg, NoticeKind,
    screens::{compare, steps},
    tests::comparing::summary,
    update,
    view::figures::{figures, uncut},
};

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

/// The whole window: header, tabs, screen, dialogs and footer.
fn window(state: &State, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| drop(crate::explorer::view::draw(frame, state, &Theme::default()))).unwrap();
    terminal.backend().buffer().clone()
}

/// Words beside the screen are not recorded where they are whole, so a very wide window gives their figures.
fn check_window(state: &State, width: u16, height: u16, what: &str) {
    uncut::start();
    let widest = text(&window(state, 400, 100));
    let buffer = window(state, width, height);
    let mut known = uncut::take();
    known.extend(widest.lines().flat_map(|row| figures(row).map(|figure| row[figure].to_string())));
    let mut cut = cut(&buffer, &known);
    // A dialog may cover a part of a figure of the screen.
    let behind = text(&window(&State { dialogs: Vec::new(), ..state.clone() }, width, height));
    let covered = |cut: &String| {
        !state.dialogs.is_empty()
            && behind.lines().any(|row| figures(row).any(|figure| row[figure].contains(cut.as_str())))
    };
    // The letter of the second marked attempt reads like the unit of bytes.
    let lettered = |cut: &String| cut.strip_suffix(" B").is_some_and(|figure| known.contains(figure));
    cut.retain(|cut| !covered(cut) && !lettered(cut));
    assert!(cut.is_empty(), "{cut:?} on {what} at {width}×{height}\n{}", text(&buffer));
}

/// Sessions of the open model that were measured alike, so that they are points of one chart.
fn with_sessions(mut state: State) -> State {
    let hash = state.model.as_ref().unwrap().record.config_sha256.clone();
    let session = |name: &str, after: f64| {
        let mut session = summary(name, after);
        session.content.as_mut().unwrap().model.config_sha256 = hash.clone();
        session
    };
    let sessions = vec![session("one", 12.5), session("two", 10.25), session("three", 9.125)];
    update(&mut state, Msg::Sessions { now: 0, sessions: Ok(sessions) });
    state
}

fn windows() -> Vec<(String, State)> {
    let half_done = || with_sessions(sample::half_done());
    let mut windows: Vec<(String, State)> =
        Screen::ALL.into_iter().map(|screen| (screen.title().to_string(), at(screen, half_done()))).collect();
    let mut noticed = half_done();
    noticed.say(
        NoticeKind::Failed,
        "Layer 6: the factorisation of 688 × 688 failed at pivot 401, 3.1e-7 was found.",
    );
    windows.push(("a notice".into(), noticed));
    for action in [Action::Sessions, Action::CommandLog, Action::Settings] {
        let mut state = half_done();
        action.perform(&mut state);
        assert!(!state.dialogs.is_empty(), "{action:?}");
        windows.push((format!("{action:?}"), with_sessions(state)));
    }
    let mut pareto = at(Screen::Compare, half_done());
    pareto.focus[Screen::Compare as usize] = &compare::PARETO;
    windows.push(("points".into(), pareto.clone()));
    pareto.zoom = Zoom::Panel;
    windows.push(("zoomed points".into(), pareto));
    let mut rules = at(Screen::Steps, half_done());
    (rules.layer, rules.screens.layer.part, rules.screens.steps.rules) = (3, Part::Attention, true);
    rules.focus[Screen::Steps as usize] = &steps::CHOICE;
    windows.push(("three rules".into(), rules));
    let mut marked = at(Screen::Layer, sample::opened(sample::SMALL));
    sample::prune(&mut marked, 12);
    marked.layer = 3;
    for ratio in [0.15, 0.5] {
        sample::attempt(&mut marked, 3, ratio);
    }
    marked.layers[3].side_by_side.marked = vec![0, 1, 2];
    for panel in marked.panels() {
        marked.focus[Screen::Layer as usize] = panel;
        windows.push((format!("side by side, {panel:?}"), marked.clone()));
    }
    windows
}

#[test]
fn every_figure_of_the_window_and_its_dialogs_is_whole_at_every_width() {
    for (what, state) in windows() {
        for width in 60..=210 {
            let height = if width % 2 == 0 { 24 } else { 40 };
            let mut state = state.clone();
            state.size = (width, height);
            check_window(&state, width, height, &what);
        }
    }
}
