//! The help: every action with its keys, grouped by scope. Typing filters it.

mod view;

use super::{DialogKind, Reply, Slice, lines};
use crate::explorer::{
    ACTIONS, Action, ActionInfo, Context, Hint, Input, Scope, Screen, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Help {
    pub filter: Input,
    /// Number of lines scrolled down.
    pub scroll: usize,
}

impl Slice for Help {
    fn hints(&self, state: &State) -> Vec<Hint> {
        let scroll = Hint::pair(state, (Action::LineUp, Action::LineDown), "scroll");
        [scroll, Hint::of(state, Action::CloseDialog, "close")].into_iter().flatten().collect()
    }

    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply> {
        if [Action::CloseDialog, Action::Accept].contains(&action) {
            return Some(Reply::Close(Vec::new()));
        }
        self.step(state, lines(action)?);
        Some(Reply::Stay(Vec::new()))
    }

    fn step(&mut self, state: &State, lines: isize) {
        let rows = usize::from(state.size.1.saturating_sub(AROUND_HELP));
        let last = help(state, self.filter.text()).len().saturating_sub(rows);
        self.scroll = self.scroll.saturating_add_signed(lines).min(last);
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.filter)
    }

    fn typed(&mut self, _state: &mut State) {
        self.scroll = 0;
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        Some(view::draw(frame, body, (&self.filter, self.scroll), state, theme, hits))
    }
}

/// One line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    Heading(String),
    Entry {
        /// All keys of the action, in their displayed form.
        keys: String,
        name: &'static str,
        help: &'static str,
    },
    /// Continues the help of the entry above.
    Rest(&'static str),
    Blank,
}

/// Rows of the terminal that are not lines of the help: header, tabs, footer, two borders, filter, blank.
pub const AROUND_HELP: u16 = 7;

/// Columns of the help window for a given terminal width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelpColumns {
    /// Columns of the window, including its border and margins.
    pub window: u16,
    /// Columns of the keys, including the gap after them.
    pub keys: usize,
    pub help: usize,
    /// Columns of an action's name; 0 if there is no room for it.
    pub name: usize,
}

impl HelpColumns {
    pub fn of(terminal: u16) -> Self {
        const MARGINS: u16 = 4;
        let window = terminal.saturating_sub(MARGINS).min(116);
        let keys = 16;
        let room = usize::from(window.saturating_sub(MARGINS)).saturating_sub(keys);
        let name = if room >= 76 { 16 } else { 0 };
        Self { window, keys, help: room - name, name }
    }
}

/// The lines that contain every typed word: first the current screen, then all screens, the other screens and
/// the dialogs.
pub fn help(state: &State, typed: &str) -> Vec<HelpLine> {
    let typed = typed.to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let others = Screen::ALL.into_iter().filter(|&screen| screen != state.screen);
    let room = HelpColumns::of(state.size.0).help;
    let mut lines = Vec::new();
    let mut group = |heading: String, belongs: &dyn Fn(Scope) -> bool| {
        let entries: Vec<HelpLine> = ACTIONS
            .iter()
            .filter(|info| belongs(info.scope))
            .map(|info| entry(state, info))
            .filter(|entry| words.iter().all(|word| holds(entry, word)))
            .flat_map(|entry| broken(entry, room))
            .collect();
        if entries.is_empty() {
            return;
        }
        if !lines.is_empty() {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Heading(heading));
        lines.extend(entries);
    };
    let on = |screen: Screen| move |scope: Scope| scope != Scope::Everywhere && scope.holds(screen);
    group(format!("{} (this screen)", state.screen.title()), &on(state.screen));
    group("Everywhere".into(), &|scope| scope == Scope::Everywhere);
    for screen in others {
        group(screen.title().into(), &on(screen));
    }
    // One group for the actions of several dialogs, then one for each dialog that has its own.
    group("Dialogs".into(), &|scope| matches!(scope, Scope::In(dialogs) if dialogs.len() > 1));
    for dialog in DialogKind::ALL {
        let own = move |scope: Scope| matches!(scope, Scope::In([_])) && scope.holds(Context::Dialog(dialog));
        group(dialog.title().into(), &own);
    }
    lines
}

fn entry(state: &State, info: &ActionInfo) -> HelpLine {
    HelpLine::Entry {
        keys: state.interface.keymap.labels(info.action).join(" "),
        name: info.name,
        help: info.help,
    }
}

/// An entry broken at blanks into as many lines as its help needs. One column holds one character.
fn broken(line: HelpLine, columns: usize) -> Vec<HelpLine> {
    let HelpLine::Entry { keys, name, help } = line else { return vec![line] };
    let (first, mut rest) = head(help, columns);
    let mut lines = vec![HelpLine::Entry { keys, name, help: first }];
    while !rest.is_empty() {
        let (line, behind) = head(rest, columns);
        lines.push(HelpLine::Rest(line));
        rest = behind;
    }
    lines
}

/// The words that fit, and the rest. A word that is too long is not split.
fn head(text: &'static str, columns: usize) -> (&'static str, &'static str) {
    if text.chars().count() <= columns {
        return (text, "");
    }
    let blanks = || text.match_indices(' ').map(|(at, _)| at);
    let fitting = blanks().take_while(|&at| text[..at].chars().count() <= columns).last();
    match fitting.or(blanks().next()) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

fn holds(line: &HelpLine, word: &str) -> bool {
    match line {
        HelpLine::Entry { keys, name, help } => {
            name.contains(word) || help.to_lowercase().contains(word) || keys.to_lowercase().contains(word)
        }
        HelpLine::Heading(_) | HelpLine::Rest(_) | HelpLine::Blank => true,
    }
}
