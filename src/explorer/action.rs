//! What a person can do: one table feeds the key map, the footer, the help, the palette and the docs.

use super::Screen;

/// Everything that a key can be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Start,
    Rerun,
    PauseOrResume,
    Step,
    StepMode,
    Cancel,
    Settings,
    Export,
    Sessions,

    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    PreviousLayer,
    NextLayer,
    SwitchPart,
    NextPanel,
    PreviousPanel,

    Retry,
    ErrorCurve,

    Raise,
    Lower,
    RaiseMuch,
    LowerMuch,
    TypeRatio,
    Lock,
    Shape,
    NextPreset,
    Renormalise,
    FindRatios,
    Undo,
    Redo,

    Prompt,
    Write,
    Measure,

    Filter,
    LogLevel,
    Copy,
    Picture,

    Faster,
    Slower,

    Explain,
    Help,
    Palette,
    NextTheme,
    Mouse,
    NextScreen,
    PreviousScreen,
    ShowLayers,
    ShowLayer,
    ShowSchedule,
    ShowErrors,
    ShowCompare,
    ShowLog,
    Back,
    Suspend,
    Quit,
}

/// Where an action means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Everywhere,
    On(&'static [Screen]),
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActionInfo {
    pub action: Action,
    /// The name in `keys.toml` and in the palette.
    pub name: &'static str,
    /// For the footer.
    pub short: &'static str,
    /// For the help and the docs.
    pub help: &'static str,
    /// Default keys, as `Key::named` reads them.
    pub keys: &'static [&'static str],
    pub scope: Scope,
}

use Scope::{Everywhere, On};
use Screen::{Compare, Errors, Layer, Layers, Log, Schedule};

const fn info(
    action: Action,
    name: &'static str,
    short: &'static str,
    help: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
) -> ActionInfo {
    ActionInfo { action, name, short, help, keys, scope }
}

const LISTS: Scope = On(&[Layers, Layer, Schedule, Errors]);
const LAYERED: Scope = On(&[Layers, Layer, Schedule, Errors, Compare]);

