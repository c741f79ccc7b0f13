//! Dependencies between modules run one way, as in ARCHITECTURE.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules, lowest first, and the modules that each may use. Modules that are not listed here are not allowed.
pub const MODULES: [(&str, &str); 24] = [
    ("cluster", ""),
    ("disk", ""),
    ("gguf", ""),
    ("product", ""),
    ("prune", "product"),
    ("model", "gguf product"),
    ("calibration", "model"),
    ("export", "calibration model gguf prune disk"),
    ("config", "export calibration model prune"),
    ("demo", "config"),
    ("pipeline", "config calibration model prune cluster"),
    ("eval", "config calibration model prune"),
    ("protocol", "config export calibration model prune"),
    ("words", "protocol config prune"),
    ("progress", "protocol config prune"),
    ("recording", "protocol config"),
    ("session", "protocol config calibration model prune disk"),
    ("plot", "words config"),
    ("report", "plot session words protocol config export calibration model prune"),
    (
        "engine",
        "report plot session recording protocol eval pipeline demo config export calibration model prune product cluster",
    ),
    ("explorer", "progress words protocol config export calibration model prune"),
    (
        "tui",
        "explorer engine report plot session recording words protocol config export calibration model prune",
    ),
    ("sweep", "engine report plot session words protocol config calibration model prune disk"),
    (
        "headless",
        "sweep engine report session recording progress words protocol config calibration model prune",
    ),
];

/// Modules that every module may use: named enums, and kinds of failures.
const COMMON: [&str; 2] = ["names", "failure"];

/// The library modules that the program uses: the frontends, and the modules that parse and resolve its
/// arguments.
const PROGRAM: &str = "calibration cluster config engine explorer export headless model protocol prune recording session sweep tui words";

/// The crates that only some modules may name. A path restricts the permission to a part of a module.
const CRATES: [(&str, &[&str]); 19] = [
    ("mpi", &["cluster"]),
    ("ratatui", &["explorer/view", "tui"]),
    ("clap", &["bin"]),
    ("clap_complete", &["bin"]),
    ("clap_mangen", &["bin"]),
    ("candle_core", &["engine", "eval", "export", "gguf", "pipeline", "model"]),
    ("candle_nn", &["model"]),
    ("candle_transformers", &["eval"]),
    ("faer", &["product", "prune", "model/processor"]),
    ("minijinja", &["model", "calibration"]),
    ("minijinja_contrib", &["model"]),
    ("parquet", &["calibration"]),
    ("zstd", &["calibration"]),
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

/// The source without comments; everything after `//` on a line is dropped.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The first name after every `root::`, including each name of a braced list.
fn modules_used(code: &str, root: &str) -> BTreeSet<String> {
    let root = format!("{root}::");
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices(&root) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = code[at + root.len()..].trim_start();
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

/// Every source file: its path below `src`, its module (the top folder), and its code.
fn files() -> Vec<(PathBuf, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let file = |path: PathBuf| {
        let inside = path.strip_prefix(&src).unwrap().to_path_buf();
        let module =
            inside.with_extension("").components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        (inside, module, code(&path))
    };
    sources(&src).into_iter().map(file).collect()
}

#[test]
fn modules_use_only_modules_below_them() {
    let modules: BTreeMap<&str, &str> = MODULES.into_iter().collect();
    let mut seen = 0;
    for (path, module, code) in files() {
        let (allowed, used) = match module.as_str() {
            // These contain the list of modules and the re-exports for the program.
            "lib" | "application" => continue,
            module if COMMON.contains(&module) => ("", modules_used(&code, "crate")),
            "bin" => {
                let mut used = modules_used(&code, "slimgpt");
                used.remove("application");
                used.extend(modules_used(&code, "slimgpt::application"));
                (PROGRAM, used)
            }
            _ => {
                let allowed = modules.get(module.as_str());
                let allowed = allowed.unwrap_or_else(|| panic!("module {module} is not listed"));
                (*allowed, modules_used(&code, "crate"))
            }
        };
        for used in used {
            seen += 1;
            let is_allowed = used == module
                || COMMON.contains(&used.as_str())
                || allowed.split(' ').any(|name| name == used);
            assert!(is_allowed, "{}: {module} uses {used}, which is not below it", path.display());
        }
    }
    assert!(seen > 50, "only {seen} uses found: `use` lines are not read correctly");
}

#[test]
fn a_module_uses_only_modules_listed_above_it() {
    let mut above: Vec<&str> = Vec::new();
    for (module, uses) in MODULES {
        for used in uses.split_whitespace() {
            assert!(above.contains(&used), "{module} uses {used}, which is not listed above it");
        }
        above.push(module);
    }
}

#[test]
fn crates_are_named_only_in_their_modules() {
    for (path, _, code) in files() {
        for (name, allowed) in CRATES {
            let named = !modules_used(&code, name).is_empty();
            let inside = path.with_extension("");
            let is_allowed = allowed.iter().any(|place| {
                let (module, part) = place.split_once('/').unwrap_or((place, ""));
                inside.starts_with(module) && (part.is_empty() || inside.iter().any(|folder| folder == part))
            });
            assert!(!named || is_allowed, "{}: names {name}", path.display());
        }
    }
}

#[test]
fn grouped_and_nested_names_of_use_lines_are_found() {
    let code = "use crate::{\n    model::{Block, hub},\n    prune::Units,\n};\nfn f(x: crate::eval::Error) {}\nuse crate::config;";
    let expected = ["config", "eval", "model", "prune"].map(String::from).into();
    assert_eq!(modules_used(code, "crate"), expected);
}
