//! Advice on errors, in terms of the explorer's dialogs.

use crate::failure::Advice;

/// The next step in the explorer; None if there is none.
pub fn advice(advice: &Advice) -> Option<&'static str> {
    match advice {
        Advice::ReplaceOutput => Some("choose another path, or turn on \"replace\""),
        Advice::OtherOutput => Some("choose another path"),
        Advice::OtherSession => Some("choose another session directory"),
        Advice::ResumeSession(_) => Some("open it from the list of sessions"),
        Advice::ListSessions => Some("see the list of sessions"),
        Advice::RemoveSession(_) => Some("remove it in the list of sessions"),
        Advice::LocateModel => Some("move the model back to its path"),
        Advice::NameCalibration => Some("name one in the settings"),
        Advice::NameEvaluationText => Some("name one in the settings"),
        Advice::GivePrompt => Some("enter one"),
        Advice::OtherEventsFile | Advice::GiveRecording => None,
    }
}