/// In the order in which help shows them.
#[rustfmt::skip]
pub const ACTIONS: &[ActionInfo] = &[
    info(Action::Start, "start", "start", "Prune all layers with the schedule as it stands", &["s"], Everywhere),
    info(Action::Rerun, "rerun", "run stale", "Prune again from the first layer that is stale, failed or not yet done", &["R"], Everywhere),
    info(Action::PauseOrResume, "pause", "pause", "Pause what is at work, or go on", &["space"], Everywhere),
    info(Action::Step, "step", "step", "Go on until one more batch has left, then pause", &["n"], Everywhere),
    info(Action::StepMode, "step-mode", "step mode", "Halt after each removal, or stop doing so", &["t"], Everywhere),
    info(Action::Cancel, "cancel", "cancel", "End what is at work; finished layers stay", &["x"], Everywhere),
    info(Action::Settings, "settings", "settings", "Settings of the next run: calibration, method, evaluation", &["o"], Everywhere),
    info(Action::Export, "export", "export", "Write the pruned model to a directory", &["E"], Everywhere),
    info(Action::Sessions, "sessions", "sessions", "Sessions on disk: look at one, open it, go on with it, compare it with others, delete it", &["S"], Everywhere),
    info(Action::Up, "up", "up", "One line or layer up; on the Schedule screen the ratio rises", &["up", "k"], Everywhere),
    info(Action::Down, "down", "down", "One line or layer down; on the Schedule screen the ratio falls", &["down", "j"], Everywhere),
    info(Action::Left, "left", "left", "To the left: the layer before, the other part", &["left", "h"], Everywhere),
    info(Action::Right, "right", "right", "To the right: the layer behind, the other part", &["right", "l"], Everywhere),
    info(Action::PageUp, "page-up", "page up", "A page up", &["pageup", "ctrl-b"], Everywhere),
    info(Action::PageDown, "page-down", "page down", "A page down", &["pagedown", "ctrl-f"], Everywhere),
    info(Action::First, "first", "first", "To the first line or layer", &["home", "g"], Everywhere),
    info(Action::Last, "last", "last", "To the last line or layer", &["end", "G"], Everywhere),
    info(Action::Open, "open", "open", "Open the layer; in the list of attempts, put the attempt active", &["enter"], LISTS),
    info(Action::PreviousLayer, "previous-layer", "layer −", "The layer before", &["["], LAYERED),
    info(Action::NextLayer, "next-layer", "layer +", "The layer behind", &["]"], LAYERED),
    info(Action::SwitchPart, "switch-part", "attention/mlp", "The other part of the layer; on the Schedule screen, whose ratio is edited: both, the heads', the channels'", &["a"], On(&[Layer, Schedule])),
    info(Action::NextPanel, "next-panel", "panel", "Focus the next panel", &["f"], Everywhere),
    info(Action::PreviousPanel, "previous-panel", "panel back", "Focus the panel before", &["F"], Everywhere),
    info(Action::Retry, "retry", "retry", "Solve this layer again with another ratio, damping, score or group size", &["r"], On(&[Layers, Layer, Errors])),
    info(Action::ErrorCurve, "error-curve", "error curve", "Follow the elimination path past the cut: the error of every ratio", &["c"], On(&[Layers, Layer, Schedule])),
    info(Action::Raise, "raise", "+0.01", "Raise this layer's ratio by 0.01", &["+", "="], On(&[Layers, Schedule])),
    info(Action::Lower, "lower", "−0.01", "Lower this layer's ratio by 0.01", &["-"], On(&[Layers, Schedule])),
    info(Action::RaiseMuch, "raise-much", "+0.05", "Raise this layer's ratio by 0.05", &["K"], On(&[Schedule])),
    info(Action::LowerMuch, "lower-much", "−0.05", "Lower this layer's ratio by 0.05", &["J"], On(&[Schedule])),
    info(Action::TypeRatio, "type-ratio", "type", "Type this layer's ratio", &["e"], On(&[Layers, Schedule])),
    info(Action::Lock, "lock", "lock", "Lock this layer's ratio against presets and renormalising, or unlock it", &["L"], On(&[Layers, Schedule])),
    info(Action::Shape, "shape", "shape", "Choose the curve: schedule, mean, or first and last", &["d"], On(&[Layers, Schedule])),
    info(Action::NextPreset, "next-preset", "preset", "The next schedule: log, linear, uniform, log-decrease, linear-decrease", &["P"], On(&[Schedule])),
    info(Action::Renormalise, "renormalise", "renormalise", "Scale the unlocked ratios to a mean", &["N"], On(&[Schedule])),
    info(Action::FindRatios, "find-ratios", "find", "Search for the ratios that cost the loss least, heads and channels apart", &["A"], On(&[Layers, Schedule])),
    info(Action::Undo, "undo", "undo", "Take back the last edit of the schedule or choice of an attempt", &["u"], Everywhere),
    info(Action::Redo, "redo", "redo", "Do again what was taken back", &["ctrl-r", "U"], Everywhere),
    info(Action::Prompt, "prompt", "prompt", "Edit the prompt, its length and how tokens are drawn", &["e"], On(&[Compare])),
    info(Action::Write, "write", "write", "Let both models write from the prompt", &["w"], On(&[Compare])),
    info(Action::Measure, "measure", "perplexity", "Measure both models' perplexity on a text", &["m"], On(&[Compare, Errors])),
    info(Action::Filter, "filter", "filter", "Show only what holds some words", &["/"], On(&[Layers, Log])),
    info(Action::LogLevel, "log-level", "level", "Show steps, or only information, warnings or errors", &["v"], On(&[Log])),
    info(Action::Copy, "copy", "copy", "Copy what this screen shows: the table as CSV, the ratios, the texts, the line", &["y"], Everywhere),
    info(Action::Picture, "picture", "picture", "Save the chart of the focused panel as SVG or PNG", &["p"], On(&[Layers, Layer, Schedule, Errors, Compare])),
    info(Action::Faster, "faster", "faster", "Replay twice as fast", &[">"], Everywhere),
    info(Action::Slower, "slower", "slower", "Replay half as fast", &["<"], Everywhere),
    info(Action::Explain, "explain", "explain", "What the focused quantity is, with its formula", &["i"], Everywhere),
    info(Action::Help, "help", "help", "All keys", &["?"], Everywhere),
    info(Action::Palette, "palette", "palette", "Find an action, a layer or a theme by name", &[":"], Everywhere),
    info(Action::NextTheme, "next-theme", "theme", "The next theme", &["T"], Everywhere),
    info(Action::Mouse, "mouse", "mouse", "Leave the mouse to the terminal, or take it back", &["M"], Everywhere),
    info(Action::NextScreen, "next-screen", "next screen", "The next screen", &["tab"], Everywhere),
    info(Action::PreviousScreen, "previous-screen", "screen back", "The screen before", &["backtab"], Everywhere),
    info(Action::ShowLayers, "layers", "layers", "All layers", &["1"], Everywhere),
    info(Action::ShowLayer, "layer", "layer", "One layer", &["2"], Everywhere),
    info(Action::ShowSchedule, "schedule", "schedule", "The ratio curve", &["3"], Everywhere),
    info(Action::ShowErrors, "errors", "errors", "How errors accumulate", &["4"], Everywhere),
    info(Action::ShowCompare, "compare", "compare", "Dense against pruned, and sessions beside one another", &["5"], Everywhere),
    info(Action::ShowLog, "log", "log", "What happened", &["6"], Everywhere),
    info(Action::Back, "back", "back", "One step back", &["esc"], Everywhere),
    info(Action::Suspend, "suspend", "suspend", "Back to the shell; fg returns", &["ctrl-z"], Everywhere),
    info(Action::Quit, "quit", "quit", "Quit", &["q", "ctrl-c"], Everywhere),
];

impl Action {
    /// Its line of the table.
    pub fn info(self) -> &'static ActionInfo {
        ACTIONS.iter().find(|info| info.action == self).expect("a test finds every action in the table")
    }

    pub fn named(name: &str) -> Option<Self> {
        ACTIONS.iter().find(|info| info.name == name).map(|info| info.action)
    }

    /// The action that shows a screen.
    pub fn show(screen: Screen) -> Self {
        match screen {
            Layers => Self::ShowLayers,
            Layer => Self::ShowLayer,
            Schedule => Self::ShowSchedule,
            Errors => Self::ShowErrors,
            Compare => Self::ShowCompare,
            Log => Self::ShowLog,
        }
    }
}

impl Scope {
    pub fn holds(self, screen: Screen) -> bool {
        match self {
            Everywhere => true,
            On(screens) => screens.contains(&screen),
        }
    }

    /// True where the two have a screen in common, so that one key cannot mean both.
    pub fn meets(self, other: Self) -> bool {
        Screen::ALL.into_iter().any(|screen| self.holds(screen) && other.holds(screen))
    }
}
