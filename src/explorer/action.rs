//! The table of actions: name, help, default keys and scope of everything that a key can be bound to.
//!
//! The key map, the footer, the help, the palette and `slimgpt config keys` are made from it.

use std::sync::LazyLock;

use super::{DialogKind as Dialog, Screen};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActionInfo {
    pub action: Action,
    /// Name in `keys.toml` and in the palette.
    pub name: &'static str,
    /// One line for the help and for `keys.toml`.
    pub help: &'static str,
    /// Default keys, as `Key::named` reads them.
    pub keys: &'static [&'static str],
    pub scope: Scope,
}

/// Where an action applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// On every screen, but not in dialogs.
    Everywhere,
    /// On these screens.
    On(&'static [Screen]),
    /// In these dialogs.
    In(&'static [Dialog]),
}

/// The place in which a key is pressed; it decides what the key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    Screen(Screen),
    Dialog(Dialog),
}

use Scope::{Everywhere, In, On};
use Screen::{Compare, Errors, Layer, Layers, Log, Schedule};

const LISTS: &[Screen] = &[Layers, Layer, Schedule, Errors];
const LAYERED: &[Screen] = &[Layers, Layer, Schedule, Errors, Compare];
const CHARTED: &[Screen] = LAYERED;
/// Dialogs that receive every key.
const MODAL: &[Dialog] =
    &[Dialog::Sessions, Dialog::Form, Dialog::Palette, Dialog::Help, Dialog::Filter, Dialog::Confirm];

/// Default keys of the screens, in the order of the screens.
const NUMBERS: [&[&str]; 9] = [&["1"], &["2"], &["3"], &["4"], &["5"], &["6"], &["7"], &["8"], &["9"]];
// A screen without a default key would have no action that shows it.
const _: () = assert!(Screen::ALL.len() <= NUMBERS.len());

macro_rules! actions {
    ($(
        $list:ident {
            $($action:ident: $name:literal, $help:literal, [$($key:literal),*], $scope:expr;)*
        }
    )*) => {
        /// Everything that a key can be bound to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $($(#[doc = $help] $action,)*)*
            /// Shows a screen.
            Show(Screen),
        }

        $(
            const $list: &[ActionInfo] = &[$(ActionInfo {
                action: Action::$action,
                name: $name,
                help: $help,
                keys: &[$($key),*],
                scope: $scope,
            }),*];
        )*
    };
}

