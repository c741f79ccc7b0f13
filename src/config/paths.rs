//! Where a person's own files lie: the XDG directories, on every system.

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, base_strategy::Xdg};

/// `$XDG_CONFIG_HOME/slimgpt` and `$XDG_STATE_HOME/slimgpt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    config: PathBuf,
    state: PathBuf,
}

impl Paths {
    /// None where no home directory is known.
    pub fn find() -> Option<Self> {
        let base = Xdg::new().ok()?;
        let state = base.state_dir().unwrap_or_else(|| base.config_dir());
        Some(Self { config: base.config_dir().join("slimgpt"), state: state.join("slimgpt") })
    }

    /// Both directories within one, for tests.
    pub fn within(dir: &Path) -> Self {
        Self { config: dir.join("config"), state: dir.join("state") }
    }

    /// What the explorer looks like.
    pub fn interface(&self) -> PathBuf {
        self.config.join("interface.toml")
    }

    /// Which key does what.
    pub fn keys(&self) -> PathBuf {
        self.config.join("keys.toml")
    }

    /// Settings that hold where neither a flag nor a settings file says otherwise.
    pub fn defaults(&self) -> PathBuf {
        self.config.join("defaults.toml")
    }

    /// A directory of own themes.
    pub fn themes(&self) -> PathBuf {
        self.config.join("themes")
    }

    /// Where sessions lie.
    pub fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }

    /// Where reports of panics go.
    pub fn reports(&self) -> PathBuf {
        self.state.clone()
    }
}
