//! The palette: actions, layers and themes, found by name.

mod view;

use super::{Reply, Slice, lines};
use crate::explorer::{
    ACTIONS, Action, Hint, Input, Scope, Screen, State,
    view::{Frame, Hits, Position, Rect, Theme},
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Palette {
    pub input: Input,
    /// Index of the entry under the cursor, among those that match.
    pub at: usize,
}

impl Slice for Palette {
    fn hints(&self, state: &State) -> Vec<Hint> {
        let hints = [
            Hint::of(state, Action::Accept, "choose"),
            Hint::pair(state, (Action::LineUp, Action::LineDown), "choose"),
            Hint::of(state, Action::CloseDialog, "close"),
        ];
        hints.into_iter().flatten().collect()
    }

    fn act(&mut self, state: &mut State, action: Action) -> Option<Reply> {
        if action == Action::CloseDialog {
            return Some(Reply::Close(Vec::new()));
        }
        if action == Action::Accept {
            return Some(self.accept(state));
        }
        self.step(state, lines(action)?);
        Some(Reply::Stay(Vec::new()))
    }

    fn click(&mut self, state: &mut State, line: usize) -> Reply {
        self.at = line;
        self.accept(state)
    }

    fn step(&mut self, state: &State, lines: isize) {
        let last = palette(state, self.input.text()).len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(lines).min(last);
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn typed(&mut self, _state: &mut State) {
        self.at = 0;
    }

    fn draw(
        &self,
        frame: &mut Frame<'_>,
        body: Rect,
        state: &State,
        theme: &Theme,
        hits: &mut Hits,
    ) -> Option<Position> {
        Some(view::draw(frame, body, (&self.input, self.at), state, theme, hits))
    }
}

impl Palette {
    fn accept(&self, state: &mut State) -> Reply {
        let found = palette(state, self.input.text()).get(self.at).map(|entry| entry.item);
        match found {
            Some(PaletteItem::Action(action)) => Reply::Perform(action),
            Some(PaletteItem::Layer(layer)) => {
                state.select(layer);
                Reply::Close(state.show(Screen::Layer))
            }
            Some(PaletteItem::Theme(theme)) => {
                state.interface.theme = theme;
                Reply::Close(Vec::new())
            }
            None => Reply::Close(state.refuse(format!("nothing has the name \"{}\"", self.input.text()))),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PaletteEntry {
    pub item: PaletteItem,
    pub name: String,
    pub help: String,
    /// The keys of the action.
    pub keys: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaletteItem {
    Action(Action),
    Layer(usize),
    Theme(usize),
}

/// Entries whose name or help contains every typed word, the best match first.
pub fn palette(state: &State, typed: &str) -> Vec<PaletteEntry> {
    let typed = typed.trim().to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let mut found: Vec<(u8, PaletteEntry)> = everything(state)
        .filter_map(|entry| {
            let (name, help) = (entry.name.to_lowercase(), entry.help.to_lowercase());
            let all = words.iter().all(|word| name.contains(word) || help.contains(word));
            let rank = match () {
                () if name == typed => 0,
                () if name.starts_with(&typed) => 1,
                () if name.contains(&typed) => 2,
                () => 3,
            };
            all.then_some((rank, entry))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn everything(state: &State) -> impl Iterator<Item = PaletteEntry> + '_ {
    let on_screens = ACTIONS.iter().filter(|info| !matches!(info.scope, Scope::In(_)));
    let actions = on_screens.map(|info| PaletteEntry {
        item: PaletteItem::Action(info.action),
        name: info.name.into(),
        help: info.help.into(),
        keys: state.interface.keymap.labels(info.action).join(" "),
    });
    let layers = (0..state.layers.len()).map(|layer| PaletteEntry {
        item: PaletteItem::Layer(layer),
        name: format!("layer {layer}"),
        help: format!("Go to layer {layer}"),
        keys: String::new(),
    });
    let themes = state.interface.themes.iter().enumerate().map(|(theme, name)| PaletteEntry {
        item: PaletteItem::Theme(theme),
        name: format!("theme {name}"),
        help: format!("Switch to the theme {name}"),
        keys: String::new(),
    });
    actions.chain(layers).chain(themes)
}
