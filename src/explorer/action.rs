//! The table of actions, with name, help, default keys, scope and effect of each. Keys can be bound to all actions.
//!
//! The key map, the footer, the help, the palette and `slimgpt config keys` are made from it.

use std::sync::LazyLock;

use crate::protocol::Seek;

use super::{
    DialogKind as Dialog, Effect, Screen, State,
    dialogs::form::forms,
    edit,
    movement::Move,
    perform::{self, go, open_form, open_form_once_ready, turn_focus},
    picture, playback,
    quit::quit,
    runs,
    screens::{errors::what_if, layer::side_by_side, schedule, steps},
    search, sessions_on_disk,
};

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct ActionInfo {
    pub action: Action,
    /// Name in `keys.toml` and in the palette.
    pub name: &'static str,
    /// One line for the help and for `keys.toml`.
    pub help: &'static str,
    /// Default keys, as `Key::named` reads them.
    pub keys: &'static [&'static str],
    pub scope: Scope,
    effect: Perform,
}

/// Performs an action that has the same meaning on all screens of its scope.
type Perform = fn(&mut State) -> Vec<Effect>;

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
use Screen::{Compare, Errors, Layer, Layers, Log, Map, Schedule, Steps};

const LISTS: &[Screen] = &[Layers, Layer, Schedule, Errors, Map, Compare];
const LAYERED: &[Screen] = &[Layers, Layer, Schedule, Errors, Compare, Map];
const CHARTED: &[Screen] = LAYERED;
/// Screens other than the algorithm view, which uses `G` for its rules.
const WITHOUT_RULES: &[Screen] = &[Layers, Layer, Schedule, Errors, Compare, Log, Map];
/// Dialogs that receive every key.
const MODAL: &[Dialog] = &[
    Dialog::Sessions,
    Dialog::Form,
    Dialog::Palette,
    Dialog::Help,
    Dialog::Filter,
    Dialog::Confirm,
    Dialog::Refusal,
    Dialog::Commands,
];

/// Default keys of the screens, in the order of the screens.
const NUMBERS: [&[&str]; 9] = [&["1"], &["2"], &["3"], &["4"], &["5"], &["6"], &["7"], &["8"], &["9"]];
// A screen without a default key would have no action that shows it.
const _: () = assert!(Screen::ALL.len() <= NUMBERS.len());

macro_rules! actions {
    ($(
        $list:ident {
            $($action:ident: $name:literal, $help:literal, [$($key:literal),*], $scope:expr => $effect:expr;)*
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
                effect: $effect,
            }),*];
        )*
    };
}

/// The change of the ratio per key press.
const NUDGE: f64 = 0.01;
const NUDGE_MUCH: f64 = 0.05;

/// The effect of actions that are performed by the `act` of their screens or dialogs.
fn elsewhere(_: &mut State) -> Vec<Effect> {
    Vec::new()
}

