//! Symbols for lines, bars and marks. Every symbol is one column wide.

use ratatui::symbols::{self, Marker, border};

use crate::explorer::{JobStatus, NoticeKind, Outcome, Status};

/// The set of symbols: Unicode, or ASCII alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    #[default]
    Unicode,
    Ascii,
}

const ASCII_BORDERS: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

impl Glyphs {
    /// ASCII if the locale (`LC_ALL`, else `LC_CTYPE`, else `LANG`) names a character set other than UTF-8, or if
    /// `TERM` names a terminal whose fonts lack the symbols: the Linux console and terminals older than Unicode.
    pub fn detect(locale: Option<&str>, term: Option<&str>) -> Self {
        const WITHOUT_SYMBOLS: [&str; 7] = ["linux", "ansi", "cons25", "sun", "vt1", "vt2", "vt3"];
        let term = term.unwrap_or_default().to_ascii_lowercase();
        if WITHOUT_SYMBOLS.iter().any(|name| term.starts_with(name)) {
            return Self::Ascii;
        }
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        // Without a locale, UTF-8 is assumed.
        if utf8 || locale.is_empty() { Self::Unicode } else { Self::Ascii }
    }

    pub fn pick<T>(self, unicode: T, ascii: T) -> T {
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }

    pub fn borders(self) -> border::Set<'static> {
        self.pick(border::ROUNDED, ASCII_BORDERS)
    }

    /// The mark of a status.
    pub fn status(self, status: Status) -> &'static str {
        match status {
            Status::Done => self.pick("●", "*"),
            Status::Calibrating | Status::Pruning => self.pick("◐", ">"),
            Status::Waiting => self.pick("○", "."),
            Status::Stale => self.pick("◌", "~"),
            Status::Failed => self.pick("✗", "x"),
        }
    }

    pub fn job(self, status: &JobStatus) -> &'static str {
        match status {
            JobStatus::Waiting => self.pick("○", "."),
            JobStatus::Working => self.pick("◐", ">"),
            JobStatus::Paused => self.pick("‖", "="),
            JobStatus::Cancelling => self.pick("◌", "~"),
            JobStatus::Ended(Outcome::Done) => self.pick("●", "*"),
            JobStatus::Ended(Outcome::Cancelled) => self.pick("◌", "~"),
            JobStatus::Ended(Outcome::Failed(_)) => self.pick("✗", "x"),
        }
    }

    pub fn notice(self, kind: NoticeKind) -> &'static str {
        match kind {
            NoticeKind::Done => self.pick("✓", "*"),
            NoticeKind::Refused => "!",
            NoticeKind::Failed => self.pick("✗", "x"),
        }
    }

    pub fn removed(self) -> &'static str {
        self.pick("×", "x")
    }

    /// Marks the active attempt.
    pub fn active(self) -> &'static str {
        self.pick("●", "*")
    }

    pub fn cursor(self) -> &'static str {
        self.pick("▸", ">")
    }

    pub fn locked(self) -> &'static str {
        self.pick("⊠", "L")
    }

    /// A vertical line between kept and removed units.
    pub fn cut(self) -> &'static str {
        self.pick("┆", ":")
    }

    /// A horizontal line for grids, means and targets.
    pub fn rule(self) -> &'static str {
        self.pick("┄", "-")
    }

    /// Separates two items on one line.
    pub fn separator(self) -> &'static str {
        self.pick("·", "-")
    }

    pub fn arrow(self) -> &'static str {
        self.pick("→", ">")
    }

    pub fn ellipsis(self) -> &'static str {
        self.pick("…", "~")
    }

    /// Brackets around the value of a choice.
    pub fn choice(self) -> (&'static str, &'static str) {
        self.pick(("‹", "›"), ("<", ">"))
    }

    /// Marks for more lines above and below.
    pub fn more(self) -> (&'static str, &'static str) {
        self.pick(("▲", "▼"), ("^", "v"))
    }

    /// Progress in one line: a full, a half and an empty cell.
    pub fn progress(self) -> (&'static str, &'static str, &'static str) {
        self.pick(("━", "╸", "─"), ("#", "-", "."))
    }

    /// The empty part of a bar.
    pub fn bar_empty(self) -> &'static str {
        self.pick("─", ".")
    }

    /// A cell of a horizontal bar, filled by `eighths` eighths from the left, 0 to 8.
    pub fn bar(self, eighths: usize) -> &'static str {
        const UNICODE: [&str; 9] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
        const ASCII: [&str; 9] = [" ", " ", " ", "-", "-", "=", "=", "#", "#"];
        self.pick(UNICODE, ASCII)[eighths.min(8)]
    }

    /// A cell of a vertical bar, filled by `eighths` eighths from below, 0 to 8.
    pub fn column(self, eighths: usize) -> &'static str {
        const UNICODE: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const ASCII: [&str; 9] = [" ", "_", "_", ".", ":", ":", "|", "#", "#"];
        self.pick(UNICODE, ASCII)[eighths.min(8)]
    }

    /// A cell of a heat map for a value from 0 to 1, legible without colours.
    pub fn shade(self, value: f64) -> &'static str {
        const UNICODE: [&str; 5] = [" ", "░", "▒", "▓", "█"];
        const ASCII: [&str; 5] = [" ", ".", ":", "*", "#"];
        let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        self.pick(UNICODE, ASCII)[((value * 5.0) as usize).min(4)]
    }

    /// Marker of curves.
    pub fn line_marker(self) -> Marker {
        self.pick(Marker::Braille, Marker::Custom('.'))
    }

    /// Marker of points.
    pub fn point_marker(self) -> Marker {
        self.pick(Marker::Dot, Marker::Custom('*'))
    }

    /// Scroll bars: the track, and the visible part.
    pub fn scrollbar(self) -> (&'static str, &'static str) {
        self.pick((symbols::line::VERTICAL, "┃"), ("|", "#"))
    }
}
