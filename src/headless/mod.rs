//! The engine without a screen: progress on stderr, results on stdout, an exit code.

mod face;
mod inspect;
mod recorder;
mod run;
mod table;

use std::{
    io::{Write, stdout},
    ops::ControlFlow,
};

use crate::{
    engine::{self, Error, Evaluate, Evaluation, Generate, PruneRun},
    protocol::RunRecord,
};

pub use recorder::Recorder;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Text,
    Json,
}

/// Prunes and prints the table of the layers, or `run.json`.
pub fn prune(job: PruneRun, output: Output, recorder: Option<Recorder>) -> Result<(), Error> {
    let out = job.out.clone();
    let record = run::drive(move |control| engine::prune(job, control), recorder)?;
    match output {
        Output::Json => print_json(&record),
        Output::Text => print_record(&record, &out.display().to_string()),
    }
    Ok(())
}

pub fn evaluate(job: Evaluate, output: Output) -> Result<(), Error> {
    let result = run::drive(move |control| engine::evaluate(&job, control), None)?;
    match output {
        Output::Json => print_json(&result),
        Output::Text => print_evaluation(&result),
    }
    Ok(())
}

/// Prints the prompt and what follows it, as it is made; the speed goes to stderr.
pub fn generate(job: Generate) -> Result<(), Error> {
    print(&job.prompt);
    let made = run::drive(
        move |control| {
            engine::generate(&job, control, &mut |piece| {
                print(piece);
                ControlFlow::Continue(())
            })
        },
        None,
    );
    print("\n");
    let made = made?;
    let rate = made.tokens as f64 / made.seconds.max(1e-9);
    eprintln!("{} tokens in {:.1} s, {rate:.1} tokens/s", made.tokens, made.seconds);
    Ok(())
}

pub use inspect::inspect;

fn print_record(record: &RunRecord, out: &str) {
    print(&table::layers(record));
    print("\n");
    print(&table::summary(record));
    print(&format!("Written to {out}\n"));
}

fn print_evaluation(result: &Evaluation) {
    let bos = if result.bos { "with" } else { "without" };
    print(&format!(
        "{}: perplexity {:.4} on {} ({} tokens in windows of {}, {bos} BOS)\n",
        result.model, result.perplexity, result.text, result.tokens, result.seq_len
    ));
}

fn print_json(value: &impl serde::Serialize) {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|e| format!("{{\"error\": \"{e}\"}}"));
    print(&text);
    print("\n");
}

/// Writes to stdout. A reader that has gone away (`| head`) is no error of ours.
fn print(text: &str) {
    let mut stdout = stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
