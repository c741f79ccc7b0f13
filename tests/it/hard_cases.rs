//! Unusual models, engines, terminals and input: nothing panics, and every frame is complete.
//!
//! In the release profile, overflows wrap silently. To detect them, run `cargo --config
//! profile.release.package.slimgpt.overflow-checks=true test --release --test it hard_cases`.

use crate::window::{
    self,
    boxes::assert_sound,
    drawn, listed,
    odd::{self, STRANGE, Size},
};
use slimgpt::application::{
    explorer::view::{LEAST, SHORT},
    explorer::{
        ACTIONS, Action, Confirm, Confirmed, Dialog, Explain, Field, FieldId, Filter, Form, FormKind, Help,
        Input, Key, Msg, Palette, Pointer, Press, Screen, Sessions, State, update,
    },
    protocol::{Event, Stage, Stamped},
};

const LARGE: (u16, u16) = (500, 100);

fn look_at(state: &State, told: &str) {
    assert_sound(&drawn(state), state, told);
}

/// Draws the state on every screen with every panel focused.
fn look_everywhere(state: &mut State, sizes: &[(u16, u16)], told: &str) {
    for screen in Screen::ALL {
        state.screen = screen;
        for &panel in screen.panels() {
            state.focus[screen as usize] = panel;
            let parts = if screen == Screen::Layer { &odd::PARTS[..] } else { &odd::PARTS[..1] };
            for &part in parts {
                state.screens.layer.part = part;
                for &size in sizes {
                    state.size = size;
                    look_at(state, &format!("{told}, {panel:?}, {part}"));
                }
            }
        }
    }
}

fn keys() -> Vec<(Action, Key)> {
    let keymap = slimgpt::application::explorer::KeyMap::default();
    ACTIONS
        .iter()
        .flat_map(|info| keymap.keys(info.action).map(|key| (info.action, key)).collect::<Vec<_>>())
        .collect()
}

fn overlays() -> Vec<Dialog> {
    let fields = || {
        vec![
            Field::text(FieldId::Text, "a text", STRANGE, STRANGE.repeat(4)),
            Field::choice(FieldId::Look, "a choice", "", &[STRANGE, "b"], STRANGE),
            Field::choice(FieldId::Parts, "no choice", "no values", &[], "c"),
            Field::switch(FieldId::Bos, "a switch", "on or off", true),
        ]
    };
    let form = |fields: Vec<Field>, at, error: Option<&str>| {
        let form = Form::new(FormKind::Export, STRANGE, fields);
        Dialog::Form(Form { at, error: error.map(str::to_string), ..form })
    };
    let ask =
        |detail: &str| Confirm { question: STRANGE.into(), detail: detail.into(), then: Confirmed::Quit };
    vec![
        Dialog::Help(Help { filter: Input::new(""), scroll: 0 }),
        Dialog::Help(Help { filter: Input::new(STRANGE), scroll: usize::MAX }),
        Dialog::Palette(Palette { input: Input::new(""), at: usize::MAX }),
        Dialog::Palette(Palette { input: Input::new("layer 模"), at: 3 }),
        Dialog::Filter(Filter::new(STRANGE)),
        Dialog::Sessions(Sessions { at: 0, ..Sessions::default() }),
        Dialog::Sessions(Sessions { at: usize::MAX, ..Sessions::default() }),
        form(fields(), 0, Some(STRANGE)),
        form(fields().into_iter().cycle().take(90).collect(), 88, None),
        form(Vec::new(), 4, Some("")),
        Dialog::Confirm(ask("")),
        Dialog::Confirm(ask(&STRANGE.repeat(60))),
        Dialog::Explain(Explain),
    ]
}

#[test]
fn every_screen_of_every_unusual_state_is_complete() {
    for (told, mut state) in odd::all() {
        look_everywhere(&mut state, &[LEAST, LARGE], &told);
        for layer in 0..state.layers.len().min(8) {
            (state.layer, state.screens.layer.attempt) = (layer, 0);
            look_everywhere(&mut state, &[LEAST], &format!("{told}, layer {layer}"));
        }
    }
}

