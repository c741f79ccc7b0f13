//! Reads a sweep file (TOML): shared settings, `[[case]]` tables, and a `[grid]` of keys with lists of values.
//!
//! The cells are the product of the cases and the grid. A key set by a case does not vary in that case.

use std::{fs, path::Path};

use toml::Value;

use super::Error;
use crate::config::{self, Entry, Options, SettingsText, field};

const TITLE: &str = "title";
const EXPORT: &str = "export";
const GRID: &str = "grid";
/// The key of the cases, and the name of their column.
pub const CASE: &str = "case";
const NAME: &str = "name";
/// Keys that the sweep sets for every cell.
const OWN: [&str; 4] = ["session", "no_session", "events", "json"];
/// The key over which rows of the summary average.
pub const SEED: &str = "seed";

/// A parsed sweep file, before defaults are applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub title: Option<String>,
    /// Whether the cells export their models.
    pub export: bool,
    /// The keys of the grid in file order, without the seed.
    pub keys: Vec<String>,
    /// Whether the seed is a key of the grid.
    pub seeded: bool,
    pub cells: Vec<DraftCell>,
}

/// One point of the grid in one case.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftCell {
    /// None if the file has no cases.
    pub case: Option<String>,
    /// One value per key of the draft; empty if the cell does not set the key.
    pub values: Vec<String>,
    pub options: Options,
}

struct Case<'a> {
    name: Option<String>,
    entries: Vec<Entry<'a>>,
}

/// Reads a sweep file.
///
/// # Errors
/// If the file cannot be read or `parse` refuses it.
pub fn read(path: &Path) -> Result<Draft, Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::File { path: path.into(), cause })?;
    Ok(parse(&text, &path.display().to_string())?)
}

/// Parses the text of a sweep file; errors name the file `name`.
///
/// # Errors
/// As for a settings file: if a key is unknown or duplicate, or a value has the wrong type; the error
/// includes the line.
pub fn parse(text: &str, name: &str) -> Result<Draft, config::Error> {
    let text = SettingsText::new(text, name)?.beside(&[TITLE, EXPORT, GRID, CASE]);
    let (mut title, mut export) = (None, false);
    let (mut shared, mut cases, mut grid) = (Vec::new(), Vec::new(), Vec::new());
    for entry in text.entries() {
        match (entry.key, entry.value) {
            (TITLE, Value::String(text)) => title = Some(text.clone()),
            (TITLE, _) => return Err(text.wrong(entry.at, "key \"title\": expected a string")),
            (EXPORT, Value::Boolean(asked)) => export = *asked,
            (EXPORT, _) => return Err(text.wrong(entry.at, "key \"export\": expected true or false")),
            (GRID, _) => grid = axes(&text, entry)?,
            (CASE, _) => cases = named(&text, entry)?,
            _ => shared.push(entry),
        }
    }
    check(&text, &shared)?;
    for (key, values) in &grid {
        if let Some(entry) = shared.iter().find(|entry| field(entry.key) == *key) {
            let what =
                format!("key \"{key}\" is also in [grid], with {} values; keep one of them", values.len());
            return Err(text.wrong(entry.at, what));
        }
    }
    if cases.is_empty() {
        cases.push(Case { name: None, entries: Vec::new() });
    }
    let mut keys: Vec<String> = grid.iter().map(|(key, _)| key.clone()).collect();
    let seeded = keys.iter().any(|key| key == SEED);
    keys.retain(|key| key != SEED);
    let common = text.options(&shared)?;
    let mut cells = Vec::new();
    for case in &cases {
        let own = text.options(&case.entries)?;
        for point in points(&grid, &case.entries) {
            let options = own.clone().or(text.options(&point)?).or(common.clone());
            let value = |key: &String| {
                let said = point.iter().chain(&case.entries).find(|entry| field(entry.key) == *key);
                said.map(|entry| shown(entry.value)).unwrap_or_default()
            };
            let values = keys.iter().map(value).collect();
            cells.push(DraftCell { case: case.name.clone(), values, options });
        }
    }
    Ok(Draft { title, export, keys, seeded, cells })
}

/// The keys of the grid with their values.
fn axes<'a>(text: &SettingsText, grid: Entry<'a>) -> Result<Vec<(String, Vec<Entry<'a>>)>, config::Error> {
    let keys = grid.table().ok_or_else(|| text.wrong(grid.at, "key \"grid\": expected a table, [grid]"))?;
    let mut axes: Vec<(String, Vec<Entry<'a>>)> = Vec::with_capacity(keys.len());
    for entry in keys {
        check(text, &[entry])?;
        let key = field(entry.key);
        if axes.iter().any(|(other, _)| *other == key) {
            return Err(text.wrong(entry.at, format!("key \"{key}\" is in [grid] twice; keep one of them")));
        }
        let values = entry.list().filter(|values| !values.is_empty()).ok_or_else(|| {
            let what = format!("key \"{}\": expected a list of values, such as [0, 1, 2]", entry.key);
            text.wrong(entry.at, what)
        })?;
        for value in &values {
            // The two ends of a schedule are checked together, when a point has both.
            if !["first_ratio", "last_ratio"].contains(&key.as_str()) {
                text.options(&[*value])?;
            }
        }
        axes.push((key, values));
    }
    Ok(axes)
}

/// The cases, each with a unique name.
fn named<'a>(text: &SettingsText, cases: Entry<'a>) -> Result<Vec<Case<'a>>, config::Error> {
    let tables: Option<Vec<_>> =
        cases.list().and_then(|list| list.into_iter().map(|case| Some((case.at, case.table()?))).collect());
    let tables = tables.ok_or_else(|| text.wrong(cases.at, "key \"case\": expected tables, [[case]]"))?;
    let mut named: Vec<Case<'a>> = Vec::with_capacity(tables.len());
    for (at, mut entries) in tables {
        let name = entries.iter().position(|entry| entry.key == NAME).map(|at| entries.remove(at));
        let name = match name.map(|entry| (entry.at, entry.value)) {
            Some((_, Value::String(name))) if !name.trim().is_empty() => name.trim().to_owned(),
            Some((at, _)) => return Err(text.wrong(at, "key \"name\": expected a string")),
            None => {
                return Err(text.wrong(at, "a case has no name; give it one, such as name = \"diagonal\""));
            }
        };
        if named.iter().any(|other| other.name.as_ref() == Some(&name)) {
            return Err(text.wrong(at, format!("two cases have the name \"{name}\"; rename one")));
        }
        check(text, &entries)?;
        named.push(Case { name: Some(name), entries });
    }
    Ok(named)
}