// The help shows them in this order. The screens of `Screen::ALL` come before LAST.
actions! {
FIRST {
    Start: "start", "Prune all layers with the current schedule", ["s"], Everywhere => runs::ask_to_start;
    Rerun: "rerun", "Prune again from the first layer that is stale, failed or not yet pruned", ["R"], Everywhere => runs::rerun;
    PauseOrResume: "pause", "Pause the job, or resume it", ["space"], Everywhere => runs::pause_or_resume;
    Step: "step", "Remove one more batch, then pause", ["n"], Everywhere => runs::step;
    StepMode: "step-mode", "Pause after each removal, or turn this off", ["t"], Everywhere => runs::step_mode;
    Cancel: "cancel", "Cancel the job; a run over pruned layers activates their earlier attempts again", ["x"], Everywhere => runs::ask_to_cancel;
    SkipDense: "skip-dense", "Leave out the perplexity of the dense model", ["X"], Everywhere => runs::skip_dense;
    Settings: "settings", "Settings of the next run: calibration, method, evaluation", ["o"], Everywhere => |state| open_form(state, forms::settings);
    Export: "export", "Write the pruned model to a directory", ["E"], Everywhere => |state| open_form_once_ready(state, forms::export);
    Sessions: "sessions", "Sessions on disk: inspect, open, resume, compare or delete one", ["S"], Everywhere => sessions_on_disk::show;
    Up: "up", "One line or layer up; on the Schedule screen, raise the ratio", ["up", "k"], Everywhere => |state| go(state, Move::Line(-1));
    Down: "down", "One line or layer down; on the Schedule screen, lower the ratio", ["down", "j"], Everywhere => |state| go(state, Move::Line(1));
    Left: "left", "Left: the previous layer, or the attention part", ["left", "h"], Everywhere => |state| go(state, Move::Aside(-1));
    Right: "right", "Right: the next layer, or the MLP part", ["right", "l"], Everywhere => |state| go(state, Move::Aside(1));
    PageUp: "page-up", "One page up", ["pageup", "ctrl-b"], Everywhere => |state| go(state, Move::Page(-1));
    PageDown: "page-down", "One page down", ["pagedown", "ctrl-f"], Everywhere => |state| go(state, Move::Page(1));
    First: "first", "To the first line or layer", ["home", "g"], Everywhere => |state| go(state, Move::End(-1));
    Last: "last", "To the last line or layer", ["end", "G"], On(WITHOUT_RULES) => |state| go(state, Move::End(1));
    Open: "open", "Open the layer; in the list of attempts, activate the attempt", ["enter"], On(LISTS) => |state| state.show(Layer);
    PreviousLayer: "previous-layer", "The previous layer", ["["], On(LAYERED) => |state| go(state, Move::Layer(-1));
    NextLayer: "next-layer", "The next layer", ["]"], On(LAYERED) => |state| go(state, Move::Layer(1));
    SwitchPart: "switch-part", "Switch between attention and MLP; on the Schedule screen, choose which ratio is edited: both, heads or channels; on the Compare screen, switch between the texts", ["a"], On(&[Layer, Schedule, Errors, Compare, Map, Steps]) => elsewhere;
    NextPanel: "next-panel", "Focus the next panel", ["f"], Everywhere => |state| turn_focus(state, 1);
    PreviousPanel: "previous-panel", "Focus the previous panel", ["F"], Everywhere => |state| turn_focus(state, -1);
    Zoom: "zoom", "Show the focused panel alone, or the whole screen", ["z"], Everywhere => perform::zoom;
    Retry: "retry", "Solve this layer again with another ratio, damping, score or group size", ["r"], On(&[Layers, Layer, Errors]) => perform::retry;
    Mark: "mark", "Mark the attempt under the cursor; two or three marked attempts are shown side by side", ["m"], On(&[Layer]) => side_by_side::mark;
    MeasureMarked: "measure-marked", "Pass a few windows to the last layer with each marked attempt", ["w"], On(&[Layer]) => side_by_side::measure;
    ErrorCurve: "error-curve", "Continue the elimination path past the cut to compute the error at every ratio", ["c"], On(&[Layers, Layer, Schedule]) => perform::error_curve;
    Algorithm: "algorithm", "The algorithm view: every elimination step of this part, forward and back; again: back to the layer", ["V"], On(&[Layers, Layer, Map, Steps]) => steps::open;
    StepBack: "step-back", "One sub-step back", ["N"], On(&[Steps]) => elsewhere;
    PreviousStep: "previous-step", "To the start of the step before", ["["], On(&[Steps]) => elsewhere;
    NextStep: "next-step", "To the start of the next step", ["]"], On(&[Steps]) => elsewhere;
    LastStep: "last-step", "To the last recorded step", ["end"], On(&[Steps]) => elsewhere;
    Rules: "rules", "What the exact score, grouped Cholesky and the diagonal would choose", ["G"], On(&[Steps]) => elsewhere;
    RecordSteps: "record-steps", "Follow the path of this part and record its steps; nothing is pruned", ["enter"], On(&[Steps]) => elsewhere;
    Quantity: "quantity", "What the colours of the map mean: score, cost, order of removal", ["v"], On(&[Map]) => elsewhere;
    Raise: "raise", "Raise the ratio of this layer by 0.01", ["+", "="], On(&[Layers, Schedule]) => |state| edit::nudge(state, NUDGE);
    Lower: "lower", "Lower the ratio of this layer by 0.01", ["-"], On(&[Layers, Schedule]) => |state| edit::nudge(state, -NUDGE);
    RaiseMuch: "raise-much", "Raise the ratio of this layer by 0.05", ["K"], On(&[Schedule]) => |state| edit::nudge(state, NUDGE_MUCH);
    LowerMuch: "lower-much", "Lower the ratio of this layer by 0.05", ["J"], On(&[Schedule]) => |state| edit::nudge(state, -NUDGE_MUCH);
    TypeRatio: "type-ratio", "Type the ratio of this layer", ["e"], On(&[Layers, Schedule]) => |state| open_form(state, forms::ratio);
    Lock: "lock", "Lock the ratio of this layer against presets and renormalising, or unlock it", ["L"], On(&[Layers, Schedule]) => perform::lock;
    Shape: "shape", "Choose the schedule: curve, and mean or first and last ratio", ["d"], On(&[Layers, Schedule]) => |state| open_form(state, forms::shape);
    NextPreset: "next-preset", "The next schedule: log, linear, uniform, log-decrease, linear-decrease", ["P"], On(&[Schedule]) => perform::next_preset;
    Renormalise: "renormalise", "Scale the unlocked ratios to a given mean", ["N"], On(&[Schedule]) => |state| open_form(state, forms::renormalise);
    Budget: "budget", "Lock the number of parameters: if a layer is raised, others are lowered at equal marginal cost; or unlock it", ["B"], On(&[Schedule]) => schedule::budget::toggle;
    Balance: "balance", "Balance the unlocked layers at equal marginal cost, with the same number of parameters", ["b"], On(&[Schedule]) => schedule::budget::balance;
    FindRatios: "find-ratios", "Search for the ratios with the smallest loss, for heads and channels separately", ["A"], On(&[Layers, Schedule]) => search::find;
    Undo: "undo", "Undo the last edit of the schedule, choice of an attempt, or run", ["u"], Everywhere => edit::undo;
    Redo: "redo", "Redo the last undone edit", ["ctrl-r", "U"], Everywhere => edit::redo;
    Prompt: "prompt", "Edit the prompt, the length and the sampling", ["e"], On(&[Compare]) => |state| open_form(state, forms::prompt);
    Write: "write", "Generate text from the prompt with both models", ["w"], On(&[Compare]) => runs::write;
    Measure: "measure", "Measure the perplexity of both models on a text", ["m"], On(&[Compare, Errors]) => |state| open_form_once_ready(state, forms::measure);
    FirstDifference: "first-difference", "To the first token in which the texts differ", ["D"], On(&[Compare]) => elsewhere;
    EarlierTexts: "earlier-texts", "Show the texts generated before", [","], On(&[Compare]) => elsewhere;
    LaterTexts: "later-texts", "Show the texts generated after", ["."], On(&[Compare]) => elsewhere;
    NextMeasure: "next-measure", "The next measure of the output error: relative, absolute, cosine distance, without the largest dimensions", ["v"], On(&[Errors]) => elsewhere;
    MeasureErrors: "measure-errors", "Measure the output error of every layer, without solving again", ["e"], On(&[Errors]) => what_if::measure;
    WhatIf: "what-if", "Measure the output errors with the selected part dense", ["w"], On(&[Errors]) => what_if::ask;
    SortBars: "sort-bars", "Sort the bars by amount or by layer", ["b"], On(&[Errors]) => elsewhere;
    Filter: "filter", "Show only the lines that contain some text", ["/"], On(&[Layers, Log]) => perform::filter;
    SortNext: "sort", "Sort the table by the next column", [","], On(&[Layers]) => elsewhere;
    ReverseOrder: "reverse-order", "Reverse the order of the table", ["."], On(&[Layers]) => elsewhere;
    Columns: "columns", "Choose the columns of the table", ["C"], On(&[Layers]) => |state| open_form(state, forms::columns);
    LogLevel: "log-level", "Lowest level shown: step, info, warning or error", ["v"], On(&[Log]) => elsewhere;
    Copy: "copy", "Copy the content of this screen: the table as CSV, the ratios, the texts, the line", ["y"], Everywhere => perform::copy;
    Picture: "picture", "Save the chart of the focused panel as SVG or PNG", ["p"], On(CHARTED) => |state| open_form(state, picture::form);
    PreviousEvent: "previous-event", "Replay: one event back", ["("], Everywhere => |state| playback::seek(state, Seek::Events(-1));
    NextEvent: "next-event", "Replay: one event on", [")"], Everywhere => |state| playback::seek(state, Seek::Events(1));
    PreviousStart: "previous-start", "Replay: back to the start of this layer, or of the one before", ["{"], Everywhere => |state| playback::seek(state, Seek::Layers(-1));
    NextStart: "next-start", "Replay: to the start of the next layer", ["}"], Everywhere => |state| playback::seek(state, Seek::Layers(1));
    Restart: "restart", "Replay: from the beginning", ["0"], Everywhere => |state| playback::seek(state, Seek::Place(0));
    Faster: "faster", "Replay twice as fast", [">"], Everywhere => |state| runs::speed(state, 2.0);
    Slower: "slower", "Replay half as fast", ["<"], Everywhere => |state| runs::speed(state, 0.5);
    ErrorAxes: "error-axes", "Logarithmic or linear axes of errors", ["~"], Everywhere => perform::error_axes;
    PerCent: "per-cent", "Show relative errors in per cent, or as numbers", ["%"], Everywhere => perform::notation;
    Explain: "explain", "Explain the focused panel, with its formula", ["i"], Everywhere => perform::explain;
    CommandLog: "commands", "What was done, as slimgpt commands that do the same without a screen", ["@"], Everywhere => perform::commands;
    Help: "help", "All keys", ["?"], Everywhere => perform::help;
    Palette: "palette", "Find an action, a layer or a theme by name", [":"], Everywhere => perform::palette;
    NextTheme: "next-theme", "The next theme", ["T"], Everywhere => perform::next_theme;
    Mouse: "mouse", "Release the mouse to the terminal, or capture it again", ["M"], Everywhere => perform::mouse;
    NextScreen: "next-screen", "The next screen", ["tab"], Everywhere => |state| state.show(state.screen.next());
    PreviousScreen: "previous-screen", "The previous screen", ["backtab"], Everywhere => |state| state.show(state.screen.previous());
}
LAST {
    Back: "back", "One step back", ["esc"], Everywhere => perform::back;
    Suspend: "suspend", "Suspend to the shell; fg returns", ["ctrl-z"], Everywhere => |_| vec![Effect::Suspend];
    Quit: "quit", "Quit", ["q", "ctrl-c"], Everywhere => quit;
}
DIALOGS {
    CloseDialog: "close-dialog", "Close the dialog", ["esc"], In(&Dialog::ALL) => elsewhere;
    Accept: "accept", "Confirm or submit the dialog", ["enter"], In(MODAL) => elsewhere;
    LineUp: "line-up", "The previous line or field", ["up", "backtab"], In(MODAL) => elsewhere;
    LineDown: "line-down", "The next line or field", ["down", "tab"], In(MODAL) => elsewhere;
    DialogPageUp: "dialog-page-up", "One page up", ["pageup"], In(MODAL) => elsewhere;
    DialogPageDown: "dialog-page-down", "One page down", ["pagedown"], In(MODAL) => elsewhere;
    SessionUp: "session-up", "The previous session", ["k"], In(&[Dialog::Sessions]) => elsewhere;
    SessionDown: "session-down", "The next session", ["j"], In(&[Dialog::Sessions]) => elsewhere;
    FirstSession: "first-session", "The first session", ["home", "g"], In(&[Dialog::Sessions]) => elsewhere;
    LastSession: "last-session", "The last session", ["end", "G"], In(&[Dialog::Sessions]) => elsewhere;
    ResumeSession: "resume-session", "Open the session and prune the remaining layers", ["r"], In(&[Dialog::Sessions]) => elsewhere;
    CompareSession: "compare-session", "Add the session to the Compare screen, or remove it", ["m"], In(&[Dialog::Sessions]) => elsewhere;
    LabelSession: "label-session", "Give the session a name and a note", ["e"], In(&[Dialog::Sessions]) => elsewhere;
    DeleteSession: "delete-session", "Delete the session, after confirmation", ["d", "delete"], In(&[Dialog::Sessions]) => elsewhere;
    CopySessionPath: "copy-path", "Copy the path of the session", ["y"], In(&[Dialog::Sessions]) => elsewhere;
    FilterSessions: "filter-sessions", "Show only the sessions that contain some text", ["/"], In(&[Dialog::Sessions]) => elsewhere;
    CloseSessions: "close-sessions", "Close the list of sessions", ["q", "S"], In(&[Dialog::Sessions]) => elsewhere;
    PreviousChoice: "previous-choice", "The previous choice of a field", ["left"], In(&[Dialog::Form]) => elsewhere;
    NextChoice: "next-choice", "The next choice of a field, or toggle a switch", ["right", "space"], In(&[Dialog::Form]) => elsewhere;
    CopyScript: "copy-script", "Copy all commands as a script", ["y"], In(&[Dialog::Commands]) => elsewhere;
    Yes: "yes", "Yes", ["y", "Y"], In(&[Dialog::Confirm]) => elsewhere;
    No: "no", "No", ["n", "N", "q"], In(&[Dialog::Confirm]) => elsewhere;
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
        effect: elsewhere,
    });
    FIRST.iter().copied().chain(screens).chain(LAST.iter().copied()).chain(DIALOGS.iter().copied()).collect()
});

impl Action {
    /// The action's row of the table.
    pub fn info(self) -> &'static ActionInfo {
        ACTIONS.iter().find(|info| info.action == self).expect("the macro writes a row for every action")
    }

    /// Performs the action with its meaning on the current screen, otherwise with its meaning on all screens.
    pub(super) fn perform(self, state: &mut State) -> Vec<Effect> {
        // Another key begins another step of the undo history.
        if state.last_action.replace(self) != Some(self) {
            state.history.close();
        }
        match (state.screen.slice().act(state, self), self) {
            (Some(effects), _) => effects,
            (None, Self::Show(screen)) => state.show(screen),
            (None, action) => (action.info().effect)(state),
        }
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
