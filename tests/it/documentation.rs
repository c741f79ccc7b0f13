//! The documentation agrees with the program: links resolve, files exist, and every flag, command and module is listed.
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{layering::MODULES, program::slimgpt};

/// The documents, relative to the repository.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for dir in ["", "docs", "tests/oracle", "tests/interop"] {
        let entries = fs::read_dir(root().join(dir)).unwrap().map(|entry| entry.unwrap().path());
        found.extend(entries.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    assert!(found.len() > 12, "only {} documents found", found.len());
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The text without fenced code blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// Targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// Anchors of the headings, in GitHub's form.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(anchor).collect()
}

/// Words that begin with `--` in the columns of a help text or a table.
fn flags<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let words = lines.flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')));
    let names =
        |word: &&str| word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic));
    words.filter(names).map(str::to_owned).collect()
}

/// First cells of the rows in all tables.
fn first_cells(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("| ")).filter_map(|row| row.split(" |").next())
}

#[test]
fn links_between_documents_resolve() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for link in links(&prose(&text)) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} does not exist", path.display());
            if !anchor.is_empty() {
                let known = anchors(&prose(&fs::read_to_string(&target).unwrap()));
                assert!(known.contains(anchor), "{}: {link} is not a heading of {known:?}", path.display());
            }
        }
    }
}

#[test]
fn files_named_in_the_documentation_exist() {
    const PLACES: [&str; 8] =
        ["src/", "tests/", "docs/", "examples/", "sample_configs/", "themes/", "assets/", "benches/"];
    for path in documents() {
        let text = prose(&fs::read_to_string(&path).unwrap());
        for name in text.split('`').skip(1).step_by(2) {
            let name = name.split_whitespace().next().unwrap_or_default();
            let is_file = PLACES.iter().any(|place| name.starts_with(place)) && !name.contains('*');
            // `themes/` is also a configuration directory.
            if is_file && name != "themes/" {
                assert!(root().join(name).exists(), "{}: {name} does not exist", path.display());
            }
        }
    }
}

#[test]
fn exactly_the_flags_of_prune_are_documented() {
    let help = slimgpt(&["prune", "--help"]).stdout;
    let described = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let documented = read("docs/settings.md");
    assert_eq!(flags(first_cells(&documented)), flags(described));
}

#[test]
fn exactly_the_commands_are_documented() {
    let help = slimgpt(&["--help"]).stdout;
    let listed = help.split_once("Commands:").unwrap().1.split("\n\n").next().unwrap();
    let starts = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = listed.lines().filter(starts).filter_map(|line| line.split_whitespace().next());
    let expected: BTreeSet<&str> = names.filter(|&name| name != "help").collect();
    let text = read("docs/command-line.md");
    let words = text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("slimgpt "));
    let documented: BTreeSet<&str> = words
        .filter_map(|rest| rest.split_whitespace().next())
        .filter(|word| word.starts_with(char::is_lowercase))
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn every_module_is_in_the_architecture() {
    let text = read("ARCHITECTURE.md");
    let entries = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    for module in entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()) {
        let row = match module.as_str() {
            "lib" => continue,
            "bin" => "| `bin/slimgpt` |".to_owned(),
            module => format!("| `{module}` |"),
        };
        assert!(text.contains(&row), "ARCHITECTURE.md has no row for the module {module}");
    }
}

#[test]
fn the_picture_of_the_modules_shows_only_allowed_uses() {
    let text = read("ARCHITECTURE.md");
    let picture = text.split_once("```mermaid").unwrap().1.split_once("```").unwrap().0;
    let id = |node: &str| node.trim().chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    let arrows: Vec<(String, String)> = picture
        .lines()
        .filter_map(|line| line.split_once("-->"))
        .map(|(from, to)| (id(from), id(to)))
        .collect();
    assert!(arrows.len() > 20, "only {} arrows found", arrows.len());
    for (from, to) in arrows.iter().filter(|(from, _)| from != "bin") {
        let (_, allowed) = MODULES.iter().find(|(module, _)| module == from).unwrap();
        assert!(allowed.split(' ').any(|module| module == to), "ARCHITECTURE.md: {from} does not use {to}");
    }
}

#[test]
fn keys_of_interface_toml_are_documented() {
    let paths = slimgpt(&["config", "paths"]).stdout;
    let line = paths.lines().find(|line| line.starts_with("interface")).unwrap();
    let text = read("docs/explorer.md");
    let keys = ["theme", "mouse", "glyphs", "colours", "idle_curves", "step_mode"];
    for key in keys {
        assert!(line.contains(key), "{line}: {key} is not listed");
        assert!(text.contains(&format!("| `{key}` |")), "docs/explorer.md: {key} is not documented");
    }
}

/// Names of the variants of an enum in a source file, in their JSON form.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let body = source.split_once(&format!("pub enum {name} {{")).unwrap().1.split_once("\n}").unwrap().0;
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(char::is_uppercase));
    let name = |line: &str| line.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    let snake_case = |name: String| -> String {
        let split = |c: char| if c.is_uppercase() { format!("_{}", c.to_lowercase()) } else { c.to_string() };
        name.chars().map(split).collect::<String>().trim_start_matches('_').to_owned()
    };
    names.map(name).map(snake_case).collect()
}

#[test]
fn exactly_the_events_and_stages_are_documented() {
    let (text, source) = (read("docs/events.md"), read("src/protocol/event.rs"));
    let (table, stages) = text.split_once("Stages of `progress`").unwrap();
    let code =
        |text: &str| -> BTreeSet<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let events = first_cells(table).flat_map(code).collect::<BTreeSet<_>>();
    assert_eq!(events, variants(&source, "Event"));
    assert_eq!(code(stages), variants(&source, "Stage"));
}
