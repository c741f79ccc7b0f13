//! Arrows between the modules run one way (ARCHITECTURE.md).
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which modules a module may use. What is not here may not exist.
const ARROWS: [(&str, &[&str]); 21] = [
    ("disk", &[]),
    ("prune", &[]),
    ("model", &[]),
    ("calibration", &[]),
    ("config", &["prune", "model", "calibration", "export"]),
    // The program, not the library.
    ("bin", &[]),
    ("demo", &["config"]),
    ("pipeline", &["prune", "calibration", "model", "config"]),
    ("eval", &["prune", "calibration", "model", "config"]),
    ("export", &["prune", "calibration", "model", "disk"]),
    ("protocol", &["prune", "model", "calibration", "export", "config"]),
    ("words", &["protocol", "prune", "config"]),
    ("recording", &["protocol", "config"]),
    ("session", &["protocol", "prune", "model", "calibration", "disk", "config"]),
    ("plot", &["config"]),
    (
        "report",
        &["words", "plot", "session", "protocol", "export", "prune", "model", "calibration", "config"],
    ),
    ("explorer", &["words", "protocol", "export", "prune", "model", "calibration", "config"]),
    (
        "tui",
        &[
            "words",
            "explorer",
            "engine",
            "export",
            "recording",
            "report",
            "plot",
            "session",
            "protocol",
            "prune",
            "model",
            "calibration",
            "config",
        ],
    ),
    (
        "engine",
        &[
            "recording",
            "report",
            "plot",
            "session",
            "export",
            "eval",
            "pipeline",
            "prune",
            "calibration",
            "model",
            "demo",
            "protocol",
            "config",
        ],
    ),
    (
        "sweep",
        &[
            "words",
            "engine",
            "report",
            "plot",
            "session",
            "protocol",
            "disk",
            "prune",
            "model",
            "calibration",
            "config",
        ],
    ),
    (
        "headless",
        &[
            "words",
            "sweep",
            "engine",
            "recording",
            "report",
            "session",
            "protocol",
            "prune",
            "model",
            "calibration",
            "config",
        ],
    ),
];

/// Which modules may name a crate.
const CRATES: [(&str, &[&str]); 11] = [
    ("ratatui", &["explorer", "tui"]),
    ("candle_core", &["engine", "eval", "export", "pipeline", "model"]),
    ("candle_nn", &["model"]),
    ("candle_transformers", &["eval"]),
    ("faer", &["prune"]),
    ("indicatif", &["headless"]),
    ("plotters", &["plot"]),
    ("plotters_backend", &["plot"]),
    ("ab_glyph", &["plot"]),
    ("epaint_default_fonts", &["plot"]),
    ("png", &["plot"]),
];

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    rust.chain(dirs.iter().flat_map(|dir| sources(dir))).collect()
}

/// Source without comments and strings' worth of noise: what stands after `//` on a line is dropped.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The first names after every `crate::`, those of a braced list included.
fn modules_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = code[at + "crate::".len()..].trim_start();
        let mut depth = 0;
        let mut name = String::new();
        let mut naming = true;
        for c in rest.chars() {
            match c {
                '{' => depth += 1,
                '}' | ',' | ';' | ':' | ' ' | '\n' | '(' | ')' | '<' | '>' => {
                    if naming && !name.is_empty() {
                        used.insert(std::mem::take(&mut name));
                    }
                    name.clear();
                    naming = depth == 1 && (c == ',' || c.is_whitespace() && naming);
                    if c == '}' {
                        depth -= 1;
                    }
                    if depth == 0 {
                        break;
                    }
                }
                _ if naming && depth <= 1 => name.push(c),
                _ => {}
            }
        }
    }
    used
}

fn by_module() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        if inside.components().count() > 1 {
            let module = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
            modules.entry(module).or_default().push((path.clone(), code(&path)));
        }
    }
    modules
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut seen = 0;
    for (module, files) in by_module() {
        let allowed = arrows
            .get(module.as_str())
            .unwrap_or_else(|| panic!("module {module} has no place in the order"));
        for (path, code) in files {
            for used in modules_used(&code) {
                seen += 1;
                assert!(
                    used == module || allowed.contains(&used.as_str()),
                    "{}: {module} uses {used}, which is not below it",
                    path.display()
                );
            }
        }
    }
    assert!(seen > 50, "only {seen} arrows found: the reading of `use` lines is broken");
}

#[test]
fn crates_stay_in_their_modules() {
    for (module, files) in by_module() {
        for (path, code) in files {
            for (name, allowed) in CRATES {
                let named = code.contains(&format!("{name}::"));
                assert!(!named || allowed.contains(&module.as_str()), "{}: names {name}", path.display());
            }
        }
    }
}

#[test]
fn the_reading_of_use_lines_sees_grouped_and_nested_names() {
    let code = "use crate::{\n    model::{Block, hub},\n    prune::Units,\n};\nfn f(x: crate::eval::Error) {}\nuse crate::config;";
    let expected = ["config", "eval", "model", "prune"].map(String::from).into();
    assert_eq!(modules_used(code), expected);
}
