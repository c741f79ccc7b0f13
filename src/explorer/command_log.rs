//! What was done in the explorer, as `slimgpt` commands that do the same without a screen.
//!
//! The commands name the session by the shell variable `SESSION`, so together they are a script.

mod attempts;

use std::path::Path;

use crate::{
    config::{self, Evaluation, Scope, Settings},
    protocol::{
        self, Attempt, Command, Control, Event, Job, Label, LayerPart, Method, Methods, OnCancel,
        RestoredLayer, Stamped, job,
    },
    prune::{LayerRatio, Part, Schedule},
    words::{self, quoted, session_argument},
};

use self::attempts::Attempts;
use super::{JobKind, State};

/// The session in a command of the log.
const SESSION: &str = "\"$SESSION\"";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandLog {
    /// The argument that names the model; None for the built-in model.
    model: Option<String>,
    lines: Vec<Line>,
    attempts: Attempts,
    /// True if the session existed before the log.
    restored: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Line {
    /// The job that the command starts; None for a comment and for other commands.
    job: Option<u64>,
    text: String,
}

/// How a job ended that did not finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unfinished {
    Cancelled,
    Failed,
}

impl CommandLog {
    pub fn new(model: Option<String>) -> Self {
        Self { model, ..Self::default() }
    }

    /// An earlier log with the attempts of this one: a recording was played again up to another place.
    pub fn with_attempts_for(self, earlier: Self) -> Self {
        Self { attempts: self.attempts, ..earlier }
    }

    /// The commands with the name of the session.
    pub fn lines(&self, session: Option<&str>) -> Vec<String> {
        let name = session.unwrap_or("SESSION");
        self.lines.iter().map(|line| line.text.replace(SESSION, name)).collect()
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
            script += &line.text;
            script.push('\n');
        }
        script
    }

    fn push(&mut self, job: Option<u64>, words: &[String]) {
        self.lines.push(Line { job, text: words.join(" ") });
    }

    fn comment(&mut self, text: &str) {
        self.lines.push(Line { job: None, text: format!("# {}", text.replace('\n', " ")) });
    }

    /// True if the session has a run before the next command.
    fn has_run(&self) -> bool {
        self.restored || self.lines.iter().any(|line| line.job.is_some())
    }

    /// Makes the command of a job that changed nothing a comment.
    fn leave_out(&mut self, job: u64, how: Unfinished) {
        for line in self.lines.iter_mut().filter(|line| line.job == Some(job)) {
            let how = match how {
                Unfinished::Cancelled => "Cancelled",
                Unfinished::Failed => "Failed",
            };
            // A text in the command may have several lines.
            *line = Line { job: None, text: format!("# {how}: {}", line.text.replace('\n', "\n# ")) };
        }
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
        Command::Start { run, job, .. } => start(state, *run, job),
        Command::Control { control: Control::Replan(_), .. } => {
            comment(state, "Ratios of layers not yet pruned were changed during the run above.");
        }
        Command::Control { control: Control::SkipDense, .. } => {
            comment(state, "The perplexity of the dense model was left out of the job above.");
        }
        Command::Control {
            // The end of a cancelled job is its event.
            control:
                Control::Cancel
                | Control::Pause
                | Control::Resume
                | Control::Step
                | Control::SetPace(_),
            ..
        }
        | Command::SaveDraft { .. }
        // The session is named here once it is open.
        | Command::Reopen { .. }
        | Command::ReplaySpeed(_)
        | Command::ReplaySeek(_) => {}
        Command::Activate(choices) => {
            for &(layer, attempt) in choices {
                choose(state, layer, attempt);
            }
        }
        Command::Label(label) => named(state, "The session", label),
    }
}

/// Adds a comment for a name that is given to a session that is not open.
pub fn note_label(state: &mut State, path: &Path, label: &Label) {
    named(state, &format!("Session {}", words::session_name(path)), label);
}

fn named(state: &mut State, session: &str, label: &Label) {
    let Label { name, note } = label;
    comment(state, &format!("{session} was named \"{name}\", with the note \"{note}\"."));
}

