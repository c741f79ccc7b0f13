//! Every form, submitted unchanged and with every choice: a form reads exactly the fields it was made with.

use super::Script;
use crate::{
    explorer::{Dialog, Form, FormKind, State, Value, dialogs::form::forms, picture},
    protocol::{SessionStatus, SessionSummary},
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
    let (path, status) = ("/state/sessions/tiny".into(), SessionStatus::Finished);
    let session =
        SessionSummary { path, name: "tiny".into(), bytes: 1, status, killed: false, content: None };
    Ok(forms::label(&session))
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
