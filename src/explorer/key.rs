//! A key with its modifiers, and its name.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key in a normal form. Terminals report the same key in several ways; here a capital letter has Shift,
/// and only letters and named keys keep Shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) code: KeyCode,
    pub(super) modifiers: KeyModifiers,
}

/// Modifiers, in the order in which they are written.
const HELD: [(&str, KeyModifiers); 4] = [
    ("Ctrl-", KeyModifiers::CONTROL),
    ("Cmd-", KeyModifiers::SUPER),
    ("Alt-", KeyModifiers::ALT),
    ("Shift-", KeyModifiers::SHIFT),
];

/// Names of keys. A key is written with the first of its names.
const NAMES: [(&str, KeyCode); 20] = [
    ("Esc", KeyCode::Esc),
    ("Enter", KeyCode::Enter),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
    ("Tab", KeyCode::Tab),
    ("BackTab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Del", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Ins", KeyCode::Insert),
    ("Space", KeyCode::Char(' ')),
    ("Hyphen", KeyCode::Char('-')),
    ("Minus", KeyCode::Char('-')),
];

/// Function keys that keyboards have.
const FUNCTION_KEYS: std::ops::RangeInclusive<u8> = 1..=24;

impl Key {
    pub fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        let mut key = Self { code, modifiers };
        match code {
            KeyCode::Char('\r' | '\n') => key.code = KeyCode::Enter,
            KeyCode::Char(c) if c.is_uppercase() => key.modifiers.insert(KeyModifiers::SHIFT),
            KeyCode::Char(c) if !c.is_alphabetic() => key.modifiers.remove(KeyModifiers::SHIFT),
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::SHIFT) => {
                key.code = KeyCode::Char(c.to_uppercase().next().unwrap_or(c));
            }
            KeyCode::BackTab => key.modifiers.remove(KeyModifiers::SHIFT),
            _ => {}
        }
        key
    }

    /// Parses a key as people write it: `G` for a capital, `ctrl-r`, `F5`, `space`.
    pub fn named(text: &str) -> Option<Self> {
        let lone = |text: &str| {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none()).map(KeyCode::Char)
        };
        if let Some(code) = lone(text) {
            return Some(Self::new(code, KeyModifiers::NONE));
        }
        let text = text.to_lowercase();
        let (mut rest, mut modifiers) = (text.as_str(), KeyModifiers::NONE);
        let held = |text: &str| {
            let (name, modifier) = HELD.iter().find(|(name, _)| text.starts_with(&name.to_lowercase()))?;
            Some((name.len(), *modifier))
        };
        while let Some((length, modifier)) = held(rest) {
            modifiers.insert(modifier);
            rest = &rest[length..];
        }
        let by_name = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest)).map(|&(_, code)| code);
        let function = || {
            let number = rest.strip_prefix('f')?;
            let key = FUNCTION_KEYS.into_iter().find(|key| key.to_string() == number)?;
            Some(KeyCode::F(key))
        };
        let code = by_name.or_else(function).or_else(|| lone(rest))?;
        Some(Self::new(code, modifiers))
    }
}

impl Key {
    /// True if the key types a character.
    pub fn is_character(self) -> bool {
        let held = self.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER);
        matches!(self.code, KeyCode::Char(_)) && !held
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self::new(event.code, event.modifiers)
    }
}

/// Written with its modifiers: `Ctrl-r`, `Shift-g` for a capital, `F5`, `Space`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, modifier) in HELD {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{}", c.to_lowercase()),
            KeyCode::F(number) => write!(f, "F{number}"),
            code => write!(f, "{code:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_and_a_name_make_a_key() {
        let key = |text: &str| Key::named(text).map(|key| (key.code, key.modifiers));
        let (control, alt, shift, none) =
            (KeyModifiers::CONTROL, KeyModifiers::ALT, KeyModifiers::SHIFT, KeyModifiers::NONE);
        for (text, code, modifiers) in [
            ("g", KeyCode::Char('g'), none),
            ("G", KeyCode::Char('G'), shift),
            ("shift-g", KeyCode::Char('G'), shift),
            ("?", KeyCode::Char('?'), none),
            ("-", KeyCode::Char('-'), none),
            ("hyphen", KeyCode::Char('-'), none),
            ("ctrl--", KeyCode::Char('-'), control),
            ("ctrl-r", KeyCode::Char('r'), control),
            ("Ctrl-Alt-Del", KeyCode::Delete, control | alt),
            ("é", KeyCode::Char('é'), none),
            ("F12", KeyCode::F(12), none),
            ("f", KeyCode::Char('f'), none),
            ("space", KeyCode::Char(' '), none),
            ("shift-backtab", KeyCode::BackTab, none),
            ("shift-up", KeyCode::Up, shift),
        ] {
            assert_eq!(key(text), Some((code, modifiers)), "{text}");
        }
        for text in ["", "ctrl-", "f0", "f25", "f+5", "gg", "ctrl", "hyper-a", "page-up"] {
            assert_eq!(key(text), None, "{text}");
        }
    }

    #[test]
    fn a_written_key_is_read_as_the_same_key() {
        let codes = NAMES.iter().map(|&(_, code)| code);
        let letters = ['a', 'G', 'é', 'É', '?', '+', '1'].map(KeyCode::Char);
        for code in codes.chain(letters).chain(FUNCTION_KEYS.map(KeyCode::F)) {
            for bits in 0..16 {
                let held = HELD.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
                let key = Key::new(code, held.map(|(_, (_, modifier))| *modifier).collect());
                assert_eq!(Key::named(&key.to_string()), Some(key), "{key}");
            }
        }
    }

    #[test]
    fn keys_reported_in_several_ways_are_equal() {
        let key = |code, modifiers| Key::from(KeyEvent::new(code, modifiers));
        let (shift, none) = (KeyModifiers::SHIFT, KeyModifiers::NONE);
        let capital = key(KeyCode::Char('G'), shift);
        assert_eq!(key(KeyCode::Char('G'), none), capital);
        assert_eq!(key(KeyCode::Char('g'), shift), capital);
        assert_eq!(key(KeyCode::Char('?'), shift), key(KeyCode::Char('?'), none));
        assert_eq!(key(KeyCode::BackTab, shift), key(KeyCode::BackTab, none));
        assert_eq!(key(KeyCode::Char('\r'), none), key(KeyCode::Enter, none));
    }
}