fn check(text: &SettingsText, entries: &[Entry<'_>]) -> Result<(), config::Error> {
    match entries.iter().find(|entry| OWN.contains(&&*field(entry.key))) {
        Some(Entry { key, at, .. }) => {
            Err(text.wrong(*at, format!("key \"{key}\": the sweep sets it for every cell; remove it")))
        }
        None => Ok(()),
    }
}

/// All combinations of the values; the last key varies fastest. Keys set by the case are skipped.
fn points<'a>(grid: &[(String, Vec<Entry<'a>>)], case: &[Entry<'a>]) -> Vec<Vec<Entry<'a>>> {
    let mut points = vec![Vec::new()];
    for (key, values) in grid {
        if case.iter().any(|entry| field(entry.key) == *key) {
            continue;
        }
        let longer = |point: &Vec<Entry<'a>>| {
            let point = point.clone();
            values
                .iter()
                .map(move |&value| point.iter().copied().chain([value]).collect())
                .collect::<Vec<_>>()
        };
        points = points.iter().flat_map(longer).collect();
    }
    points
}

/// A value as shown in a table: a string without quotes, a list with `+` between its elements.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join("+"),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_) => {
            value.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, "sweep.toml").unwrap_err().to_string()
    }

    #[test]
    fn cells_are_the_cases_times_the_grid() {
        let text = "samples = 8\n[grid]\nratio = [0.25, 0.5]\nseed = [0, 1]\n\
                    [[case]]\nname = \"a\"\n[[case]]\nname = \"b\"\nhead_score = \"diagonal\"";
        let draft = parse(text, "").unwrap();
        assert_eq!(draft.keys, ["ratio"]);
        let cells: Vec<_> = draft
            .cells
            .iter()
            .map(|cell| {
                (
                    cell.case.as_deref().unwrap(),
                    cell.options.ratios.ratio.unwrap(),
                    cell.options.calibration.seed.unwrap(),
                )
            })
            .collect();
        assert_eq!(
            cells[..5],
            [("a", 0.25, 0), ("a", 0.25, 1), ("a", 0.5, 0), ("a", 0.5, 1), ("b", 0.25, 0)]
        );
        assert_eq!(cells.len(), 8);
        assert!(draft.cells.iter().all(|cell| cell.options.calibration.samples == Some(8)));
        assert!(
            draft.cells[0].options.solver.head_score.is_none()
                && draft.cells[7].options.solver.head_score.is_some()
        );
    }

    #[test]
    fn a_key_that_a_case_sets_does_not_vary_in_it() {
        let text = "[grid]\nsamples = [1, 2]\n[[case]]\nname = \"a\"\n[[case]]\nname = \"b\"\nsamples = 9";
        let draft = parse(text, "").unwrap();
        let values: Vec<_> = draft.cells.iter().map(|cell| cell.values[0].as_str()).collect();
        assert_eq!(values, ["1", "2", "9"]);
    }

    #[test]
    fn values_may_be_lists_themselves() {
        let draft = parse(
            "[grid]\nschedule = [\"log\", [0.1, 0.2]]\nparts = [\"mlp\", [\"attention\", \"mlp\"]]",
            "",
        );
        let values: Vec<_> = draft.unwrap().cells.into_iter().map(|cell| cell.values.join(" ")).collect();
        assert_eq!(values, ["log mlp", "log attention+mlp", "0.1+0.2 mlp", "0.1+0.2 attention+mlp"]);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line, what) in [
            ("ratio = 0.2\nration = 0.3", 2, "unknown key \"ration\"; expected one of"),
            ("[grids]\nratio = [1]", 1, ", grid, "),
            ("[grid]\nratio = [0.1]\n\nsample = [3]", 4, "unknown key \"sample\""),
            ("[grid]\nsamples = [\n3,\n\"many\"]", 4, "key \"samples\""),
            ("[grid]\nsamples = 3", 2, "expected a list of values"),
            ("ratio = 0.3\n[grid]\nratio = [0.1]", 1, "is also in [grid]"),
            ("[grid]\nseq-len = [8]\nseq_len = [9]", 3, "twice"),
            ("[[case]]\nratio = 0.1", 1, "has no name"),
            ("[[case]]\nname = \"a\"\n[[case]]\nname = \"a\"", 3, "two cases"),
            ("[[case]]\nname = \"a\"\nscor = 1", 3, "unknown key \"scor\""),
            ("session = \"x\"", 1, "remove it"),
            ("title = 3", 1, "title"),
        ] {
            let error = error(text);
            assert!(error.starts_with(&format!("sweep.toml, line {line}: ")), "{text}: {error}");
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
