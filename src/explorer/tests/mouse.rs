//! Clicks, drags and the wheel.

use super::Script;
use crate::explorer::{Action, Dialog, Pointed, Press, Screen, screens::layer};

#[test]
fn a_drag_on_the_curve_sets_ratios_and_is_one_edit() {
    let mut script = Script::opened(4);
    let before = script.state.schedule.ratios.clone();
    script.keys("3");
    script.click(Pointed::Ratio { layer: 1, ratio: 0.3012 });
    script.point(Press::Drag, Pointed::Ratio { layer: 2, ratio: 0.4 });
    script.point(Press::Drag, Pointed::Ratio { layer: 2, ratio: 0.45 });
    script.point(Press::Release, Pointed::Nothing);
    assert_eq!(script.state.schedule.ratios[1..3], [0.3, 0.45]);
    assert_eq!(script.state.layer, 2);
    script.point(Press::Drag, Pointed::Ratio { layer: 0, ratio: 0.9 });
    assert_eq!(script.state.schedule.ratios[0], before[0], "the button was released");
    script.keys("u");
    assert_eq!(script.state.schedule.ratios, before);
}

#[test]
fn the_small_curve_of_the_layers_screen_selects_and_does_not_edit() {
    let mut script = Script::opened(4);
    let before = script.state.schedule.clone();
    script.click(Pointed::Ratio { layer: 3, ratio: 0.9 });
    assert_eq!(script.state.layer, 3);
    assert_eq!(script.state.schedule, before);
}

#[test]
fn a_second_click_on_a_layer_opens_it() {
    let mut script = Script::opened(4);
    script.click(Pointed::Layer(2));
    assert_eq!((script.state.layer, script.state.screen), (2, Screen::Layers));
    script.click(Pointed::Layer(2));
    assert_eq!(script.state.screen, Screen::Layer);
}

#[test]
fn tabs_panels_and_hints_can_be_clicked() {
    let mut script = Script::opened(2);
    script.click(Pointed::Screen(Screen::Layer));
    assert_eq!(script.state.screen, Screen::Layer);
    script.click(Pointed::Panel(&layer::view::BATCHES.panel));
    assert_eq!(script.state.focused(), &layer::view::BATCHES.panel);
    script.click(Pointed::Action(Action::Help));
    assert!(matches!(script.state.dialogs.last(), Some(Dialog::Help(_))));
    script.click(Pointed::Action(Action::CloseDialog));
    assert!(script.state.dialogs.is_empty());
}

#[test]
fn a_click_outside_a_dialog_closes_it_and_does_nothing_else() {
    let mut script = Script::opened(2);
    script.keys(":");
    script.click(Pointed::OutsideDialog);
    assert!(script.state.dialogs.is_empty());
    assert_eq!(script.state.screen, Screen::Layers);
}

#[test]
fn the_wheel_scrolls_lists_and_never_edits() {
    let mut script = Script::opened(8);
    script.point(Press::WheelDown, Pointed::Nothing);
    script.point(Press::WheelDown, Pointed::Nothing);
    assert_eq!(script.state.layer, 2);
    let before = script.state.schedule.clone();
    script.keys("3");
    script.point(Press::WheelUp, Pointed::Nothing);
    assert_eq!(script.state.layer, 1);
    assert_eq!(script.state.schedule, before);
}
