//! What reaches the explorer, and what it asks of the world.

use std::path::PathBuf;

use crate::protocol::{Command, SessionSummary, Stamped};

use super::{Action, Key, Panel, Picture, Screen};

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "messages are taken in one by one and never kept")]
pub enum Msg {
    Key(Key),
    Paste(String),
    Pointer(Pointer),
    /// Columns and rows.
    Resize(u16, u16),
    Engine(Stamped),
    /// The worker has ended; why, where it failed.
    EngineGone(Option<String>),
    /// The sessions on disk, newest change first, or why they can't be listed. `now` in Unix seconds.
    Sessions {
        now: u64,
        sessions: Result<Vec<SessionSummary>, String>,
    },
    /// A session as it is on disk now.
    SessionRead(SessionSummary),
    /// What came of deleting one; why, where it is still there.
    SessionDeleted {
        path: PathBuf,
        result: Result<(), String>,
    },
    /// What came of saving a chart; why, where it was not.
    PictureSaved {
        path: PathBuf,
        result: Result<(), String>,
    },
}

/// The mouse on something that the screen shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointer {
    pub press: Press,
    pub at: Pointed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    Click,
    Drag,
    Release,
    WheelUp,
    WheelDown,
}

/// What lies under the mouse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pointed {
    Nothing,
    Screen(Screen),
    Panel(&'static Panel),
    Layer(usize),
    /// A place on the ratio curve: the layer of its column, the ratio of its row.
    Ratio {
        layer: usize,
        ratio: f64,
    },
    /// A row of the list in a panel.
    Row {
        panel: &'static Panel,
        row: usize,
    },
    /// A key hint of the footer.
    Action(Action),
    /// A line of the topmost dialog.
    DialogLine(usize),
    /// Outside the topmost dialog.
    OutsideDialog,
}

/// What an update asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Command(Command),
    /// To the clipboard.
    Copy(String),
    /// Answered by [`Msg::Sessions`].
    ListSessions,
    /// Answered by [`Msg::SessionRead`].
    ReadSession(PathBuf),
    /// Answered by [`Msg::SessionDeleted`].
    DeleteSession(PathBuf),
    /// Answered by [`Msg::PictureSaved`].
    SavePicture(Picture),
    /// Back to the shell until it brings us back (Ctrl-Z).
    Suspend,
    Quit,
}
