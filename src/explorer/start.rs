//! What the explorer begins with.

use std::path::PathBuf;

use crate::{calibration::TextSource, config::Settings, protocol::Pace};

use super::KeyMap;

/// Everything that is known before the model is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    pub origin: Origin,
    pub settings: Settings,
    pub keymap: KeyMap,
    /// Names of the themes, in the order of the palette.
    pub themes: Vec<String>,
    /// Which of them is shown first.
    pub theme: usize,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    pub pace: Pace,
    /// What perplexity is measured on where nothing else is said.
    pub eval: Option<TextSource>,
    /// Where sessions lie that are called by their names alone; None where no such place is known.
    pub sessions_root: Option<PathBuf>,
    /// Columns and rows.
    pub size: (u16, u16),
}

/// Where events come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// An engine with this model.
    Live { model: String },
    /// A recorded run, shown at this many recorded seconds a second.
    Replay { file: PathBuf, speed: f64 },
}
