//! Help, palette, filters, forms and questions.

use super::Script;
use crate::{
    calibration::TextSource,
    explorer::{Dialog, Effect, Explain, FieldId, Level, Msg, Origin, Palette, Screen},
    failure::Advice,
    protocol::{Command, Event, Job, job},
    prune::GroupSize,
};

#[test]
fn the_palette_performs_the_chosen_entry() {
    let mut script = Script::opened(12);
    script.keys(":");
    script.text("error curve");
    script.keys("enter");
    assert!(matches!(script.command(), Command::Start { job: Job::ErrorCurve(_), .. }));
    script.keys(":");
    script.text("layer 11");
    script.keys("enter");
    assert_eq!((script.state.layer, script.state.screen), (11, Screen::Layer));
    script.keys(":");
    script.text("theme light");
    script.keys("enter");
    assert_eq!(script.state.interface.theme, 1);
    script.keys(":");
    script.text("no such thing");
    script.keys("enter");
    assert!(script.notice().contains("no such thing"));
}

#[test]
fn keys_type_characters_in_a_text() {
    let mut script = Script::opened(2);
    script.keys(": q s");
    assert!(script.effects.is_empty());
    assert!(
        matches!(script.state.dialogs.last(), Some(Dialog::Palette(Palette { input, .. })) if input.text() == "qs")
    );
    script.keys("esc");
    assert!(script.state.dialogs.is_empty());
}

#[test]
fn ctrl_z_suspends_in_any_dialog() {
    let mut script = Script::opened(2);
    script.keys(": ctrl-z");
    assert_eq!(script.effects, [Effect::Suspend]);
}

#[test]
fn a_filter_applies_while_it_is_typed_and_esc_clears_it() {
    let mut script = Script::pruned(4);
    script.state.schedule.set(2, None, 0.9);
    script.keys("/");
    script.text("stale");
    assert_eq!(script.state.listed_layers(), [2]);
    script.keys("enter");
    assert_eq!(script.state.listed_layers(), [2], "kept after Enter");
    script.keys("down");
    assert_eq!(script.state.layer, 2);
    script.keys("esc");
    assert_eq!(script.state.listed_layers().len(), 4);
    script.keys("/ x esc");
    assert_eq!(script.state.screens.layers.filter, "");
}

#[test]
fn the_log_is_filtered_by_words_and_by_level() {
    let mut script = Script::pruned(2);
    script.handle(0, Event::Warning { message: "careful".into() });
    script.keys("6");
    let all = script.state.listed_log().count();
    script.keys("v");
    let info = script.state.listed_log().count();
    assert!(info < all && script.state.screens.log.least == Level::Info);
    script.keys("v");
    assert_eq!(script.state.listed_log().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), ["careful"]);
    script.keys("v v /");
    script.text("LAYER 1");
    assert!(script.state.listed_log().all(|entry| entry.text.contains("ayer 1")));
}

#[test]
fn the_log_follows_the_newest_until_the_cursor_is_moved() {
    let mut script = Script::pruned(2);
    script.keys("6");
    assert_eq!(script.state.screens.log.cursor, None);
    script.keys("up");
    assert!(script.state.screens.log.cursor.is_some());
    script.keys("end");
    assert_eq!(script.state.screens.log.cursor, None);
}

#[test]
fn settings_are_checked_before_they_are_used() {
    let mut script = Script::opened(2);
    script.keys("o");
    script.field("damping");
    script.retype("7");
    script.keys("enter");
    assert!(script.form_error().unwrap().contains("damping"));
    script.retype("0.05");
    script.field("group size");
    script.retype("exact");
    script.field("samples");
    script.retype("0");
    script.keys("enter");
    assert!(script.form_error().unwrap().contains("samples"));
    script.retype("16");
    script.field("track errors");
    script.keys("right");
    script.keys("enter");
    let settings = &script.state.settings;
    assert_eq!(
        (settings.solver.damping, settings.calibration.samples, settings.solver.group_size),
        (0.05, 16, GroupSize::Exact)
    );
    assert!(settings.evaluation.track_errors.is_on());
}

#[test]
fn an_export_reports_its_directory_and_size() {
    let mut script = Script::pruned(2);
    script.keys("E");
    assert_eq!(script.form_text("directory"), "slim-tiny");
    script.field("directory");
    script.retype("");
    script.keys("enter");
    assert!(script.form_error().is_some());
    script.retype("out");
    script.keys("enter");
    let Command::Start { run, job: Job::Export(job::Export { out, force: false, .. }), .. } =
        script.command().clone()
    else {
        panic!()
    };
    assert_eq!(out, std::path::Path::new("out"));
    script.handle(run, Event::ExportWritten { path: out, bytes: 2048 });
    script.handle(run, Event::JobDone);
    assert!(script.notice().contains("Wrote out (2.0 KiB)"));
}

