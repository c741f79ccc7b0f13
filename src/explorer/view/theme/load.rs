//! Loads themes from their files: inheritance, and the style of every role.

use std::collections::BTreeMap;

use ratatui::style::{Color, Style};

use super::{
    Role, Theme,
    builtin::BUILT_IN,
    colour, plain,
    sheet::{self, Look, Said, Sheet, unknown_colour},
};

/// The content of a theme file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
    /// Name of the file, for warnings.
    pub file: &'a str,
}

/// A parsed file and the name of its theme.
struct Named {
    name: String,
    sheet: Sheet,
}

/// All themes: the built-in ones in their order, replaced by the user's themes of the same name, then the
/// user's other themes. Also returns warnings, with file and line, about ignored entries.
///
/// A theme may inherit from the built-in theme that it replaces.
pub fn load(own: &[Source<'_>]) -> (Vec<Theme>, Vec<String>) {
    let mut warnings = Vec::new();
    let mut files: Vec<Named> = Vec::new();
    for source in BUILT_IN.iter().chain(own) {
        if let Some(sheet) = sheet::read(source.text, source.file, &mut warnings) {
            files.push(Named { name: source.name.into(), sheet });
        }
    }
    let mut shown: Vec<usize> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        match shown.iter_mut().find(|slot| files[**slot].name == file.name) {
            Some(slot) => *slot = at,
            None => shown.push(at),
        }
    }
    let themes = shown.iter().map(|&at| build(&files, at, &mut warnings)).collect();
    (themes, warnings)
}

/// Builds a theme with everything that it inherits.
fn build(files: &[Named], at: usize, warnings: &mut Vec<String>) -> Theme {
    let mut palette: BTreeMap<&str, Color> = BTreeMap::new();
    let mut roles: BTreeMap<Role, &Look> = BTreeMap::new();
    let mut heat: &[Said] = &[];
    // Ancestors come first, so nearer ones override them. The palette is shared, so new colours also apply to
    // inherited roles.
    for &file in ancestry(files, at, warnings).iter().rev() {
        let sheet = &files[file].sheet;
        palette.extend(sheet.palette.iter().map(|(name, &colour)| (name.as_str(), colour)));
        roles.extend(sheet.roles.iter().map(|(&role, look)| (role, look)));
        heat = sheet.heat.as_deref().unwrap_or(heat);
    }
    let mut colour = |said: &Said| {
        let known = palette.get(said.text.as_str()).copied().or_else(|| colour::parse(&said.text));
        if known.is_none() {
            let warning = format!("{}: {}", said.place, unknown_colour(&said.text));
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        known
    };
    let styles = Role::ALL.map(|role| match roles.get(&role) {
        Some(look) => {
            let mut style = Style::new().add_modifier(look.modifiers);
            style.fg = look.fg.as_ref().and_then(&mut colour);
            style.bg = look.bg.as_ref().and_then(&mut colour);
            if style == Style::new() { without_look(role) } else { style }
        }
        None => without_look(role),
    });
    let heat = heat.iter().filter_map(colour).collect();
    Theme::new(files[at].name.clone(), styles, heat)
}

/// The style of a role that the theme does not define. It has no colours, so it is legible on any background.
fn without_look(role: Role) -> Style {
    plain::style(role, ratatui::style::Modifier::empty())
}

/// The file, its parent, and so on. A cycle is cut.
fn ancestry(files: &[Named], at: usize, warnings: &mut Vec<String>) -> Vec<usize> {
    let mut line = vec![at];
    let mut at = at;
    while let Some(parent) = &files[at].sheet.inherits {
        let named = |&index: &usize| files[index].name == parent.text;
        // A theme that inherits from its own name inherits from the theme it replaces.
        let found = match parent.text == files[at].name {
            true => (0..at).rev().find(named),
            false => (0..files.len()).rev().find(named),
        };
        let warning = match found {
            None => format!(
                "{}: there is no theme \"{}\" to inherit from; the line is ignored",
                parent.place, parent.text
            ),
            Some(found) if line.contains(&found) => {
                let circle: Vec<&str> = line.iter().map(|&index| files[index].name.as_str()).collect();
                format!(
                    "{}: themes inherit in a cycle, {} → {}; the cycle ends here",
                    parent.place,
                    circle.join(" → "),
                    parent.text
                )
            }
            Some(found) => {
                line.push(found);
                at = found;
                continue;
            }
        };
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
        break;
    }
    line
}
