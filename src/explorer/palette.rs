//! What the palette finds: actions, layers and themes.

use super::{Action, State, action::ACTIONS};

#[derive(Clone, Debug, PartialEq)]
pub struct PaletteEntry {
    pub item: PaletteItem,
    pub name: String,
    pub help: String,
    /// The keys that do the same.
    pub keys: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaletteItem {
    Action(Action),
    Layer(usize),
    Theme(usize),
}

/// What matches the words typed, best first: every word must be found in the name or the help.
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
    let actions = ACTIONS.iter().map(|info| PaletteEntry {
        item: PaletteItem::Action(info.action),
        name: info.name.into(),
        help: info.help.into(),
        keys: state.keymap.labels(info.action).join(" "),
    });
    let layers = (0..state.layers.len()).map(|layer| PaletteEntry {
        item: PaletteItem::Layer(layer),
        name: format!("layer {layer}"),
        help: format!("Go to layer {layer}"),
        keys: String::new(),
    });
    let themes = state.themes.iter().enumerate().map(|(theme, name)| PaletteEntry {
        item: PaletteItem::Theme(theme),
        name: format!("theme {name}"),
        help: format!("Show everything in {name}"),
        keys: String::new(),
    });
    actions.chain(layers).chain(themes)
}
