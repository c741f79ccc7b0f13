//! The directories of configuration and sessions, by the XDG rules on every system.

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, base_strategy::Xdg};

/// `$XDG_CONFIG_HOME/slimgpt` and `$XDG_STATE_HOME/slimgpt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    config: PathBuf,
    state: PathBuf,
}

impl Paths {
    /// Finds the directories; `None` if no home directory is known.
    pub fn find() -> Option<Self> {
        let base = Xdg::new().ok()?;
        let state = base.state_dir().unwrap_or_else(|| base.config_dir());
        Some(Self { config: base.config_dir().join("slimgpt"), state: state.join("slimgpt") })
    }

    /// Both directories within one directory, for tests.
    pub fn within(dir: &Path) -> Self {
        Self { config: dir.join("config"), state: dir.join("state") }
    }

    /// The file with the appearance of the explorer.
    pub fn interface(&self) -> PathBuf {
        self.config.join("interface.toml")
    }

    /// The file with the keys of the actions.
    pub fn keys(&self) -> PathBuf {
        self.config.join("keys.toml")
    }

    /// The file with settings that flags and other settings files override.
    pub fn defaults(&self) -> PathBuf {
        self.config.join("defaults.toml")
    }

    /// The directory of the user's themes.
    pub fn themes(&self) -> PathBuf {
        self.config.join("themes")
    }

    /// The directory of the sessions.
    pub fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }

    /// The directory of panic reports.
    pub fn reports(&self) -> PathBuf {
        self.state.clone()
    }
}
