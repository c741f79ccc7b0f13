//! The key map: the defaults of the action table, and the user's `keys.toml`.

use std::collections::BTreeMap;

use super::{ACTIONS, Action, Context, Key};

/// Keys and their actions.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyMap {
    bindings: Vec<(Key, Action)>,
}

/// An error in a key file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {what}")]
pub struct KeyMapError {
    pub file: String,
    pub line: usize,
    pub what: String,
}

impl Default for KeyMap {
    fn default() -> Self {
        let parse = |key: &str| Key::named(key).expect("a test reads every default key");
        let bindings = ACTIONS
            .iter()
            .flat_map(|info| info.keys.iter().map(move |key| (parse(key), info.action)))
            .collect();
        Self { bindings }
    }
}

impl KeyMap {
    /// Reads a key file over the defaults: `action = "key"` or `action = ["key", "key"]`. An action in the
    /// file has only the keys given there, none if the list is empty.
    ///
    /// # Errors
    ///
    /// If an action is unknown, a key is invalid, or a key would have two meanings in one place. The error
    /// gives the line.
    pub fn parse(text: &str, file: &str) -> Result<Self, KeyMapError> {
        let wrong =
            |at: usize, what: String| KeyMapError { file: file.into(), line: line_of(text, at), what };
        let table = toml::de::DeTable::parse(text)
            .map_err(|e| wrong(e.span().map_or(0, |span| span.start), e.message().to_string()))?
            .into_inner();
        let mut own: BTreeMap<Action, Vec<(Key, usize)>> = BTreeMap::new();
        for (name, value) in &table {
            let at = name.span().start;
            let spelled = name.get_ref().replace('_', "-");
            let action = Action::named(&spelled).ok_or_else(|| {
                wrong(
                    at,
                    format!("unknown action \"{}\"; `slimgpt config keys` lists them all", name.get_ref()),
                )
            })?;
            let keys = match value.get_ref() {
                toml::de::DeValue::String(key) => vec![(key.to_string(), value.span().start)],
                toml::de::DeValue::Array(list) => list
                    .iter()
                    .map(|item| match item.get_ref() {
                        toml::de::DeValue::String(key) => Ok((key.to_string(), item.span().start)),
                        _ => Err(wrong(item.span().start, "expected a key in quotes".into())),
                    })
                    .collect::<Result<_, _>>()?,
                _ => return Err(wrong(at, "expected a key in quotes, or a list of them".into())),
            };
            let parsed = keys
                .into_iter()
                .map(|(key, at)| match Key::named(&key) {
                    Some(combination) => Ok((combination, at)),
                    None => Err(wrong(
                        at,
                        format!(
                            "\"{key}\" is not a key; write, for example, \"ctrl-s\", \"F5\" or \"space\""
                        ),
                    )),
                })
                .collect::<Result<Vec<_>, _>>()?;
            if own.insert(action, parsed).is_some() {
                return Err(wrong(at, format!("action \"{spelled}\" is set twice; keep one of the lines")));
            }
        }
        let bindings: Vec<(Key, Action)> = ACTIONS
            .iter()
            .flat_map(|info| match own.get(&info.action) {
                Some(keys) => keys.iter().map(|&(key, _)| (key, info.action)).collect::<Vec<_>>(),
                None => Self::default().keys(info.action).map(|key| (key, info.action)).collect(),
            })
            .collect();
        let map = Self { bindings };
        // A conflict is reported with the line of the file; no default key is dropped silently.
        for (&action, keys) in &own {
            for &(key, at) in keys {
                if let Some(other) = map.rival(key, action) {
                    return Err(wrong(
                        at,
                        format!(
                            "key \"{key}\" of \"{}\" is also a key of \"{}\"; change one of them",
                            action.info().name,
                            other.info().name
                        ),
                    ));
                }
            }
        }
        Ok(map)
    }

    /// The action bound to a key on a screen or in a dialog.
    pub fn action(&self, key: Key, context: impl Into<Context>) -> Option<Action> {
        let context = context.into();
        let holds = |&&(bound, action): &&(Key, Action)| bound == key && action.info().scope.holds(context);
        self.bindings.iter().find(holds).map(|&(_, action)| action)
    }

    pub fn keys(&self, action: Action) -> impl Iterator<Item = Key> + '_ {
        self.bindings.iter().filter(move |(_, bound)| *bound == action).map(|&(key, _)| key)
    }

    /// The first key of an action, for display.
    pub fn label(&self, action: Action) -> Option<String> {
        self.keys(action).next().map(label)
    }

    /// All keys of an action, for display.
    pub fn labels(&self, action: Action) -> Vec<String> {
        self.keys(action).map(label).collect()
    }

    /// Another action with the same key, on a screen or in a dialog where both apply.
    fn rival(&self, key: Key, action: Action) -> Option<Action> {
        let rival = |&&(bound, other): &&(Key, Action)| {
            bound == key && other != action && other.info().scope.meets(action.info().scope)
        };
        self.bindings.iter().find(rival).map(|&(_, other)| other)
    }
}

/// Short names for keys with long ones.
fn label(key: Key) -> String {
    let text = key.to_string();
    match text.as_str() {
        "Up" => "↑".into(),
        "Down" => "↓".into(),
        "Left" => "←".into(),
        "Right" => "→".into(),
        "PageUp" => "PgUp".into(),
        "PageDown" => "PgDn".into(),
        "BackTab" | "Shift-BackTab" => "⇧Tab".into(),
        "Space" => "Space".into(),
        "Hyphen" => "-".into(),
        _ => match text.strip_prefix("Shift-") {
            Some(letter) if letter.chars().count() == 1 => letter.to_uppercase(),
            Some(_) | None => match text.strip_prefix("Ctrl-") {
                Some(rest) => format!("^{}", rest.to_uppercase()),
                None => text,
            },
        },
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}
