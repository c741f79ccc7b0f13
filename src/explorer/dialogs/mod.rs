//! The dialogs: their list, and the trait that each implements in its own folder.
//!
//! Open dialogs form a stack. An event goes to the topmost one and sinks to the screen if the dialog does not
//! handle it. To add a dialog, write its folder and a line of [`dialogs!`]; its actions are rows of the table in
//! `action.rs`.

pub mod commands;
pub mod confirm;
pub mod explain;
pub mod filter;
pub mod form;
pub mod help;
pub mod palette;
pub mod refusal;
pub mod sessions;

pub use commands::Commands;
pub use confirm::{Confirm, Confirmed};
pub use explain::Explain;
pub use filter::Filter;
pub use form::Form;
pub use help::Help;
pub use palette::Palette;
pub use refusal::Refusal;
pub use sessions::Sessions;

use super::{
    Action, Effect, Hint, Input, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

/// Lines of a page.
const PAGE: isize = 10;

/// The response of a dialog to an event.
#[derive(Debug)]
pub enum Reply {
    /// The dialog stays open.
    Stay(Vec<Effect>),
    Close(Vec<Effect>),
    /// The dialog closes, and the action is performed on the screen.
    Perform(Action),
}

/// The behaviour of a dialog. While it handles an event it is off the stack, so it may change the whole
/// state.
pub trait Slice {
    /// False if events that it does not handle sink to the screen.
    fn is_modal(&self) -> bool {
        true
    }

    /// Hints of the footer, the most important first.
    fn hints(&self, state: &State) -> Vec<Hint>;

    /// Performs an action in this dialog; None if the action has no meaning here.
    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply>;

    /// Handles a click on one of its lines.
    fn click(&mut self, _state: &mut State, _line: usize) -> Reply {
        Reply::Stay(Vec::new())
    }

    /// Handles turns of the wheel, in lines; down is positive.
    fn step(&mut self, _state: &State, _lines: isize) {}

    /// The text that keys are typed into, if there is one.
    fn input(&mut self) -> Option<&mut Input> {
        None
    }

    /// Called after the text has changed.
    fn typed(&mut self, _state: &mut State) {}

    /// Draws the dialog over the body of the window. Returns the position of its text cursor.
    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position>;
}

macro_rules! dialogs {
    ($($name:ident, $title:literal;)+) => {
        /// An open dialog.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Dialog {
            $($name($name)),+
        }

        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DialogKind {
            $($name),+
        }

        impl Dialog {
            pub fn kind(&self) -> DialogKind {
                match self {
                    $(Self::$name(_) => DialogKind::$name),+
                }
            }

            pub(super) fn slice(&self) -> &dyn Slice {
                match self {
                    $(Self::$name(dialog) => dialog),+
                }
            }

            pub(super) fn slice_mut(&mut self) -> &mut dyn Slice {
                match self {
                    $(Self::$name(dialog) => dialog),+
                }
            }

            pub fn is_modal(&self) -> bool {
                self.slice().is_modal()
            }
        }

        impl DialogKind {
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            /// Heading of its actions in the help.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title),+
                }
            }
        }
    };
}

dialogs! {
    Sessions, "List of sessions";
    Form, "Forms";
    Palette, "Palette";
    Help, "Help";
    Filter, "Filter";
    Confirm, "Questions";
    Refusal, "Refusals";
    Commands, "Command log";
    Explain, "Explanation";
}

impl State {
    /// Opens a dialog above all others.
    pub(super) fn open(&mut self, dialog: Dialog) -> Vec<Effect> {
        self.dialogs.push(dialog);
        Vec::new()
    }

    /// The topmost dialog, if it handles every event.
    pub fn modal(&self) -> Option<&Dialog> {
        self.dialogs.last().filter(|top| top.is_modal())
    }
}

/// Hands an event to the topmost dialog; None if there is none or it does not handle the event. A dialog that
/// stays open stays below the dialogs it has opened.
pub fn with_top(
    state: &mut State,
    handle: impl FnOnce(&mut dyn Slice, &mut State) -> Option<Reply>,
) -> Option<Handled> {
    let mut top = state.dialogs.pop()?;
    let place = state.dialogs.len();
    let reply = handle(top.slice_mut(), state);
    if matches!(reply, None | Some(Reply::Stay(_))) {
        state.dialogs.insert(place.min(state.dialogs.len()), top);
    }
    Some(match reply? {
        Reply::Stay(effects) | Reply::Close(effects) => Handled::Effects(effects),
        Reply::Perform(action) => Handled::Perform(action),
    })
}

/// The work that remains after a dialog has handled an event.
pub enum Handled {
    Effects(Vec<Effect>),
    Perform(Action),
}

/// The number of lines that an action moves downwards, for actions that all dialogs share.
pub fn lines(action: Action) -> Option<isize> {
    let steps = [
        (Action::LineUp, -1),
        (Action::LineDown, 1),
        (Action::DialogPageUp, -PAGE),
        (Action::DialogPageDown, PAGE),
    ];
    steps.into_iter().find(|(step, _)| *step == action).map(|(_, lines)| lines)
}