/// Follows the results of jobs. It is called before the event changes the state.
pub fn follow(state: &mut State, stamped: &Stamped) {
    let Stamped { run, at: _, event } = stamped;
    if let Event::LayerDone { record, attempt } = event {
        state.commands.attempts.done(*run, record.index, attempt);
    }
    if let Event::JobCancelled = event {
        ended(state, *run, Unfinished::Cancelled);
    }
    if let Event::JobFailed { .. } = event {
        ended(state, *run, Unfinished::Failed);
    }
    if let Event::SessionRestored { session } = event {
        if state.sessions.reopening.is_some() {
            let argument = session_argument(state.sessions.root.as_deref(), &session.path);
            state.commands.push(None, &[format!("SESSION={argument}")]);
        }
        let attempts = |layer: &RestoredLayer| -> Vec<Attempt> {
            layer.attempts.iter().map(|restored| restored.attempt.clone()).collect()
        };
        state.commands.attempts = Attempts::of_session(session.layers.iter().map(attempts).collect());
        state.commands.restored = true;
    }
}

/// Handles the end of a job that did not finish.
fn ended(state: &mut State, run: u64, how: Unfinished) {
    let Some(job) = state.jobs.queue.iter().find(|job| job.run == run) else { return };
    let kept = match (&job.before, how) {
        // The command finishes the run; then nothing is left for a command that goes on with it.
        (Some(before), Unfinished::Cancelled) => before.on_cancel == OnCancel::KeepFinished,
        (Some(_), Unfinished::Failed) => job.layers_done > 0,
        (None, _) => false,
    };
    if job.kind == JobKind::Run && !kept {
        state.commands.attempts.forget(run);
    }
    match (kept, how) {
        (false, how) => state.commands.leave_out(run, how),
        (true, Unfinished::Cancelled) => {
            comment(state, "The run above was cancelled; the command finishes it.");
            let active: Vec<Option<usize>> = state.layers.iter().map(|layer| layer.chosen).collect();
            state.commands.attempts.finish(run, &active);
        }
        (true, Unfinished::Failed) => comment(state, "The run above failed."),
    }
}

fn comment(state: &mut State, text: &str) {
    state.commands.comment(text);
}

fn on_session(state: &mut State, job: Option<u64>, command: &str, words: impl IntoIterator<Item = String>) {
    let words = words.into_iter().map(|word| quoted(&word));
    let line: Vec<String> =
        ["slimgpt".into(), command.into(), SESSION.into()].into_iter().chain(words).collect();
    state.commands.push(job, &line);
}

/// Activates an attempt by its number in the script.
fn choose(state: &mut State, layer: usize, attempt: Option<usize>) {
    let number = match attempt {
        None => "none".into(),
        Some(attempt) => match state.commands.attempts.in_script(layer, attempt) {
            Some(number) => number.to_string(),
            None => {
                let text = format!(
                    "Layer {layer}: attempt {attempt} was activated; it is from a cancelled run, so no command makes it."
                );
                return comment(state, &text);
            }
        },
    };
    let words = ["--layer".into(), layer.to_string(), "--attempt".into(), number];
    on_session(state, None, "choose", words);
}

