//! The map: the cursor, the quantities, and opening a layer at a unit.

use super::Script;
use crate::{
    explorer::{Pointed, Screen, screens::map::Quantity, view},
    prune::Part,
};

#[test]
fn the_cursor_moves_over_layers_and_from_heads_to_channels_and_back() {
    let mut script = Script::pruned(3);
    script.keys("7");
    let at = |script: &Script| {
        let map = &script.state.screens.map;
        (script.state.layer, map.part, map.unit)
    };
    script.keys("home");
    assert_eq!(at(&script), (0, Part::Attention, 0));
    script.keys("down right right right right");
    assert_eq!(at(&script), (1, Part::Mlp, 0), "behind the last of four units come the channels");
    script.keys("right left left");
    assert_eq!(at(&script), (1, Part::Attention, 3));
    script.keys("a right right right right right right right right right right right");
    assert_eq!(at(&script), (1, Part::Mlp, 9), "the last channel");
}

#[test]
fn enter_and_a_second_click_open_the_layer_at_the_unit() {
    let mut script = Script::pruned(3);
    script.keys("7 home down right enter");
    assert_eq!((script.state.screen, script.state.layer), (Screen::Layer, 1));
    assert_eq!(script.state.screens.layer.unit, Some((Part::Attention, 1)));
    script.keys("7");
    let channel = Pointed::Unit { part: Part::Mlp, layer: 2, unit: 4 };
    script.click(channel);
    assert_eq!(script.state.screen, Screen::Map);
    script.click(channel);
    assert_eq!((script.state.screen, script.state.screens.layer.part), (Screen::Layer, Part::Mlp));
    script.keys("[");
    assert_eq!(script.state.screens.layer.unit, None, "another layer");
}

#[test]
fn v_cycles_what_the_colours_mean() {
    let mut script = Script::pruned(2);
    script.keys("7");
    let mut seen = vec![script.state.screens.map.quantity];
    for _ in 0..2 {
        script.keys("v");
        seen.push(script.state.screens.map.quantity);
    }
    assert_eq!(seen, [Quantity::Score, Quantity::Cost, Quantity::Order]);
    script.keys("v");
    assert_eq!(script.state.screens.map.quantity, Quantity::Score);
}

#[test]
fn the_map_is_copied_as_a_table_of_units() {
    let mut script = Script::pruned(2);
    script.keys("7 y");
    let Some(crate::explorer::Effect::Copy(text)) = script.effects.first() else { panic!() };
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("layer,part,unit,score,place,cost"));
    assert_eq!(lines.next(), Some("0,attention,0,1,,"));
    assert_eq!(lines.next(), Some("0,attention,1,2,1,0.25"));
    assert_eq!(text.lines().count(), 1 + 2 * (4 + 10));
}

#[test]
fn with_marked_sessions_the_map_counts_how_many_removed_a_unit() {
    use super::comparing::summary;
    use crate::{
        explorer::{Effect, Msg, screens::map::Known},
        protocol::{RemovedFrom, RemovedUnits},
    };
    let mut script = Script::pruned(2);
    let sessions = ["one", "two", "three"].map(|name| summary(name, 9.0));
    for session in sessions.clone() {
        crate::explorer::screens::compare::toggle(&mut script.state, session);
    }
    let paths = sessions.map(|session| session.path);
    script.keys("7");
    assert_eq!(script.effects, paths.clone().map(Effect::ReadRemoved));
    for (path, removed) in paths.into_iter().zip([vec![1], vec![0], vec![2, 1]]) {
        let of = RemovedFrom { units: 4, removed };
        let of = RemovedUnits { attention: of, mlp: RemovedFrom { units: 10, removed: vec![3] } };
        script.send(Msg::RemovedRead { path, removed: Ok(vec![Some(of), None]) });
    }
    script.keys("v v v");
    assert_eq!(script.state.screens.map.quantity, Quantity::Sessions);
    let known = Known::of(&script.state, 0, Part::Attention).unwrap();
    let counts: Vec<usize> = (0..4).map(|unit| known.removed_in(unit)).collect();
    assert_eq!((counts, known.sessions()), (vec![1, 3, 1, 0], 4));
    script.keys("home right");
    assert_eq!((script.state.layer, script.state.screens.map.unit), (0, 1));
    let shown = view::screen_tests::screen_text(&script.state, 160, 36);
    assert!(shown.contains("removed in 3 of 4 sessions"), "{shown}");
    assert_eq!(
        Known::of(&script.state, 1, Part::Mlp).unwrap().sessions(),
        1,
        "the layer is dense in the others"
    );
}
