//! The explorer: messages in, effects out, and the drawn state. It has no files and no clock.
//!
//! `Msg → update → Effect`s changes the state; [`view::draw`] shows it. A screen is a folder of `screens`, a dialog
//! a folder of `dialogs`. Only `view` modules name ratatui.

mod action;
mod advice;
mod command_log;
mod commands;
mod dialogs;
mod draft;
mod edit;
mod engine_events;
mod goal;
mod hints;
mod history;
mod idle;
mod job;
mod key;
mod keymap;
mod layer;
mod log;
mod movement;
mod msg;
mod perform;
mod picture;
mod playback;
mod pointer;
mod quit;
mod recorded;
mod restore;
mod runs;
mod schedule;
mod screens;
mod search;
mod sessions_on_disk;
mod start;
mod state;
mod text_input;
mod update;
pub mod view;
mod work;

#[cfg(test)]
mod tests;

pub use crate::words::Level;
pub use action::{ACTIONS, Action, ActionInfo, Context, Scope};
pub use command_log::CommandLog;
pub use dialogs::{
    Commands, Confirm, Confirmed, Dialog, DialogKind, Explain, Filter, Help, Palette, Refusal, Sessions,
    form::{Field, FieldId, Form, FormKind, Value},
    palette::palette,
};
pub use draft::Revision;
pub use goal::{Goal, goal};
pub use hints::{Hint, hints};
pub use history::{Both, Change, Choice, History};
pub use idle::Idle;
pub use job::{Asked, Before, Job, JobKind, JobStatus, Jobs, Outcome};
pub use key::Key;
pub use keymap::{KeyMap, KeyMapError};
pub use layer::{AttemptResult, Curve, Layer, PartStatistics, PartView, Status};
pub use log::{Entry, Log};
pub use msg::{Effect, Msg, Pointed, Pointer, Press, Spot};
pub use picture::{Figure, Picture};
pub use playback::Playback;
pub use recorded::RecordedSteps;
pub use schedule::{Locked, Schedule};
pub use screens::compare::{Compared, Comparison, Quantity, letter as session_letter, pareto};
pub use screens::layer::view::side_by_side::curves as marked_curves;
pub use screens::schedule::candidates::of as candidates;
pub use screens::steps::{Cursor, Phase};
pub use screens::{Panel, Screen, Screens};
pub use search::Search;
pub use sessions_on_disk::{SessionList, SessionsOnDisk, Then, argument as session_argument};
pub use start::{Origin, Start};
pub use state::{Model, Notice, NoticeKind, PreviousRun, State, Zoom};
pub use text_input::Input;
pub use update::update;
pub use work::Work;
