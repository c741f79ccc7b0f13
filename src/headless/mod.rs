//! The engine without a screen: progress on stderr, results on stdout, an exit code.

mod face;
mod inspect;
mod run;
mod table;

use std::{
    io::{ErrorKind, Write, stderr, stdout},
    ops::ControlFlow,
};

use crate::{
    engine::{self, Error, Evaluate, Evaluation, Generate, PruneRun},
    protocol::RunRecord,
    recording::Recorder,
};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Text,
    Json,
}

/// Prunes and prints the table of the layers, or `run.json`.
pub fn prune(job: PruneRun, output: Output, mut recorder: Option<Recorder>) -> Result<(), Error> {
    let out = job.out.clone();
    let record = run::drive(move |control| engine::prune(job, control), recorder.as_mut())?;
    match output {
        Output::Json => print_json(&record)?,
        Output::Text => print_record(&record, &out.display().to_string())?,
    }
    Ok(recorder.map_or(Ok(()), Recorder::finish)?)
}

pub fn evaluate(job: Evaluate, output: Output) -> Result<(), Error> {
    let result = run::drive(move |control| engine::evaluate(&job, control), None)?;
    match output {
        Output::Json => print_json(&result),
        Output::Text => print_evaluation(&result),
    }
}

/// Prints the prompt and what follows it, as it is made; the speed goes to stderr.
pub fn generate(job: Generate) -> Result<(), Error> {
    let prompt = job.prompt.clone();
    let made = run::drive(
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
    )?;
    let rate = made.tokens as f64 / made.seconds.max(1e-9);
    say(&format!("{} tokens in {:.1} s, {rate:.1} tokens/s", made.tokens, made.seconds));
    Ok(())
}

pub use inspect::inspect;

/// A line to stderr. Nobody reading it is no reason to end.
pub fn say(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

/// A result that is text already.
pub fn print_text(text: &str) -> Result<(), Error> {
    print(text).map(drop)
}

fn print_record(record: &RunRecord, out: &str) -> Result<(), Error> {
    print(&format!("{}\n{}Written to {out}\n", table::layers(record), table::summary(record))).map(drop)
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
