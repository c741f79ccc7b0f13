//! What the help shows: every action with its keys, grouped by where it counts.

use super::{ActionInfo, Scope, Screen, State, action::ACTIONS};

/// One line of the help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelpLine {
    Heading(String),
    Entry {
        /// All keys of the action, as a person reads them.
        keys: String,
        name: &'static str,
        help: &'static str,
    },
    Blank,
}

/// Rows of the terminal that lines of the help never take: header, tabs, footer, a border, the words typed, a blank.
pub const AROUND_HELP: u16 = 7;

/// The lines that hold every word typed: of the screen that is shown first, then what counts everywhere, then the other screens.
pub fn help(state: &State, typed: &str) -> Vec<HelpLine> {
    let typed = typed.to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let others = Screen::ALL.into_iter().filter(|&screen| screen != state.screen);
    let mut lines = Vec::new();
    let mut group = |heading: String, belongs: &dyn Fn(Scope) -> bool| {
        let entries: Vec<HelpLine> = ACTIONS
            .iter()
            .filter(|info| belongs(info.scope))
            .map(|info| entry(state, info))
            .filter(|entry| words.iter().all(|word| holds(entry, word)))
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
    lines
}

fn entry(state: &State, info: &ActionInfo) -> HelpLine {
    HelpLine::Entry { keys: state.keymap.labels(info.action).join(" "), name: info.name, help: info.help }
}

fn holds(line: &HelpLine, word: &str) -> bool {
    match line {
        HelpLine::Entry { keys, name, help } => {
            name.contains(word) || help.to_lowercase().contains(word) || keys.to_lowercase().contains(word)
        }
        HelpLine::Heading(_) | HelpLine::Blank => true,
    }
}

/// The farthest that the help can be scrolled: its last line is in the last row.
pub(super) fn farthest(state: &State, typed: &str) -> usize {
    let rows = usize::from(state.size.1.saturating_sub(AROUND_HELP));
    help(state, typed).len().saturating_sub(rows)
}
