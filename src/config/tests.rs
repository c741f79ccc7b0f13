//! Tests of the table of settings, and of settings that depend on each other.

use super::*;
use crate::prune::{GroupSize, HeadScore, LayerRatio, Schedule};

fn options(text: &str) -> Options {
    parse_file(text, "test.toml").unwrap()
}

fn settings(text: &str) -> Result<Settings, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

/// For each setting of a run, a line of a settings file with a non-default value, and the lines that it
/// requires.
fn other(setting: &Setting) -> (String, &'static str) {
    let needs = match setting.key {
        "first_ratio" => "last_ratio = 0.4",
        "last_ratio" => "first_ratio = 0.1",
        "search_samples" | "search_trials" => "schedule = \"auto\"",
        "search_guard" => "guard = \"demo:held-out\"",
        "eval_seed" => "eval_windows = 4",
        _ => "",
    };
    let names = (setting.choices)();
    let default = setting.text(&Settings::default());
    let value = match (setting.kind, setting.key) {
        (Kind::Switch, _) => (default != "true").to_string(),
        (_, "schedule") => "\"linear\"".into(),
        (_, "layers") => "\"2..5\"".into(),
        (_, "device") => "\"cuda:1\"".into(),
        (_, "group_size") => "32".into(),
        (_, "calibration") => "[\"a, b.txt\", \"demo:stories\"]".into(),
        (_, "eval" | "guard") => "\"held-out.txt\"".into(),
        (_, "session_cache" | "shard_size" | "memory_budget") => "12345678".into(),
        (_, "damping" | "ratio" | "first_ratio" | "last_ratio" | "stream_weight") => "0.25".into(),
        (Kind::List { .. }, _) => format!("[\"{}\"]", names.last().unwrap().0),
        (Kind::One, _) if names.is_empty() => "7".into(),
        (Kind::One, _) => format!("\"{}\"", names.iter().find(|(name, _)| *name != default).unwrap().0),
    };
    (format!("{} = {value}", setting.key), needs)
}

fn of_runs() -> impl Iterator<Item = &'static Setting> {
    table().filter(|setting| setting.scope != Scope::Launch)
}

#[test]
fn every_setting_is_read_printed_and_read_again() {
    for setting in of_runs() {
        let (line, needs) = other(setting);
        let given = options(&format!("{line}\n{needs}"));
        assert!(setting.is_given(&given), "{line}");
        let resolved = Settings::new(given).unwrap();
        assert_ne!(setting.value(&resolved), setting.value(&Settings::default()), "{line}");
        let printed = resolved.to_file(None);
        assert!(printed.lines().any(|printed| printed == line), "{line}: {printed}");
        assert_eq!(settings(&printed).unwrap(), resolved, "{line}");
        assert_eq!(Settings::new(resolved.options()).unwrap(), resolved, "{line}");
        let json = serde_json::to_string(&resolved).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), resolved, "{line}");
    }
}

#[test]
fn every_setting_is_merged() {
    for setting in table() {
        let (line, needs) = match setting.key {
            "model" | "session" | "events" => (format!("{} = \"x\"", setting.key), ""),
            _ => other(setting),
        };
        let given = options(&format!("{line}\n{needs}"));
        let strong = Options::default().or(given.clone());
        assert_eq!(strong, given, "{line}: taken from the weaker options");
        assert_eq!(given.clone().or(Options::default()), given, "{line}: kept");
        let mut cleared = given.clone();
        setting.clear(&mut cleared);
        assert!(!setting.is_given(&cleared), "{line}");
    }
}

#[test]
fn keys_are_unique_and_every_entry_is_explained() {
    let mut keys: Vec<&str> = table().map(|setting| setting.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), table().count());
    for setting in table() {
        assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "{}", setting.key);
        assert!(setting.kind == Kind::Switch || !setting.value_name.is_empty(), "{}", setting.key);
        let form = setting.form.and_then(|field| field.after);
        let named = setting.excludes.iter().chain(&setting.requires).chain(&setting.after).chain(&form);
        for other in named {
            assert!(keys.contains(other), "{}: names {other}", setting.key);
        }
    }
}

#[test]
fn the_settings_of_a_layer_exclude_those_without_effect_on_its_solve() {
    let base = Settings::default();
    for setting in of_runs() {
        let (line, needs) = other(setting);
        let changed = Settings::new(options(&format!("{line}\n{needs}"))).unwrap();
        let decides = match setting.scope {
            Scope::Layer | Scope::Method => true,
            Scope::Run | Scope::Machine | Scope::Launch => false,
        };
        assert_eq!(changed.of_layer() != base.of_layer(), decides, "{line}");
    }
}

#[test]
fn single_settings_override_a_preset() {
    let settings = settings("preset = \"paper\"\ngroup-size = \"exact\"").unwrap();
    assert_eq!(settings.solver.head_score, HeadScore::GroupedCholesky);
    assert_eq!(settings.solver.group_size, GroupSize::Exact);
}

#[test]
fn a_ratio_outside_zero_to_one_is_refused_by_name() {
    for ratio in ["-0.1", "1.0", "nan"] {
        let error = settings(&format!("ratio = {ratio}")).unwrap_err();
        assert!(error.starts_with("ratio:"), "{error}");
    }
    assert!(settings("first-ratio = 0.1\nlast-ratio = 1.5").unwrap_err().starts_with("last-ratio:"));
    assert!(settings("schedule = [0.1, 2.0]").unwrap_err().starts_with("schedule, layer 1:"));
}

#[test]
fn the_ends_of_a_stronger_source_replace_the_mean_of_a_weaker_one() {
    let file = options("first-ratio = 0.1\nlast-ratio = 0.3");
    let both = options("ratio = 0.5").or(file.clone());
    assert_eq!(Settings::new(both).unwrap().span(), Span::Mean(0.5));
    let both = file.or(options("ratio = 0.5"));
    assert_eq!(Settings::new(both).unwrap().span(), Span::Ends { first: 0.1, last: 0.3 });
}

#[test]
fn one_ratio_per_layer_and_a_mean_replace_each_other() {
    let (custom, mean) = (options("schedule = [0.1, 0.2]"), options("ratio = 0.5"));
    let schedule = Schedule::Custom(vec![LayerRatio::both(0.1), LayerRatio::both(0.2)]);
    assert_eq!(Settings::new(custom.clone().or(mean.clone())).unwrap().ratios.schedule, schedule);
    let settings = Settings::new(mean.or(custom)).unwrap();
    assert_eq!((settings.ratios.schedule.clone(), settings.span()), (Schedule::Auto, Span::Mean(0.5)));
}

#[test]
fn a_session_may_store_no_layer_inputs_but_a_run_needs_memory() {
    assert!(settings("session-cache = 0").is_ok());
    let error = settings("memory-budget = 0").unwrap_err();
    assert!(error.starts_with("memory-budget:"), "{error}");
}