fn start(state: &mut State, number: u64, job: &Job) {
    let started = Some(number);
    match job {
        Job::Run(run) => prune(state, number, run),
        Job::Search(_) => {
            comment(state, "Ratios were searched; a run with --schedule auto searches them too.")
        }
        Job::Retry(job::Retry { layer, method }) => {
            let words = retry(state, *layer, method);
            on_session(state, started, "retry", words);
        }
        Job::ErrorCurve(job::ErrorCurve { layer, part, method: _ }) => {
            let words = ["--layer".into(), layer.to_string(), "--part".into(), part.to_string()];
            on_session(state, started, "curve", words);
        }
        Job::CompareStreams(job::CompareStreams { dense_part }) => {
            let of = |LayerPart { layer, part }: &LayerPart| {
                ["--layer".into(), layer.to_string(), "--dense".into(), part.to_string()]
            };
            let words = dense_part.iter().flat_map(of);
            on_session(state, started, "errors", words);
        }
        Job::CompareAttempts(job::CompareAttempts { layer, attempts, windows }) => {
            let attempts: Vec<String> = attempts.iter().map(usize::to_string).collect();
            let words = ["--layer".into(), layer.to_string(), "--attempts".into(), attempts.join(",")];
            let words = words.into_iter().chain(["--windows".into(), windows.to_string()]);
            on_session(state, started, "errors", words);
        }
        Job::RecordSteps(job::RecordSteps { layer, part, method: _ }) => {
            comment(
                state,
                &format!("The steps of {part} in layer {layer} were recorded for the algorithm view."),
            );
        }
        Job::MeasurePerplexity(job::MeasurePerplexity { evaluation }) => {
            let words = perplexity(state, evaluation);
            on_session(state, started, "perplexity", words);
        }
        Job::Generate(job::Generate { prompt }) => {
            let protocol::Prompt { text, max_tokens, temperature, seed } = prompt;
            let words = [
                ("--prompt", text.clone()),
                ("--max-tokens", max_tokens.to_string()),
                ("--temperature", temperature.to_string()),
                ("--seed", seed.to_string()),
            ];
            on_session(
                state,
                started,
                "texts",
                words.into_iter().flat_map(|(flag, value)| [flag.into(), value]),
            );
        }
        Job::Export(job::Export { form, out, force }) => {
            let settings = Settings { output: form.clone(), ..Settings::default() };
            let mut words = vec!["--out".to_string(), out.display().to_string()];
            words.extend(force.then(|| "--force".to_string()));
            words.extend(settings.arguments());
            on_session(state, started, "export", words);
        }
    }
}

/// A run: the first one begins the session, and the others prune in it again.
fn prune(state: &mut State, number: u64, run: &job::Run) {
    let again = match run.methods {
        _ if !state.commands.has_run() => None,
        Methods::OfRun => Some("all"),
        Methods::AsTuned => Some("rest"),
    };
    let mut line = vec!["slimgpt".to_string(), "prune".into()];
    line.extend(state.commands.model.iter().map(|model| quoted(model)));
    line.extend(["--session".into(), SESSION.into(), "--no-export".into()]);
    line.extend(again.into_iter().flat_map(|layers| ["--again".into(), layers.into()]));
    line.extend(run.settings.arguments().iter().map(|word| quoted(word)));
    if let Schedule::Custom(ratios) = &run.settings.ratios.schedule {
        let ratios: Vec<String> = ratios.iter().map(LayerRatio::to_string).collect();
        line.extend(["--schedule".into(), "/dev/stdin".into()]);
        line.insert(0, format!("printf '%s\\n' {} |", ratios.join(" ")));
    }
    let planned = |(layer, &ratio): (usize, &LayerRatio)| match run.methods {
        Methods::OfRun => Method::of_run(&run.settings, ratio),
        Methods::AsTuned => Method { ratio, ..state.method(layer) },
    };
    let planned = run.ratios.iter().enumerate().map(planned).collect();
    state.commands.attempts.plan(number, run.from, planned);
    state.commands.push(Some(number), &line);
}

/// The arguments of a measured perplexity. The command takes what is not given from the last run, so switches that
/// the settings turn on are also turned off.
fn perplexity(state: &State, evaluation: &Evaluation) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    words.extend(evaluation.text.iter().flat_map(|text| ["--text".to_string(), text.to_string()]));
    words.extend(["--seq-len".into(), evaluation.seq_len.to_string()]);
    let windows = evaluation.windows.map(|windows| ["--windows".to_string(), windows.to_string()]);
    words.extend(windows.into_iter().flatten());
    let settings = Settings { evaluation: evaluation.clone(), ..Settings::default() };
    let differs = |setting: &&config::Setting| {
        let text = setting.text(&settings);
        text != setting.text(&state.settings) || text != setting.text(&Settings::default())
    };
    let same_name = config::table().filter(|setting| match setting.key {
        "eval_seed" => evaluation.windows.is_some(),
        "eval_kl" | "bos" => true,
        _ => false,
    });
    words.extend(same_name.filter(differs).flat_map(|setting| setting.arguments(&settings)));
    words
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
