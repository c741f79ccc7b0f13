//! The built-in themes, in the order of the palette.

use super::Source;

/// Built-in themes; the first is the default.
pub(super) const BUILT_IN: [Source<'static>; 5] = [
    Source { name: "dark", text: include_str!("../../../../themes/dark.toml"), file: "themes/dark.toml" },
    Source { name: "light", text: include_str!("../../../../themes/light.toml"), file: "themes/light.toml" },
    Source {
        name: "colour-blind",
        text: include_str!("../../../../themes/colour-blind.toml"),
        file: "themes/colour-blind.toml",
    },
    Source {
        name: "high-contrast",
        text: include_str!("../../../../themes/high-contrast.toml"),
        file: "themes/high-contrast.toml",
    },
    Source {
        name: "sixteen",
        text: include_str!("../../../../themes/sixteen.toml"),
        file: "themes/sixteen.toml",
    },
];
