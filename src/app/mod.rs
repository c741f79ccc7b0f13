//! The state of the explorer: Msg → update → Effects. No drawing, no files, no clock.

mod action;
mod available;
mod commands;
mod compare;
mod engine_events;
mod explain;
mod form;
mod forms;
mod goal;
mod history;
mod job;
mod keymap;
mod layer;
mod log;
mod measures;
mod msg;
mod navigate;
mod overlay;
mod overlay_keys;
mod palette;
mod perform;
mod pointer;
mod schedule;
mod screen;
mod start;
mod state;
mod submit;
mod text_input;
mod update;
mod work;

#[cfg(test)]
mod tests;

pub use action::{ACTIONS, Action, ActionInfo, Scope};
pub use available::{Hint, hints};
pub use compare::{Compare, Writing};
pub use explain::{Explanation, explanation};
pub use form::{Field, Form, FormKind, Value};
pub use goal::{Goal, goal};
pub use history::{Both, Change, Choice, History};
pub use job::{Job, JobKind, JobStatus, Outcome};
pub use keymap::{KeyMap, KeyMapError};
pub use layer::{AttemptResult, Curve, Layer, PartView, Seen, Status};
pub use log::{Entry, Level, Log};
pub use measures::Ghost;
pub use msg::{Effect, Msg, Pointed, Pointer, Press};
pub use overlay::{Ask, Confirmed, Overlay};
pub use palette::{PaletteEntry, PaletteItem, palette};
pub use schedule::{Locked, Schedule};
pub use screen::{Panel, Screen};
pub use start::{Origin, Start};
pub use state::{Model, Notice, NoticeKind, State};
pub use text_input::Input;
pub use update::update;
pub use work::{Work, WorkPart};
