//! Models, engines, terminals and people that are hard on the explorer: nothing panics, and every frame is whole.
#![allow(clippy::unwrap_used)]

mod window;

use crokey::KeyCombination;
use slimgpt::{
    app::{
        ACTIONS, Action, Ask, Confirmed, Field, Form, FormKind, Input, Msg, Overlay, Screen, State, update,
    },
    ui::LEAST,
};
use window::{
    boxes::assert_sound,
    drawn,
    odd::{self, STRANGE},
};

const LARGE: (u16, u16) = (500, 100);

fn look_at(state: &State, told: &str) {
    assert_sound(&drawn(state), state, told);
}

/// The same state on every screen with every panel in focus, at both sizes.
fn look_everywhere(state: &mut State, told: &str) {
    for screen in Screen::ALL {
        state.screen = screen;
        for &panel in screen.panels() {
            state.focus[screen as usize] = panel;
            let parts = if screen == Screen::Layer { &odd::PARTS[..] } else { &odd::PARTS[..1] };
            for &part in parts {
                state.part = part;
                for size in [LEAST, LARGE] {
                    state.size = size;
                    look_at(state, &format!("{told}, {panel:?}, {part}"));
                }
            }
        }
    }
}

fn keys() -> Vec<(Action, KeyCombination)> {
    let keymap = slimgpt::app::KeyMap::default();
    ACTIONS
        .iter()
        .flat_map(|info| keymap.keys(info.action).map(|key| (info.action, key)).collect::<Vec<_>>())
        .collect()
}

fn overlays() -> Vec<Overlay> {
    let fields = || {
        vec![
            Field::text("a text", STRANGE, STRANGE.repeat(4)),
            Field::choice("a choice", "", &[STRANGE, "b"], STRANGE),
            Field::choice("no choice", "one of nothing", &[], "c"),
            Field::switch("a switch", "on or off", true),
        ]
    };
    let form = |fields: Vec<Field>, at, error: Option<&str>| {
        let form = Form::new(FormKind::Export, STRANGE, fields);
        Overlay::Form(Form { at, error: error.map(str::to_string), ..form })
    };
    let ask = |detail: &str| Ask { question: STRANGE.into(), detail: detail.into(), then: Confirmed::Quit };
    vec![
        Overlay::Help { filter: Input::new(""), scroll: 0 },
        Overlay::Help { filter: Input::new(STRANGE), scroll: usize::MAX },
        Overlay::Palette { input: Input::new(""), at: usize::MAX },
        Overlay::Palette { input: Input::new("layer 模"), at: 3 },
        Overlay::Filter { input: Input::new(STRANGE) },
        form(fields(), 0, Some(STRANGE)),
        form(fields().into_iter().cycle().take(90).collect(), 88, None),
        form(Vec::new(), 4, Some("")),
        Overlay::Ask(ask("")),
        Overlay::Ask(ask(&STRANGE.repeat(60))),
        Overlay::Explain,
    ]
}

#[test]
fn every_screen_of_every_odd_state_is_whole() {
    for (told, mut state) in odd::all() {
        look_everywhere(&mut state, &told);
        for layer in 0..state.layers.len().min(8) {
            (state.layer, state.attempt) = (layer, 0);
            look_everywhere(&mut state, &format!("{told}, layer {layer}"));
        }
    }
}

#[test]
fn every_overlay_is_whole_over_every_screen_of_every_odd_state() {
    for (told, mut state) in odd::all() {
        for overlay in overlays() {
            state.overlays = vec![Overlay::Explain, overlay];
            for screen in Screen::ALL {
                for size in [LEAST, LARGE] {
                    (state.screen, state.size) = (screen, size);
                    look_at(&state, &told);
                }
            }
        }
    }
}

#[test]
fn every_key_is_answered_on_every_screen_of_every_odd_state() {
    for (told, state) in odd::all() {
        for screen in Screen::ALL {
            for (action, key) in keys() {
                let mut state = State { screen, ..state.clone() };
                // Twice, since what the first opens hears the second.
                for press in 1..=2 {
                    update(&mut state, Msg::Key(key));
                    look_at(&state, &format!("{told}, {action:?} pressed {press}×"));
                }
            }
        }
    }
}
#[test]
#[ignore]
fn zz_show() {
    for (told, state) in odd::all() {
        for screen in Screen::ALL {
            for part in odd::PARTS {
                if screen != Screen::Layer && part == slimgpt::config::Part::Mlp {
                    continue;
                }
                let size = if std::env::var("BIG").is_ok() { (160, 45) } else { LEAST };
                let state = State { screen, size, part, ..state.clone() };
                println!("=== {told} {screen:?}\n{}", drawn(&state).text());
            }
        }
    }
}
#[test]
#[ignore]
fn zz_time() {
    let mut t = [std::time::Duration::ZERO; 2];
    for (_, mut state) in odd::all() {
        for screen in Screen::ALL {
            state.screen = screen; state.size = LARGE;
            let a = std::time::Instant::now();
            let d = drawn(&state);
            t[0] += a.elapsed();
            let a = std::time::Instant::now();
            assert_sound(&d, &state, "x");
            t[1] += a.elapsed();
        }
    }
    println!("{:?} {:?}", t[0] / 114, t[1] / 114);
}
