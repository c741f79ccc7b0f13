//! Parses a theme file to names with their lines; the names are not resolved yet.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Role, colour};

/// A parsed theme file. Every entry keeps its line for warnings.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub inherits: Option<Said>,
    pub palette: BTreeMap<String, Color>,
    pub roles: BTreeMap<Role, Look>,
    pub heat: Option<Vec<Said>>,
}

/// A name or colour as written in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub text: String,
    /// `FILE, line N`.
    pub place: String,
}

/// The style of a role, with unresolved colour names.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub fg: Option<Said>,
    pub bg: Option<Said>,
    pub modifiers: Modifier,
}

/// A file being parsed.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    warnings: &'a mut Vec<String>,
}

/// Parses a file; invalid entries are skipped with a warning. None if it is not TOML.
pub(super) fn read(text: &str, file: &str, warnings: &mut Vec<String>) -> Option<Sheet> {
    let mut reader = Reader { file, text, warnings };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reader.warn(at, &format!("{}; the theme is ignored", error.message()));
            return None;
        }
    };
    let mut sheet = Sheet::default();
    for (key, value) in &table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("inherits", DeValue::String(_)) => sheet.inherits = reader.said(value),
            ("palette", DeValue::Table(colours)) => reader.palette(colours, &mut sheet),
            ("roles", DeValue::Table(roles)) => reader.roles(roles, &mut sheet),
            ("heat", DeValue::Array(stops)) => {
                sheet.heat = Some(stops.iter().filter_map(|stop| reader.said(stop)).collect());
            }
            (known @ ("inherits" | "palette" | "roles" | "heat"), _) => {
                reader.warn(value.span().start, &format!("\"{known}\" has the wrong type; it is ignored"));
            }
            (other, _) => reader.warn(
                key.span().start,
                &format!("unknown key \"{other}\"; expected inherits, heat, [palette] or [roles]"),
            ),
        }
    }
    Some(sheet)
}

impl Reader<'_> {
    fn place(&self, at: usize) -> String {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        format!("{}, line {line}", self.file)
    }

    fn warn(&mut self, at: usize, what: &str) {
        let place = self.place(at);
        self.warnings.push(format!("{place}: {what}"));
    }

    /// Reads a colour or name: a string, or a number from 0 to 255.
    fn said(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Said> {
        let at = value.span().start;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.warn(at, "expected a colour in quotes or a number from 0 to 255; it is ignored");
                return None;
            }
        };
        Some(Said { text, place: self.place(at) })
    }

    fn palette(&mut self, colours: &DeTable<'_>, sheet: &mut Sheet) {
        for (name, value) in colours {
            let Some(said) = self.said(value) else { continue };
            match colour::parse(&said.text) {
                Some(colour) => {
                    sheet.palette.insert(name.get_ref().to_string(), colour);
                }
                None => self.warn(value.span().start, &unknown_colour(&said.text)),
            }
        }
    }

    fn roles(&mut self, roles: &DeTable<'_>, sheet: &mut Sheet) {
        for (name, value) in roles {
            let Some(role) = Role::named(&name.get_ref().replace('_', "-")) else {
                let roles = Role::ALL.map(Role::name).join(", ");
                let found = name.get_ref();
                self.warn(name.span().start, &format!("unknown role \"{found}\"; the roles are {roles}"));
                continue;
            };
            let look = match value.get_ref() {
                DeValue::Table(look) => self.look(look),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => Look { fg: self.said(value), ..Look::default() },
            };
            sheet.roles.insert(role, look);
        }
    }

    fn look(&mut self, table: &DeTable<'_>) -> Look {
        let mut look = Look::default();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("fg", _) => look.fg = self.said(value),
                ("bg", _) => look.bg = self.said(value),
                ("modifiers", DeValue::Array(names)) => {
                    for name in names {
                        look.modifiers |= self.modifier(name);
                    }
                }
                ("modifiers", _) => self.warn(
                    value.span().start,
                    "expected a list such as modifiers = [\"bold\"]; it is ignored",
                ),
                (other, _) => self.warn(
                    key.span().start,
                    &format!("unknown key \"{other}\"; a role has fg, bg and modifiers"),
                ),
            }
        }
        look
    }

    fn modifier(&mut self, value: &Spanned<DeValue<'_>>) -> Modifier {
        let name = value.get_ref().as_str().unwrap_or_default();
        match name {
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "reversed" => Modifier::REVERSED,
            "underlined" => Modifier::UNDERLINED,
            "italic" => Modifier::ITALIC,
            _ => {
                self.warn(
                    value.span().start,
                    &format!(
                        "unknown modifier \"{name}\"; expected bold, dim, reversed, underlined or italic"
                    ),
                );
                Modifier::empty()
            }
        }
    }
}

pub(super) fn unknown_colour(text: &str) -> String {
    format!(
        "unknown colour \"{text}\"; expected a name of the palette, #rrggbb, a terminal colour such as \"bright blue\", \
         \"default\", or a number from 0 to 255"
    )
}