#[test]
fn editing_the_prompt_generates_from_it() {
    let mut script = Script::opened(2);
    script.keys("5 e");
    script.retype("The fox ");
    script.keys("enter");
    match script.command() {
        Command::Start { job: Job::Generate(job::Generate { prompt, .. }), .. } => {
            assert_eq!(prompt.text, "The fox ", "a trailing blank is significant")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn perplexity_is_measured_on_the_given_text() {
    let mut script = Script::opened(2);
    script.keys("5 m");
    script.retype("mine.txt");
    script.field("seq-len");
    script.retype("1");
    script.keys("enter");
    assert!(script.form_error().unwrap().contains("seq-len"));
    script.retype("64");
    script.keys("enter");
    match script.command() {
        Command::Start { job: Job::MeasurePerplexity(job::MeasurePerplexity { evaluation }), .. } => {
            assert_eq!(evaluation.text.as_ref().map(TextSource::to_string).as_deref(), Some("mine.txt"));
            assert_eq!((evaluation.seq_len, evaluation.bos), (64, false));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn explain_stays_open_while_the_focus_moves() {
    let mut script = Script::opened(2);
    script.keys("2 i f");
    assert_eq!(script.state.dialogs, [Dialog::Explain(Explain)]);
    assert_ne!(script.state.focused(), Screen::Layer.panels()[0]);
    script.keys("esc");
    assert!(script.state.dialogs.is_empty());
    assert_eq!(script.state.screen, Screen::Layer, "Esc goes one step back, not two");
}

#[test]
fn copied_text_can_be_read_by_other_programs() {
    let mut script = Script::pruned(2);
    script.keys("y");
    let [Effect::Copy(text)] = &script.effects[..] else { panic!() };
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().nth(1).unwrap().starts_with("0,"));
    assert_eq!(
        text.lines().next().unwrap().split(',').count(),
        text.lines().nth(2).unwrap().split(',').count()
    );
    script.keys("3 y");
    let [Effect::Copy(text)] = &script.effects[..] else { panic!() };
    let ratios: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(script.state.schedule.ratios, ratios);
    script.keys("5 y");
    assert!(script.effects.is_empty() && script.notice().contains("nothing to copy"));
}

#[test]
fn a_failed_export_reopens_its_form_with_the_reason() {
    let mut script = Script::pruned(2);
    script.keys("E");
    script.field("directory");
    script.retype("there");
    script.keys("enter");
    let run = script.run();
    script.handle(
        run,
        Event::JobFailed {
            message: "output there: it already exists".into(),
            advice: Some(Advice::ReplaceOutput),
        },
    );
    assert_eq!(
        script.form_error().as_deref(),
        Some("output there: it already exists; choose another path, or turn on \"replace\"")
    );
    assert_eq!(script.form_text("directory"), "there");
}

#[test]
fn the_explanation_shows_the_formula_of_the_current_score() {
    use crate::prune::HeadScore;
    let mut script = Script::opened(1);
    script.keys("2");
    let formula = |script: &Script| (script.state.focused().explain)(&script.state).formula[0];
    assert!(formula(&script).contains("‖W_c L⁻ᵀ‖²"));
    script.state.settings.solver.head_score = HeadScore::Diagonal;
    assert!(formula(&script).contains("/ P_jj"));
    script.state.settings.solver.head_score = HeadScore::GroupedCholesky;
    assert!(formula(&script).contains("/ L_jj²"));
}

#[test]
fn a_notice_says_which_job_waits_for_which() {
    let mut script = Script::opened(2);
    script.keys("s c");
    assert_eq!(script.notice(), "error curve waits until pruning is done");
}

#[test]
fn the_first_character_replaces_what_a_form_suggests_unless_the_cursor_moved() {
    let typed = |keys: &str, text: &str| {
        let mut script = Script::opened(4);
        script.keys("e");
        script.keys(keys);
        script.text(text);
        let Some(Dialog::Form(form)) = script.state.dialogs.last() else { panic!("a form is open") };
        form.text(FieldId::Ratio).unwrap().to_string()
    };
    let suggested = typed("home", "");
    assert_eq!(typed("up", "0.35"), "0.35");
    assert_eq!(typed("end", "1"), format!("{suggested}1"));
    assert_eq!(typed("backspace", "0.1"), "0.1");
    let mut script = Script::opened(4);
    script.keys("e");
    script.send(Msg::Paste("0.4".into()));
    script.keys("enter");
    assert_eq!(script.state.schedule.ratios[0].mean(), 0.4);
}

/// Types a text after keys that are refused a dialog, key by key, and expects that nothing else happens.
fn typed_at_a_refusal(script: &mut Script, keys: &str) {
    script.keys(keys);
    let Some(Dialog::Refusal(refusal)) = script.state.dialogs.last() else {
        panic!("after {keys}: {:?}", script.state.dialogs)
    };
    assert!(!refusal.why.is_empty(), "after {keys}");
    let seen = |script: &Script| {
        let state = &script.state;
        (state.screen, state.layer, state.schedule.clone(), state.jobs.clone(), state.dialogs.clone())
    };
    let before = seen(script);
    for key in "0 . 2 5 q s 1".split(' ') {
        script.keys(key);
        assert!(script.effects.is_empty(), "{key} after {keys}: {:?}", script.effects);
        assert_eq!(seen(script), before, "{key} after {keys}");
    }
    script.keys("enter");
    assert!(script.state.dialogs.is_empty(), "after {keys}");
}

#[test]
fn what_is_typed_for_a_dialog_that_does_not_open_never_acts_on_the_screen() {
    let mut script = Script::unopened(Origin::Live { model: "tiny".into() });
    let openers =
        ["1 e", "1 d", "1 o", "1 E", "1 r", "2 r", "3 e", "3 d", "3 N", "4 r", "4 m", "5 m", "1 p", "2 p"];
    for keys in openers {
        typed_at_a_refusal(&mut script, keys);
    }
    let mut script = Script::opened(3);
    script.keys("s");
    for keys in ["1 r", "2 r", "4 r"] {
        typed_at_a_refusal(&mut script, keys);
    }
    let mut script = Script::opened(3);
    for keys in ["1 G r", "2 r"] {
        typed_at_a_refusal(&mut script, keys);
    }
}

#[test]
fn a_gguf_type_without_a_gguf_file_is_reported() {
    let mut script = Script::pruned(2);
    script.keys("E");
    script.field("gguf weights");
    script.keys("right enter");
    assert!(script.state.dialogs.is_empty());
    assert!(script.notice().contains("has no effect"), "{}", script.notice());
}
