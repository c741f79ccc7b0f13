//! The table of actions and the user's key file.

use std::collections::{HashMap, HashSet};

use super::Script;
use crate::explorer::{
    ACTIONS, Action, Context, Effect, Key, KeyMap, Msg, Origin, Panel, Screen, Zoom, hints,
};

#[test]
fn every_action_is_in_the_table_once_with_a_key_and_a_name() {
    let names: HashSet<&str> = ACTIONS.iter().map(|info| info.name).collect();
    assert_eq!(names.len(), ACTIONS.len());
    for info in ACTIONS.iter() {
        assert_eq!(info.action.info().name, info.name);
        assert_eq!(Action::named(info.name), Some(info.action));
        assert!(!info.keys.is_empty() && !info.help.is_empty(), "{}", info.name);
    }
}

#[test]
fn no_key_has_two_meanings_on_a_screen_or_in_a_dialog() {
    let map = KeyMap::default();
    for info in ACTIONS.iter() {
        for key in map.keys(info.action) {
            for context in Context::all().filter(|&context| info.scope.holds(context)) {
                assert_eq!(map.action(key, context), Some(info.action), "{key} in {context:?}");
            }
        }
    }
}

#[test]
fn a_key_file_replaces_the_keys_of_the_actions_it_names() {
    let map = KeyMap::parse(
        "start = \"ctrl-s\"\nstep_mode = [\"F5\", \"W\"]\nwrite = \"Q\"\nmouse = []",
        "keys.toml",
    )
    .unwrap();
    let key = |text: &str| Key::named(text).unwrap();
    assert_eq!(map.action(key("ctrl-s"), Screen::Layers), Some(Action::Start));
    assert_eq!(map.action(key("s"), Screen::Layers), None);
    assert_eq!(map.action(key("f5"), Screen::Log), Some(Action::StepMode));
    assert_eq!(map.action(key("M"), Screen::Log), None, "an empty list unbinds the action");
    assert_eq!(map.action(key("q"), Screen::Layers), Some(Action::Quit), "other actions are unchanged");
}

#[test]
fn unknown_and_duplicate_keys_are_reported_with_their_line() {
    let error = |text: &str| KeyMap::parse(text, "keys.toml").unwrap_err().to_string();
    assert!(error("\nstrat = \"s\"").starts_with("keys.toml, line 2: unknown action \"strat\""));
    assert!(error("start = \"hyper-s\"").contains("line 1: \"hyper-s\" is not a key"));
    assert!(error("start = \"F5\"\n\nexport = \"F5\"").contains("line 1: key \"F5\""));
    assert!(error("start = \"q\"").contains("\"quit\""));
    assert!(error("start = 3").contains("expected a key"));
    assert!(error("start = ").contains("line 1"));
    assert!(KeyMap::parse("lock = \"w\"", "").is_ok(), "lock and write share no screen");
}

#[test]
fn hints_name_keys_of_the_live_key_map() {
    let mut script = Script::opened(2);
    script.state.interface.keymap = KeyMap::parse("start = \"F5\"", "").unwrap();
    let shown = hints(&script.state);
    assert!(shown.iter().any(|hint| hint.action == Action::Start && hint.keys == "F5"), "{shown:?}");
    script.keys("F5");
    let shown = hints(&script.state);
    assert!(shown.iter().any(|hint| hint.action == Action::Cancel));
    assert!(shown.iter().all(|hint| hint.action != Action::Start));
}

#[test]
fn keys_of_a_dialog_can_be_rebound() {
    let mut script = Script::pruned(2);
    script.state.interface.keymap = KeyMap::parse("yes = \"F2\"", "").unwrap();
    script.keys("q y");
    assert!(script.effects.is_empty(), "y is no longer bound");
    assert_eq!(hints(&script.state)[0].keys, "F2");
    script.keys("F2");
    assert_eq!(script.effects, [Effect::Quit]);
}

#[test]
fn a_key_can_have_other_meanings_on_screens_and_in_dialogs_but_not_two_in_one_dialog() {
    assert!(KeyMap::parse("delete-session = \"s\"", "").is_ok(), "s also starts, on the screens");
    let error = KeyMap::parse("delete-session = \"r\"", "").unwrap_err().to_string();
    assert!(error.contains("\"resume-session\""), "{error}");
}

#[test]
fn panels_have_distinct_titles() {
    let panels = Screen::ALL.into_iter().flat_map(|screen| screen.panels().iter().copied());
    let mut titles: HashMap<&str, &Panel> = HashMap::new();
    for panel in panels {
        let other = titles.insert(panel.title, panel);
        assert!(other.is_none_or(|other| std::ptr::eq(other, panel)), "{panel:?} is two panels");
    }
}

#[test]
fn every_hint_can_be_acted_on_where_it_is_shown() {
    let mut script = Script::pruned(2);
    for screen in ["1", "2", "3", "4", "5", "6"] {
        script.keys(screen);
        for hint in hints(&script.state) {
            assert!(hint.action.info().scope.holds(script.state.screen), "{hint:?} on screen {screen}");
        }
    }
}

#[test]
fn a_recording_hints_at_no_action_that_it_refuses() {
    let mut script = Script::pruned(2);
    script.state.origin = Origin::Replay { file: "run.jsonl".into(), speed: 1.0 };
    for screen in ["1", "2", "3", "4", "5", "6"] {
        script.keys(screen);
        for hint in hints(&script.state) {
            let mut other = Script::opened(1);
            other.state = script.state.clone();
            let key = other.state.interface.keymap.keys(hint.action).next().unwrap();
            other.send(Msg::Key(key));
            assert!(!other.notice().contains("recording"), "{hint:?} on screen {screen}");
        }
    }
}

#[test]
fn an_unbound_key_does_nothing() {
    let mut script = Script::opened(2);
    let before = script.state.clone();
    script.keys("F9 ctrl-alt-x");
    assert_eq!(script.state, before);
    assert!(script.effects.is_empty());
}

#[test]
fn z_shows_the_focused_panel_alone_and_esc_the_whole_screen() {
    let mut script = Script::pruned(3);
    script.keys("2 z");
    assert_eq!((script.state.screen, script.state.zoom), (Screen::Layer, Zoom::Panel));
    let before = script.state.focused();
    script.keys("f");
    assert_ne!(script.state.focused(), before);
    script.keys("esc");
    assert_eq!((script.state.screen, script.state.zoom), (Screen::Layer, Zoom::Screen));
    script.keys("esc");
    assert_eq!(script.state.screen, Screen::Layers);
}
