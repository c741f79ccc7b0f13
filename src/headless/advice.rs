//! Advice on errors, in terms of flags and commands.

use crate::{calibration::TextSource, failure::Advice, words::quoted};

/// The next step on the command line.
pub fn advice(advice: &Advice) -> String {
    match advice {
        Advice::ReplaceOutput => "choose another --out, or replace it with --force".into(),
        Advice::OtherOutput => "choose another --out".into(),
        Advice::OtherSession => "choose another --session".into(),
        Advice::ResumeSession(dir) => {
            let session = quoted(&dir.to_string_lossy());
            format!("continue it with `slimgpt resume {session}`, or choose another --session")
        }
        Advice::ListSessions => "see `slimgpt sessions list`".into(),
        Advice::RemoveSession(dir) => {
            let session = quoted(&dir.to_string_lossy());
            format!("remove it with `slimgpt sessions remove {session}`, and run again")
        }
        Advice::LocateModel => "give its current path with --model".into(),
        Advice::NameCalibration => format!(
            "name one with --calibration FILE (plain text, JSON lines with \"text\", Alpaca JSON), or use {}",
            TextSource::DemoStories
        ),
        Advice::NameEvaluationText => {
            format!("name one with --text FILE, or use {}", TextSource::DemoHeldOut)
        }
        Advice::GivePrompt => "give one with --prompt TEXT".into(),
        Advice::OtherEventsFile => "choose another file with --events".into(),
        Advice::GiveRecording => "give a complete file that a run has written with --events FILE".into(),
    }
}
