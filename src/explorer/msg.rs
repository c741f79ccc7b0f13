//! Messages that reach the explorer, and the effects that it requests.

use std::path::PathBuf;

use crate::protocol::{Command, Label, RemovedUnits, ReplayNews, SessionSummary, Stamped};
use crate::prune::Part;

use super::{Action, Key, Panel, Picture, Screen, view::Rect};

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "messages are handled one at a time and never stored")]
pub enum Msg {
    Key(Key),
    Paste(String),
    Pointer(Pointer),
    /// The reading under the mouse has changed.
    Hover(Option<Spot>),
    /// Columns and rows.
    Resize(u16, u16),
    Engine(Stamped),
    /// News of a replay.
    Replay(ReplayNews),
    /// The worker has ended, with the reason if it failed.
    EngineGone(Option<String>),
    /// The sessions on disk, most recently changed first, or the reason they cannot be listed. `now` in Unix
    /// seconds.
    Sessions {
        now: u64,
        sessions: Result<Vec<SessionSummary>, String>,
    },
    /// The current content of a session on disk.
    SessionRead(SessionSummary),
    /// The units that a session removed, indexed by layer, or the reason they cannot be read.
    RemovedRead {
        path: PathBuf,
        removed: Result<Vec<Option<RemovedUnits>>, String>,
    },
    /// The result of naming a session, with the reason if it failed.
    SessionLabelled {
        path: PathBuf,
        result: Result<(), String>,
    },
    /// The result of deleting a session, with the reason if it failed.
    SessionDeleted {
        path: PathBuf,
        result: Result<(), String>,
    },
    /// The result of saving a chart, with the reason if it failed.
    PictureSaved {
        path: PathBuf,
        result: Result<(), String>,
    },
}

/// A mouse event and its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointer {
    pub press: Press,
    pub at: Pointed,
}

/// A reading of a chart under the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The area of the chart on the screen.
    pub chart: Rect,
    /// The reading, counted from the left and from the top.
    pub across: usize,
    pub down: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    Click,
    Drag,
    Release,
    WheelUp,
    WheelDown,
}

/// What is under the mouse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pointed {
    Nothing,
    Screen(Screen),
    Panel(&'static Panel),
    Layer(usize),
    /// A point on a curve: the layer of its column and the ratio of its row.
    Ratio {
        layer: usize,
        ratio: f64,
    },
    /// The heading of a column of the table in a panel.
    Head {
        panel: &'static Panel,
        column: usize,
    },
    /// A row of the list in a panel.
    Row {
        panel: &'static Panel,
        row: usize,
    },
    /// A cell of the map, by its first unit.
    Unit {
        part: Part,
        layer: usize,
        unit: usize,
    },
    /// A ratio on the axis of an error curve.
    RatioAxis(f64),
    /// A fraction of a recording, from 0 to 1.
    Recording(f64),
    /// A key hint of the footer.
    Action(Action),
    /// A line of the topmost dialog.
    DialogLine(usize),
    /// Outside the topmost dialog.
    OutsideDialog,
}

/// A request from an update to the outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Command(Command),
    /// To the clipboard.
    Copy(String),
    /// Answered by [`Msg::Sessions`].
    ListSessions,
    /// Answered by [`Msg::SessionRead`].
    ReadSession(PathBuf),
    /// Answered by [`Msg::RemovedRead`].
    ReadRemoved(PathBuf),
    /// Answered by [`Msg::SessionDeleted`].
    DeleteSession(PathBuf),
    /// Names a session that is not open here, and sets its note. Answered by [`Msg::SessionLabelled`].
    LabelSession {
        path: PathBuf,
        label: Label,
    },
    /// Forgets that the last process of a session was killed.
    SettleSession(PathBuf),
    /// Answered by [`Msg::PictureSaved`].
    SavePicture(Picture),
    /// Suspends the program until the shell resumes it (Ctrl-Z).
    Suspend,
    Quit,
}