#[test]
fn every_overlay_is_complete_over_every_screen_of_every_unusual_state() {
    for (told, mut state) in odd::all() {
        for overlay in overlays() {
            state.dialogs = vec![Dialog::Explain(Explain), overlay];
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
fn the_list_is_complete_for_all_kinds_of_sessions() {
    let sizes = [SHORT, (79, 30), LEAST, (109, 24), (110, 24), (120, 40), (200, 60), LARGE];
    let why = STRANGE.repeat(30);
    for sessions in [Ok(listed::strange()), Ok(listed::usual()), Ok(Vec::new()), Err(why)] {
        let mut state = odd::half_done("demo", odd::SMALL, 3, 1e-3);
        listed::open(&mut state, sessions, 0);
        for at in (0..60).chain([500, 999]) {
            state.dialogs = vec![Dialog::Sessions(Sessions { at, ..Sessions::default() })];
            for size in sizes {
                state.size = size;
                look_at(&state, &format!("sessions, the cursor at {at}"));
            }
        }
        for key in ["pagedown", "end", "up", "home", "d", "n", "enter", "r", "y", "/", "m", "enter"] {
            update(&mut state, Msg::Key(Key::named(key).unwrap()));
            look_at(&state, &format!("sessions, {key} pressed"));
        }
    }
}

#[test]
fn all_kinds_of_sessions_can_be_compared() {
    let sizes = [LEAST, (109, 24), (120, 40), (149, 60), (150, 47), (200, 60), LARGE];
    for (told, mut state) in odd::all() {
        listed::open(&mut state, Ok(listed::strange()), 0);
        for at in [1, 2, 3, 5, 6, 7, 9] {
            state.dialogs = vec![Dialog::Sessions(Sessions { at, ..Sessions::default() })];
            update(&mut state, Msg::Key(Key::named("m").unwrap()));
        }
        (state.dialogs, state.screen) = (Vec::new(), Screen::Compare);
        assert!(state.compares_sessions());
        for key in ["5", "right", "right", "down", "f", "right", "end", "right", "y", "]"] {
            update(&mut state, Msg::Key(Key::named(key).unwrap()));
            for size in sizes {
                state.size = size;
                look_at(&state, &format!("{told}, compared, {key} pressed"));
            }
        }
    }
}

#[test]
fn every_key_is_handled_on_every_screen_of_every_unusual_state() {
    for (told, state) in odd::all() {
        for screen in Screen::ALL {
            for (action, key) in keys() {
                let mut state = State { screen, ..state.clone() };
                // Each key is pressed twice, because the first press may open a dialog that receives the
                // second.
                for press in 1..=2 {
                    update(&mut state, Msg::Key(key));
                    look_at(&state, &format!("{told}, {action:?} pressed {press}×"));
                }
            }
        }
    }
}

/// A seeded random number generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())].clone()
    }
}

/// A random message: mostly keys, sometimes the mouse, another size, a paste, or an engine event.
fn anything(dice: &mut Dice, state: &State, keys: &[Key], events: &mut Vec<Event>) -> Msg {
    // Dialogs hide everything else, so they are closed often.
    if !state.dialogs.is_empty() && dice.below(4) == 0 {
        return Msg::Key(Key::named("esc").unwrap());
    }
    match dice.below(20) {
        0..=11 => Msg::Key(dice.pick(keys)),
        12 => {
            Msg::Key(Key::named(dice.pick(&["y", "n", "enter", "esc", "backspace", "0", "9", "."])).unwrap())
        }
        13 | 14 => {
            let presses = [Press::Click, Press::Drag, Press::Release, Press::WheelUp, Press::WheelDown];
            let (columns, rows) = state.size;
            let (x, y) = (dice.below(usize::from(columns)) as u16, dice.below(usize::from(rows)) as u16);
            Msg::Pointer(Pointer { press: dice.pick(&presses), at: drawn(state).hits.at(x, y) })
        }
        15 => {
            let (columns, rows) =
                dice.pick(&[LEAST, LEAST, (120, 40), (100, 30), (81, 25), (60, 20), (200, 60), (1, 1)]);
            Msg::Resize(columns, rows)
        }
        16 if dice.below(3) == 0 => Msg::Sessions { now: listed::NOW, sessions: Ok(listed::usual()) },
        16 => Msg::Paste(dice.pick(&["0.3", STRANGE, "", "1e999", "demo:stories", "-1"]).into()),
        _ => {
            // Events of an engine that mostly continues, without waiting for commands.
            let layers = state.layers.len();
            if events.is_empty() {
                *events = odd_events(dice, layers);
                events.reverse();
            }
            let run = state.job().map_or(dice.below(3) as u64, |job| job.run);
            Msg::Engine(Stamped {
                run,
                at: dice.below(100) as f64,
                event: events.pop().unwrap_or(Event::JobDone),
            })
        }
    }
}

/// The events of a layer, complete or truncated, or a single event.
fn odd_events(dice: &mut Dice, layers: usize) -> Vec<Event> {
    let (layer, part) = (dice.below(layers + 2), dice.pick(&odd::PARTS));
    let (number, value) = (dice.below(3), dice.pick(&[1e-3, 1e-3, 0.0, f64::NAN]));
    let size = dice.pick(&[odd::SMALL, odd::SMALL, Size { layers: 12, heads: 0, channels: 3 }]);
    let mut whole = odd::layer_events(layer, number, size, value);
    match dice.below(14) {
        0..=3 => whole,
        12 => vec![odd::opened("another", size), odd::restored(size, &window::live().settings, value)],
        13 => vec![odd::restored(odd::SMALL, &window::live().settings, 0.25)],
        4 => {
            whole.truncate(dice.below(whole.len()));
            whole
        }
        5 => vec![Event::PartFailed { layer, part, cause: STRANGE.into() }],
        6 => vec![Event::Warning { message: STRANGE.repeat(4) }],
        7 => vec![
            Event::Paused,
            Event::Progress { stage: Stage::LoadModel, done: 3, total: 2 },
            Event::Resumed,
        ],
        8 => vec![odd::curve(layer, part, dice.below(400), value)],
        9 => vec![Event::JobFailed { message: STRANGE.into(), advice: None }],
        10 => vec![Event::JobCancelled],
        _ => vec![odd::run_started(odd::SMALL, &window::live().settings), Event::JobDone],
    }
}

fn walk(seed: u64, steps: usize, mut state: State) {
    let mut dice = Dice(seed);
    let keys: Vec<Key> = keys().into_iter().map(|(_, key)| key).collect();
    let mut events = Vec::new();
    for step in 0..steps {
        let msg = anything(&mut dice, &state, &keys, &mut events);
        let told = format!("seed {seed}, step {step}, {msg:?}");
        update(&mut state, msg);
        look_at(&state, &told);
    }
}

#[test]
fn a_random_walk_over_a_live_model_never_panics() {
    for seed in 0..6 {
        walk(seed, 2000, odd::half_done("demo", odd::SMALL, 3, 1e-3));
    }
}

#[test]
fn a_random_walk_from_any_state_never_panics() {
    for (seed, (_, state)) in (100..).zip(odd::all()) {
        walk(seed, 300, state);
    }
}