// The help shows them in this order. The screens of `Screen::ALL` come before LAST.
actions! {
FIRST {
    Start: "start", "Prune all layers with the current schedule", ["s"], Everywhere;
    Rerun: "rerun", "Prune again from the first layer that is stale, failed or not yet pruned", ["R"], Everywhere;
    PauseOrResume: "pause", "Pause the job, or resume it", ["space"], Everywhere;
    Step: "step", "Remove one more batch, then pause", ["n"], Everywhere;
    StepMode: "step-mode", "Pause after each removal, or turn this off", ["t"], Everywhere;
    Cancel: "cancel", "Cancel the job; finished layers are kept", ["x"], Everywhere;
    Settings: "settings", "Settings of the next run: calibration, method, evaluation", ["o"], Everywhere;
    Export: "export", "Write the pruned model to a directory", ["E"], Everywhere;
    Sessions: "sessions", "Sessions on disk: inspect, open, resume, compare or delete one", ["S"], Everywhere;
    Up: "up", "One line or layer up; on the Schedule screen, raise the ratio", ["up", "k"], Everywhere;
    Down: "down", "One line or layer down; on the Schedule screen, lower the ratio", ["down", "j"], Everywhere;
    Left: "left", "Left: the previous layer, or the attention part", ["left", "h"], Everywhere;
    Right: "right", "Right: the next layer, or the MLP part", ["right", "l"], Everywhere;
    PageUp: "page-up", "One page up", ["pageup", "ctrl-b"], Everywhere;
    PageDown: "page-down", "One page down", ["pagedown", "ctrl-f"], Everywhere;
    First: "first", "To the first line or layer", ["home", "g"], Everywhere;
    Last: "last", "To the last line or layer", ["end", "G"], Everywhere;
    Open: "open", "Open the layer; in the list of attempts, activate the attempt", ["enter"], On(LISTS);
    PreviousLayer: "previous-layer", "The previous layer", ["["], On(LAYERED);
    NextLayer: "next-layer", "The next layer", ["]"], On(LAYERED);
    SwitchPart: "switch-part", "Switch between attention and MLP; on the Schedule screen, choose which ratio is edited: both, heads or channels", ["a"], On(&[Layer, Schedule]);
    NextPanel: "next-panel", "Focus the next panel", ["f"], Everywhere;
    PreviousPanel: "previous-panel", "Focus the previous panel", ["F"], Everywhere;
    Retry: "retry", "Solve this layer again with another ratio, damping, score or group size", ["r"], On(&[Layers, Layer, Errors]);
    ErrorCurve: "error-curve", "Continue the elimination path past the cut to compute the error at every ratio", ["c"], On(&[Layers, Layer, Schedule]);
    Raise: "raise", "Raise the ratio of this layer by 0.01", ["+", "="], On(&[Layers, Schedule]);
    Lower: "lower", "Lower the ratio of this layer by 0.01", ["-"], On(&[Layers, Schedule]);
    RaiseMuch: "raise-much", "Raise the ratio of this layer by 0.05", ["K"], On(&[Schedule]);
    LowerMuch: "lower-much", "Lower the ratio of this layer by 0.05", ["J"], On(&[Schedule]);
    TypeRatio: "type-ratio", "Type the ratio of this layer", ["e"], On(&[Layers, Schedule]);
    Lock: "lock", "Lock the ratio of this layer against presets and renormalising, or unlock it", ["L"], On(&[Layers, Schedule]);
    Shape: "shape", "Choose the schedule: curve, and mean or first and last ratio", ["d"], On(&[Layers, Schedule]);
    NextPreset: "next-preset", "The next schedule: log, linear, uniform, log-decrease, linear-decrease", ["P"], On(&[Schedule]);
    Renormalise: "renormalise", "Scale the unlocked ratios to a given mean", ["N"], On(&[Schedule]);
    FindRatios: "find-ratios", "Search for the ratios with the smallest loss, for heads and channels separately", ["A"], On(&[Layers, Schedule]);
    Undo: "undo", "Undo the last edit of the schedule or choice of an attempt", ["u"], Everywhere;
    Redo: "redo", "Redo the last undone edit", ["ctrl-r", "U"], Everywhere;
    Prompt: "prompt", "Edit the prompt, the length and the sampling", ["e"], On(&[Compare]);
    Write: "write", "Generate text from the prompt with both models", ["w"], On(&[Compare]);
    Measure: "measure", "Measure the perplexity of both models on a text", ["m"], On(&[Compare, Errors]);
    Filter: "filter", "Show only the lines that contain some text", ["/"], On(&[Layers, Log]);
    LogLevel: "log-level", "Lowest level shown: step, info, warning or error", ["v"], On(&[Log]);
    Copy: "copy", "Copy what this screen shows: the table as CSV, the ratios, the texts, the line", ["y"], Everywhere;
    Picture: "picture", "Save the chart of the focused panel as SVG or PNG", ["p"], On(CHARTED);
    Faster: "faster", "Replay twice as fast", [">"], Everywhere;
    Slower: "slower", "Replay half as fast", ["<"], Everywhere;
    Explain: "explain", "Explain the focused panel, with its formula", ["i"], Everywhere;
    Help: "help", "All keys", ["?"], Everywhere;
    Palette: "palette", "Find an action, a layer or a theme by name", [":"], Everywhere;
    NextTheme: "next-theme", "The next theme", ["T"], Everywhere;
    Mouse: "mouse", "Release the mouse to the terminal, or capture it again", ["M"], Everywhere;
    NextScreen: "next-screen", "The next screen", ["tab"], Everywhere;
    PreviousScreen: "previous-screen", "The previous screen", ["backtab"], Everywhere;
}
LAST {
    Back: "back", "One step back", ["esc"], Everywhere;
    Suspend: "suspend", "Suspend to the shell; fg returns", ["ctrl-z"], Everywhere;
    Quit: "quit", "Quit", ["q", "ctrl-c"], Everywhere;
}
DIALOGS {
    CloseDialog: "close-dialog", "Close the dialog", ["esc"], In(&Dialog::ALL);
    Accept: "accept", "Do what the dialog asks for", ["enter"], In(MODAL);
    LineUp: "line-up", "The previous line or field", ["up", "backtab"], In(MODAL);
    LineDown: "line-down", "The next line or field", ["down", "tab"], In(MODAL);
    DialogPageUp: "dialog-page-up", "One page up", ["pageup"], In(MODAL);
    DialogPageDown: "dialog-page-down", "One page down", ["pagedown"], In(MODAL);
    SessionUp: "session-up", "The previous session", ["k"], In(&[Dialog::Sessions]);
    SessionDown: "session-down", "The next session", ["j"], In(&[Dialog::Sessions]);
    FirstSession: "first-session", "The first session", ["home", "g"], In(&[Dialog::Sessions]);
    LastSession: "last-session", "The last session", ["end", "G"], In(&[Dialog::Sessions]);
    ResumeSession: "resume-session", "Open the session and prune what is left", ["r"], In(&[Dialog::Sessions]);
    CompareSession: "compare-session", "Add the session to the Compare screen, or remove it", ["m"], In(&[Dialog::Sessions]);
    DeleteSession: "delete-session", "Delete the session, after confirmation", ["d", "delete"], In(&[Dialog::Sessions]);
    CopySessionPath: "copy-path", "Copy the path of the session", ["y"], In(&[Dialog::Sessions]);
    FilterSessions: "filter-sessions", "Show only the sessions that contain some text", ["/"], In(&[Dialog::Sessions]);
    CloseSessions: "close-sessions", "Close the list of sessions", ["q", "S"], In(&[Dialog::Sessions]);
    PreviousChoice: "previous-choice", "The previous choice of a field", ["left"], In(&[Dialog::Form]);
    NextChoice: "next-choice", "The next choice of a field, or toggle a switch", ["right", "space"], In(&[Dialog::Form]);
    Yes: "yes", "Yes", ["y", "Y"], In(&[Dialog::Confirm]);
    No: "no", "No", ["n", "N", "q"], In(&[Dialog::Confirm]);
}
}

