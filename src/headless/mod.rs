//! The engine without a screen: progress on stderr, results on stdout, an exit code.

mod columns;
mod inspect;
mod on_session;
mod progress;
mod run;
mod sessions;
mod sweep;
mod table;
mod words;

use std::{
    io::{ErrorKind, Write, stderr, stdout},
    ops::ControlFlow,
    path::Path,
};

use crate::{
    engine::{self, Error, Evaluate, Evaluation, Generate, Generated, Logits, PruneRun},
    protocol::RunRecord,
    recording::Recorder,
};

pub use inspect::inspect;
pub use on_session::{choose, export, report, resume, retry};
pub use sessions::{
    Asking, Leave, compare as compare_sessions, list as list_sessions, prune_old as prune_old_sessions,
    remove as remove_sessions, show as show_session,
};

pub use sweep::{collect as collect_sweep, commands as sweep_commands, run as run_sweep};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Text,
    Json,
}

/// Prunes and prints the table of the layers, or `run.json`. `root` is where sessions lie.
pub fn prune(
    job: PruneRun,
    output: Output,
    mut recorder: Option<Recorder>,
    root: Option<&Path>,
) -> Result<(), Error> {
    let out = job.out.clone();
    let driven = run::drive(move |control| engine::prune(job, control), recorder.as_mut());
    let session = driven.session.clone();
    let record = on_session::or_how_to_go_on(driven, root)?;
    match output {
        Output::Json => print_json(&record)?,
        Output::Text => print_record(&record, out.as_deref())?,
    }
    if let (None, Some(session)) = (&out, session) {
        let name = words::argument(root, &session);
        say(&format!("No model was written: slimgpt export {name} --out DIR writes it."));
    }
    Ok(recorder.map_or(Ok(()), Recorder::finish)?)
}

pub fn evaluate(job: Evaluate, output: Output) -> Result<(), Error> {
    let result = run::drive(move |control| engine::evaluate(&job, control), None).result?;
    match output {
        Output::Json => print_json(&result),
        Output::Text => print_evaluation(&result),
    }
}

/// Writes logits to a file, and prints what it holds.
pub fn logits(job: Logits) -> Result<(), Error> {
    let out = job.out.clone();
    let written = run::drive(move |control| engine::logits(&job, control), None).result?;
    let [windows, tokens, vocab] = written.shape;
    print(&format!(
        "{}: logits of {windows} windows of {tokens} tokens of {}, {vocab} for each token, written to {}\n",
        written.model,
        written.text,
        out.display()
    ))
    .map(drop)
}

/// Prints what follows a prompt: as it is made, after the prompt, or as JSON with the tokens; the speed goes to stderr.
pub fn generate(job: Generate, output: Output) -> Result<(), Error> {
    let made = match output {
        Output::Json => {
            let silently = move |control: &mut engine::Control| {
                engine::generate(&job, control, &mut |_| ControlFlow::Continue(()))
            };
            let made = run::drive(silently, None).result?;
            print_json(&made)?;
            made
        }
        Output::Text => generate_aloud(job)?,
    };
    let (tokens, rate) = (made.tokens.len(), made.tokens.len() as f64 / made.seconds.max(1e-9));
    say(&format!("{tokens} tokens in {:.1} s, {rate:.1} tokens/s", made.seconds));
    Ok(())
}

/// Prints the text while it is made.
fn generate_aloud(job: Generate) -> Result<Generated, Error> {
    let prompt = job.prompt.clone();
    let driven = run::drive(
        move |control| {
            let mut first = Some(prompt);
            let mut told = Ok(Told::Heard);
            let made = engine::generate(&job, control, &mut |piece| {
                told = print(&(first.take().unwrap_or_default() + piece));
                match told {
                    Ok(Told::Heard) => ControlFlow::Continue(()),
                    Ok(Told::Gone) | Err(_) => ControlFlow::Break(()),
                }
            });
            told?;
            let made = made?;
            print(&(first.take().unwrap_or_default() + "\n"))?;
            Ok(made)
        },
        None,
    );
    driven.result
}

/// A line to stderr. Nobody reading it is no reason to end.
pub fn say(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

/// A result that is text already.
pub fn print_text(text: &str) -> Result<(), Error> {
    print(text).map(drop)
}

fn print_record(record: &RunRecord, out: Option<&Path>) -> Result<(), Error> {
    let out = out.map(|out| format!("Written to {}\n", out.display())).unwrap_or_default();
    print(&format!("{}\n{}{out}", table::layers(record), table::summary(record))).map(drop)
}

fn print_evaluation(result: &Evaluation) -> Result<(), Error> {
    let bos = if result.bos { "with" } else { "without" };
    let line = format!(
        "{}: perplexity {:.4} on {} ({} tokens in windows of {}, {bos} BOS)\n",
        result.model, result.perplexity, result.text, result.tokens, result.seq_len
    );
    print(&line).map(drop)
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::Stdout(e.into()))?;
    print(&(text + "\n")).map(drop)
}

/// Whether somebody still reads what is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Heard,
    Gone,
}

/// Writes to stdout. A reader that has gone away (`| head`) is no error.
fn print(text: &str) -> Result<Told, Error> {
    let mut stdout = stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Told::Heard),
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Ok(Told::Gone),
        Err(cause) => Err(Error::Stdout(cause)),
    }
}
