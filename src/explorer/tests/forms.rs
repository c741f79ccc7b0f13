//! Every form, submitted unchanged and with every choice: a form reads exactly the fields it was made with.

use super::{
    Script,
    comparing::{content, summary},
};
use crate::{
    explorer::{Dialog, Form, FormKind, State, Value, dialogs::form::forms, picture},
    protocol::{Label, SessionContent, SessionSummary},
    prune::Part,
};

/// Opens a form.
type Opener = fn(&State) -> Result<Form, String>;

/// The opener of a form kind, and the next kind; None after the last.
fn opening(kind: FormKind) -> (Opener, Option<FormKind>) {
    match kind {
        FormKind::Shape => (forms::shape, Some(FormKind::Ratio { layer: 0 })),
        FormKind::Ratio { .. } => (forms::ratio, Some(FormKind::Renormalise)),
        FormKind::Renormalise => {
            (forms::renormalise, Some(FormKind::Retry { layer: 0, part: Part::Attention }))
        }
        FormKind::Retry { .. } => (forms::retry, Some(FormKind::Settings)),
        FormKind::Settings => (forms::settings, Some(FormKind::Columns)),
        FormKind::Columns => (forms::columns, Some(FormKind::Prompt)),
        FormKind::Prompt => (forms::prompt, Some(FormKind::Measure)),
        FormKind::Measure => (forms::measure, Some(FormKind::Export)),
        FormKind::Export => {
            (forms::export, Some(FormKind::Picture { figure: crate::explorer::Figure::Ratios }))
        }
        FormKind::Picture { .. } => (picture::form, Some(FormKind::Label)),
        FormKind::Label => (label, None),
    }
}

fn label(_: &State) -> Result<Form, String> {
    let label = Label { name: "baseline".into(), note: "before the search".into() };
    let content = Some(SessionContent { label, ..content(5.0) });
    Ok(forms::label(&SessionSummary { content, ..summary("tiny", 5.0) }))
}

#[test]
fn every_form_can_be_submitted_with_every_choice() {
    let start = Script::pruned(2).state;
    let mut next = Some(FormKind::Shape);
    while let Some(kind) = next {
        let open;
        (open, next) = opening(kind);
        let form = open(&start).unwrap();
        assert_eq!(std::mem::discriminant(&form.kind), std::mem::discriminant(&kind), "{kind:?}");
        for at in 0..form.fields.len() {
            let values = match &form.fields[at].value {
                Value::Text(_) => 1,
                Value::Choice { options, .. } => options.len(),
                Value::Switch(_) => 2,
            };
            for turns in 0..values {
                let mut form = Form { at, ..form.clone() };
                (0..turns).for_each(|_| form.turn(1));
                let tried = format!("{} with {:?}", form.title, form.fields[at]);
                let mut script = Script::pruned(2);
                script.state.dialogs.push(Dialog::Form(form));
                script.keys("enter");
                assert_eq!((script.form_error(), script.state.dialogs.len()), (None, 0), "{tried}");
            }
        }
    }
}

#[test]
fn a_retry_suggests_the_shown_part_if_the_ratios_of_the_parts_differ() {
    let mut script = Script::pruned(2);
    let suggested = |script: &Script| ["ratio", "parts"].map(|label| script.form_text(label));
    script.keys("2 home right r");
    assert_eq!(suggested(&script)[1], "both");
    script.keys("esc");
    script.state.schedule.ratios[0] = "0.1/0.5".parse().unwrap();
    script.keys("r");
    assert_eq!(suggested(&script), ["0.5", "mlp"]);
    script.keys("esc left r");
    assert_eq!(suggested(&script), ["0.1", "attention"]);
    script.keys("esc 1 r");
    assert_eq!(suggested(&script), ["0.1/0.5", "both"]);
}

#[test]
fn after_the_settings_the_key_that_starts_a_run_is_told() {
    let mut script = Script::opened(2);
    script.keys("o enter");
    assert_eq!(script.notice(), "The next run uses these settings; s starts it");
}

#[test]
fn the_first_character_replaces_the_suggestion_in_every_form() {
    let start = Script::pruned(2).state;
    let mut replaced = Vec::new();
    let mut next = Some(FormKind::Shape);
    while let Some(kind) = next {
        let open;
        (open, next) = opening(kind);
        let form = open(&start).unwrap();
        for at in 0..form.fields.len() {
            let Value::Text(suggested) = &form.fields[at].value else { continue };
            if suggested.text().is_empty() {
                continue;
            }
            let mut script = Script::pruned(2);
            script.state.dialogs.push(Dialog::Form(Form { at, ..form.clone() }));
            script.keys("7 x");
            let Some(Dialog::Form(typed)) = script.state.dialogs.last() else { panic!("the form is open") };
            let Value::Text(text) = &typed.fields[at].value else { panic!("the field is a text") };
            assert_eq!(text.text(), "7x", "{}: {}", form.title, form.fields[at].label);
            replaced.push(std::mem::discriminant(&kind));
        }
    }
    let some = [FormKind::Retry { layer: 0, part: Part::Attention }, FormKind::Settings, FormKind::Export];
    for kind in some.into_iter().chain([FormKind::Label, FormKind::Ratio { layer: 0 }, FormKind::Prompt]) {
        assert!(replaced.contains(&std::mem::discriminant(&kind)), "{kind:?} suggests nothing");
    }
}