/// All rows, in the order of the help.
pub static ACTIONS: LazyLock<Vec<ActionInfo>> = LazyLock::new(|| {
    let screens = Screen::ALL.into_iter().zip(NUMBERS).map(|(screen, keys)| ActionInfo {
        action: Action::Show(screen),
        name: screen.name(),
        help: screen.help(),
        keys,
        scope: Everywhere,
    });
    FIRST.iter().copied().chain(screens).chain(LAST.iter().copied()).chain(DIALOGS.iter().copied()).collect()
});

impl Action {
    /// The action's row of the table.
    pub fn info(self) -> &'static ActionInfo {
        ACTIONS.iter().find(|info| info.action == self).expect("the macro writes a row for every action")
    }

    pub fn named(name: &str) -> Option<Self> {
        ACTIONS.iter().find(|info| info.name == name).map(|info| info.action)
    }
}

impl Context {
    /// Every screen and every dialog.
    pub fn all() -> impl Iterator<Item = Self> {
        let dialogs = Dialog::ALL.into_iter().map(Self::Dialog);
        Screen::ALL.into_iter().map(Self::Screen).chain(dialogs)
    }
}

impl From<Screen> for Context {
    fn from(screen: Screen) -> Self {
        Self::Screen(screen)
    }
}

impl From<Dialog> for Context {
    fn from(dialog: Dialog) -> Self {
        Self::Dialog(dialog)
    }
}

impl Scope {
    pub fn holds(self, context: impl Into<Context>) -> bool {
        match (self, context.into()) {
            (Everywhere, Context::Screen(_)) => true,
            (On(screens), Context::Screen(screen)) => screens.contains(&screen),
            (In(dialogs), Context::Dialog(dialog)) => dialogs.contains(&dialog),
            (Everywhere | On(_), Context::Dialog(_)) | (In(_), Context::Screen(_)) => false,
        }
    }

    /// True if a context belongs to both scopes, so one key cannot be bound in both.
    pub fn meets(self, other: Self) -> bool {
        Context::all().any(|context| self.holds(context) && other.holds(context))
    }
}
