//! Roles: the meaning of a cell, for which a theme defines a style.

/// The meaning of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Text,
    /// Labels, units and other secondary text.
    Muted,
    /// Grids, empty bars and other decoration.
    Faint,
    /// Panel titles, table heads.
    Title,
    Border,
    BorderFocused,
    /// The line under the cursor.
    Selected,
    /// Keys in footer and help.
    Key,
    /// The current tab, the field being edited.
    Active,
    /// The planned ratio curve.
    Planned,
    /// Finished layers and their points.
    Done,
    /// The current layer and job.
    Live,
    Waiting,
    Stale,
    Failed,
    Warning,
    Kept,
    Removed,
    Attention,
    Mlp,
    /// The cut between kept and removed.
    Cut,
    Locked,
    /// The mean, the target.
    Mean,
    /// Earlier runs.
    PreviousRun,
    Dense,
    Pruned,
    /// The filled part of a progress bar.
    Progress,
    Error,
    Success,
    /// Compared sessions, the open one first.
    Series1,
    Series2,
    Series3,
    Series4,
    Series5,
    Series6,
}

impl Role {
    pub const ALL: [Self; 35] = [
        Self::Text,
        Self::Muted,
        Self::Faint,
        Self::Title,
        Self::Border,
        Self::BorderFocused,
        Self::Selected,
        Self::Key,
        Self::Active,
        Self::Planned,
        Self::Done,
        Self::Live,
        Self::Waiting,
        Self::Stale,
        Self::Failed,
        Self::Warning,
        Self::Kept,
        Self::Removed,
        Self::Attention,
        Self::Mlp,
        Self::Cut,
        Self::Locked,
        Self::Mean,
        Self::PreviousRun,
        Self::Dense,
        Self::Pruned,
        Self::Progress,
        Self::Error,
        Self::Success,
        Self::Series1,
        Self::Series2,
        Self::Series3,
        Self::Series4,
        Self::Series5,
        Self::Series6,
    ];

    /// Roles of the lines in a chart of several sessions.
    pub const SERIES: [Self; 6] =
        [Self::Series1, Self::Series2, Self::Series3, Self::Series4, Self::Series5, Self::Series6];

    /// Name in theme files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Faint => "faint",
            Self::Title => "title",
            Self::Border => "border",
            Self::BorderFocused => "border-focused",
            Self::Selected => "selected",
            Self::Key => "key",
            Self::Active => "active",
            Self::Planned => "planned",
            Self::Done => "done",
            Self::Live => "live",
            Self::Waiting => "waiting",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Kept => "kept",
            Self::Removed => "removed",
            Self::Attention => "attention",
            Self::Mlp => "mlp",
            Self::Cut => "cut",
            Self::Locked => "locked",
            Self::Mean => "mean",
            Self::PreviousRun => "previous-run",
            Self::Dense => "dense",
            Self::Pruned => "pruned",
            Self::Progress => "progress",
            Self::Error => "error",
            Self::Success => "success",
            Self::Series1 => "series-1",
            Self::Series2 => "series-2",
            Self::Series3 => "series-3",
            Self::Series4 => "series-4",
            Self::Series5 => "series-5",
            Self::Series6 => "series-6",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}
