//! The screens: their list, and the trait that each implements in its own folder.
//!
//! To add a screen, write its folder and a line of [`screens!`]. Its tab, its number key, its `Show` action, and
//! its entries in the help and the palette are made from the list.

pub mod compare;
pub mod errors;
pub mod layer;
pub mod layers;
pub mod log;
pub mod map;
mod panel;
pub mod schedule;
pub mod steps;

pub use panel::{Explanation, Panel};

use super::{
    Action, Effect, Pointed, State,
    movement::Move,
    view::{Canvas, Rect},
};

/// The behaviour of a screen. Its state is the `ViewState` of its module.
pub trait Slice: Sync {
    fn title(&self) -> &'static str;

    /// One line about the screen, for the help entry of its key.
    fn help(&self) -> &'static str;

    /// The text of its tab.
    fn tab(&self, _state: &State) -> String {
        self.title().into()
    }

    /// Panels that can be focused, in reading order.
    fn panels(&self) -> &'static [&'static Panel];

    /// The panels that are currently shown.
    fn panels_now(&self, _state: &State) -> &'static [&'static Panel] {
        self.panels()
    }

    /// Hints of the footer, the most important first.
    fn hints(&self, state: &State) -> &'static [(Action, &'static str)];

    /// Called when the screen is shown.
    fn enter(&self, _state: &mut State) -> Vec<Effect> {
        Vec::new()
    }

    fn go(&self, state: &mut State, movement: Move) -> Vec<Effect>;

    /// The movement for a turn of the wheel by `lines` lines. The wheel never edits.
    fn wheel(&self, _state: &State, lines: isize) -> Move {
        Move::Line(lines)
    }

    /// Performs an action that is specific to this screen; None if the action means the same on all screens.
    fn act(&self, _state: &mut State, _action: Action) -> Option<Vec<Effect>> {
        None
    }

    /// Handles a click that is specific to this screen; None if the click means the same on all screens.
    fn click(&self, _state: &mut State, _at: Pointed) -> Option<Vec<Effect>> {
        None
    }

    /// The text that filters its list; None if it has no list to filter.
    fn filter<'s>(&self, _state: &'s State) -> Option<&'s str> {
        None
    }

    fn set_filter(&self, _state: &mut State, _text: String) {}

    /// The content that `Copy` puts into the clipboard.
    fn copy(&self, state: &State) -> Copied;

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect);
}

/// A text for the clipboard, and its name for the notice. Empty texts are refused.
pub struct Copied {
    pub what: &'static str,
    pub text: String,
}

macro_rules! screens {
    ($($name:ident: $module:ident, $lower:literal;)+) => {
        /// A screen, in the order of the tabs and the number keys.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Screen {
            $($name),+
        }

        impl Screen {
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            /// Name of the action that shows it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $lower),+
                }
            }

            pub(super) fn slice(self) -> &'static dyn Slice {
                match self {
                    $(Self::$name => &$module::$name),+
                }
            }
        }

        /// State of each screen.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Screens {
            $(pub $module: $module::ViewState),+
        }
    };
}

screens! {
    Layers: layers, "layers";
    Layer: layer, "layer";
    Schedule: schedule, "schedule";
    Errors: errors, "errors";
    Compare: compare, "compare";
    Log: log, "log";
    Map: map, "map";
    Steps: steps, "steps";
}

impl Default for Screen {
    fn default() -> Self {
        Self::ALL[0]
    }
}

impl Screen {
    pub fn title(self) -> &'static str {
        self.slice().title()
    }

    pub fn help(self) -> &'static str {
        self.slice().help()
    }

    /// Number of its tab and key, from 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    pub fn previous(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }

    /// Panels that can be focused, in reading order.
    pub fn panels(self) -> &'static [&'static Panel] {
        self.slice().panels()
    }
}

impl State {
    /// The panels that the current screen shows.
    pub fn panels(&self) -> &'static [&'static Panel] {
        self.screen.slice().panels_now(self)
    }

    /// The focused panel of the current screen, or the first panel if the focused one is not shown.
    pub fn focused(&self) -> &'static Panel {
        let (focused, panels) = (self.focus[self.screen as usize], self.panels());
        if panels.contains(&focused) { focused } else { panels[0] }
    }

    pub(super) fn focus(&mut self, screen: Screen, panel: &'static Panel) {
        self.focus[screen as usize] = panel;
    }

    /// Moves the focus by `by` panels, wrapping around.
    pub(super) fn turn_focus(&mut self, by: isize) {
        let panels = self.panels();
        let at = panels.iter().position(|panel| *panel == self.focused()).unwrap_or(0) as isize;
        self.focus(self.screen, panels[(at + by).rem_euclid(panels.len() as isize) as usize]);
    }

    /// Clears the screens' state of the previous model. The compared sessions are kept.
    pub(super) fn forget_screens(&mut self) {
        self.screens.layer.attempt = 0;
        self.screens.layers.filter.clear();
        self.screens.schedule.dragging = false;
        self.screens.compare.scrolled = 0;
        self.screens.steps = steps::ViewState::default();
        self.screens.map = map::ViewState { quantity: self.screens.map.quantity, ..Default::default() };
        self.screens.layer.unit = None;
    }

    /// Shows a screen.
    pub(super) fn show(&mut self, screen: Screen) -> Vec<Effect> {
        self.screen = screen;
        screen.slice().enter(self)
    }
}
