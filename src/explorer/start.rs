//! The initial data of the explorer.

use std::path::PathBuf;

use crate::{calibration::TextSource, config::Settings, protocol::Pace};

use super::KeyMap;

/// The data that is known before the model is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    pub origin: Origin,
    pub settings: Settings,
    pub keymap: KeyMap,
    /// Names of the themes, in the order of the palette.
    pub themes: Vec<String>,
    /// Index of the initial theme.
    pub theme: usize,
    /// Whether the explorer uses the mouse.
    pub mouse: bool,
    /// Whether error curves are followed past the cut in idle time.
    pub idle_curves: bool,
    pub pace: Pace,
    /// Default text for perplexity.
    pub eval: Option<TextSource>,
    /// The argument of a command that names the model; None for the built-in model.
    pub model_argument: Option<String>,
    /// Directory that contains sessions given by name; None if unknown.
    pub sessions_root: Option<PathBuf>,
    /// Whether to offer a run of the model that was broken off.
    pub offers: bool,
    /// Columns and rows.
    pub size: (u16, u16),
}

/// The source of events.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A running engine with this model.
    Live { model: String },
    /// A recorded run, shown at this many recorded seconds per second.
    Replay { file: PathBuf, speed: f64 },
}
