//! What was done in the explorer, as `slimgpt` commands that do the same without a screen.
//!
//! The commands name the session by the shell variable `SESSION`, so together they are a script.

use std::path::Path;

use crate::{
    config::{self, Scope, Settings},
    protocol::{self, Command, Control, Job, LayerPart, Method, Methods, job},
    prune::{LayerRatio, Part, Schedule},
    words::{quoted, session_argument},
};

use super::State;

/// The session in a command of the log.
const SESSION: &str = "\"$SESSION\"";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandLog {
    /// The argument that names the model; None for the built-in model.
    model: Option<String>,
    lines: Vec<String>,
    /// Number of new runs. Every one after the first needs a session of its own.
    runs: usize,
}

impl CommandLog {
    pub fn new(model: Option<String>) -> Self {
        Self { model, ..Self::default() }
    }

    /// The commands with the name of the session.
    pub fn lines(&self, session: Option<&str>) -> Vec<String> {
        let name = session.unwrap_or("SESSION");
        self.lines.iter().map(|line| line.replace(SESSION, name)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A shell script that does the same in a new session.
    pub fn script(&self) -> String {
        let mut script = String::from(
            "#!/bin/sh\n# Repeats what was done in the explorer, in the session given as the argument.\nset -eu\n\
             SESSION=${1:-./session}\n",
        );
        for line in &self.lines {
            script += line;
            script.push('\n');
        }
        script
    }

    fn push(&mut self, words: &[String]) {
        self.lines.push(words.join(" "));
    }
}

impl State {
    /// The argument that names the open session.
    pub fn session_argument(&self) -> Option<String> {
        let path: &Path = self.sessions.open.as_deref()?;
        Some(session_argument(self.sessions.root.as_deref(), path))
    }
}

/// Adds the commands that do what the engine is asked to do. Requests without effect on results, such as a pause, add
/// nothing.
pub fn note(state: &mut State, command: &Command) {
    match command {
        Command::Start { job, .. } => start(state, job),
        Command::Control { control: Control::Cancel, .. } => comment(state, "The job above was cancelled."),
        Command::Control { control: Control::Replan(_), .. } => {
            comment(state, "Ratios of layers not yet pruned were changed during the run above.");
        }
        Command::Control { control: Control::SkipDense, .. } => {
            comment(state, "The perplexity of the dense model was left out of the job above.");
        }
        Command::Control {
            control: Control::Pause | Control::Resume | Control::Step | Control::SetPace(_),
            ..
        }
        | Command::SaveDraft { .. }
        | Command::Label(_)
        | Command::ReplaySpeed(_)
        | Command::ReplaySeek(_) => {}
        Command::Activate(choices) => {
            for (layer, attempt) in choices {
                let attempt = attempt.map_or("none".into(), |attempt| attempt.to_string());
                let words = ["--layer".into(), layer.to_string(), "--attempt".into(), attempt];
                on_session(state, "choose", words);
            }
        }
        Command::Reopen { session } => {
            let argument = session_argument(state.sessions.root.as_deref(), session);
            state.commands.push(&[format!("SESSION={argument}")]);
        }
    }
}

fn comment(state: &mut State, text: &str) {
    state.commands.push(&[format!("# {text}")]);
}

fn on_session(state: &mut State, command: &str, words: impl IntoIterator<Item = String>) {
    let words = words.into_iter().map(|word| quoted(&word));
    let line: Vec<String> =
        ["slimgpt".into(), command.into(), SESSION.into()].into_iter().chain(words).collect();
    state.commands.push(&line);
}

fn start(state: &mut State, job: &Job) {
    match job {
        Job::Run(run) => match (run.from, run.methods) {
            (0, Methods::OfRun) => new_run(state, run),
            _ => rest_of_run(state, run),
        },
        Job::Search(_) => {
            comment(state, "Ratios were searched; a run with --schedule auto searches them too.")
        }
        Job::Retry(job::Retry { layer, method }) => {
            let words = retry(state, *layer, method);
            on_session(state, "retry", words);
        }
        Job::ErrorCurve(job::ErrorCurve { layer, part, method: _ }) => {
            let words = ["--layer".into(), layer.to_string(), "--part".into(), part.to_string()];
            on_session(state, "curve", words);
        }
        Job::CompareStreams(job::CompareStreams { dense_part }) => {
            let of = |LayerPart { layer, part }: &LayerPart| {
                ["--layer".into(), layer.to_string(), "--dense".into(), part.to_string()]
            };
            let words = dense_part.iter().flat_map(of);
            on_session(state, "errors", words);
        }
        Job::CompareAttempts(job::CompareAttempts { layer, attempts, windows }) => {
            let attempts: Vec<String> = attempts.iter().map(usize::to_string).collect();
            let words = ["--layer".into(), layer.to_string(), "--attempts".into(), attempts.join(",")];
            let words = words.into_iter().chain(["--windows".into(), windows.to_string()]);
            on_session(state, "errors", words);
        }
        Job::RecordSteps(job::RecordSteps { layer, part, method: _ }) => {
            comment(
                state,
                &format!("The steps of {part} in layer {layer} were recorded for the algorithm view."),
            );
        }
        Job::MeasurePerplexity(job::MeasurePerplexity { evaluation }) => {
            let mut words = Vec::new();
            words.extend(evaluation.text.iter().flat_map(|text| ["--text".to_string(), text.to_string()]));
            words.extend(["--seq-len".into(), evaluation.seq_len.to_string()]);
            let windows = evaluation.windows.map(|windows| ["--windows".to_string(), windows.to_string()]);
            words.extend(windows.into_iter().flatten());
            words.extend(evaluation.bos.then(|| "--bos".to_string()));
            on_session(state, "perplexity", words);
        }
        Job::Generate(job::Generate { prompt }) => {
            let protocol::Prompt { text, max_tokens, temperature, seed } = prompt;
            let words = [
                ("--prompt", text.clone()),
                ("--max-tokens", max_tokens.to_string()),
                ("--temperature", temperature.to_string()),
                ("--seed", seed.to_string()),
            ];
            on_session(state, "texts", words.into_iter().flat_map(|(flag, value)| [flag.into(), value]));
        }
        Job::Export(job::Export { form, out, force }) => {
            let settings = Settings { output: form.clone(), ..Settings::default() };
            let mut words = vec!["--out".to_string(), out.display().to_string()];
            words.extend(force.then(|| "--force".to_string()));
            words.extend(settings.arguments());
            on_session(state, "export", words);
        }
    }
}

/// A run of all layers with one method, in a new session.
fn new_run(state: &mut State, run: &job::Run) {
    state.commands.runs += 1;
    if state.commands.runs > 1 {
        let number = state.commands.runs;
        comment(state, "A command starts a run of all layers in a session of its own.");
        state.commands.push(&[format!("SESSION={SESSION}-{number}")]);
    }
    let mut line = vec!["slimgpt".to_string(), "prune".into()];
    line.extend(state.commands.model.iter().map(|model| quoted(model)));
    line.extend(["--session".into(), SESSION.into(), "--no-export".into()]);
    line.extend(run.settings.arguments().iter().map(|word| quoted(word)));
    if let Schedule::Custom(ratios) = &run.settings.ratios.schedule {
        let ratios: Vec<String> = ratios.iter().map(LayerRatio::to_string).collect();
        line.extend(["--schedule".into(), "/dev/stdin".into()]);
        line.insert(0, format!("printf '%s\\n' {} |", ratios.join(" ")));
    }
    state.commands.push(&line);
}

/// A run of stale and missing layers. Layers with another planned ratio are solved again first.
fn rest_of_run(state: &mut State, run: &job::Run) {
    for (layer, &planned) in run.ratios.iter().enumerate().skip(run.from) {
        let active = state.layers.get(layer).and_then(|layer| layer.active());
        if active.is_some_and(|result| result.attempt.method.ratio != planned) {
            let words = [
                "--layer".into(),
                layer.to_string(),
                "--ratio".into(),
                planned.to_string(),
                "--choose".into(),
            ];
            on_session(state, "retry", words);
        }
    }
    on_session(state, "resume", []);
}

/// The arguments of a retry: its ratio and parts, and what differs from the active attempt.
fn retry(state: &State, layer: usize, method: &Method) -> Vec<String> {
    let mut words =
        vec!["--layer".to_string(), layer.to_string(), "--ratio".into(), method.ratio.to_string()];
    if method.parts != [Part::Attention, Part::Mlp] {
        let parts: Vec<String> = method.parts.iter().map(Part::to_string).collect();
        words.extend(["--part".into(), parts.join(",")]);
    }
    let settings = |solver| Settings { solver, ..Settings::default() };
    let (before, after) = (settings(state.method(layer).solver), settings(method.solver));
    let of_method = config::table().filter(|setting| setting.scope == Scope::Method);
    for setting in of_method.filter(|setting| setting.text(&before) != setting.text(&after)) {
        words.extend(setting.arguments(&after));
    }
    words
}
