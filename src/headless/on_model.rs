//! Jobs on a model: pruning, perplexity, logits and text.

use std::{ops::ControlFlow, path::Path};

use super::{
    Output,
    on_session::or_resume_hint,
    output::{self, Reader},
    print_json, print_text,
    run::{self, Driven},
    say, table,
};
use crate::{
    engine::{self, Error, Evaluate, Evaluation, Generate, Generated, Logits, PruneAgain, PruneRun, Ranks},
    protocol::RunRecord,
    recording::Recorder,
    words::{count, duration, perplexity, plus_minus, session_argument},
};

/// Prunes a model, with the help of other ranks if there are any, and prints the table of its layers, or `run.json`. `root` is
/// the directory of the user's sessions.
///
/// # Errors
/// If the job fails or is cancelled, the recording cannot be written, or stdout cannot be written.
pub fn prune(
    job: PruneRun,
    ranks: Option<Ranks>,
    output: Output,
    recorder: Option<Recorder>,
    root: Option<&Path>,
) -> Result<(), Error> {
    let out = job.out.clone();
    let work = move |context: &mut engine::Context| engine::prune(job, context);
    drive_run(work, ranks, recorder, (out.as_deref(), output, root))
}

/// Prunes in an existing session, else like [`prune`].
///
/// # Errors
/// If the job fails or is cancelled, the recording cannot be written, or stdout cannot be written.
pub fn prune_again(
    job: PruneAgain,
    ranks: Option<Ranks>,
    output: Output,
    recorder: Option<Recorder>,
    root: Option<&Path>,
) -> Result<(), Error> {
    let out = job.out.clone();
    let work = move |context: &mut engine::Context| engine::prune_again(job, context);
    drive_run(work, ranks, recorder, (out.as_deref(), output, root))
}

/// Carries out a run and prints its result.
fn drive_run(
    work: impl FnOnce(&mut engine::Context) -> Result<RunRecord, Error> + Send + 'static,
    ranks: Option<Ranks>,
    mut recorder: Option<Recorder>,
    (out, output, root): (Option<&Path>, Output, Option<&Path>),
) -> Result<(), Error> {
    let work = move |context: &mut engine::Context| {
        context.use_ranks(ranks);
        work(context)
    };
    let driven = run::drive(work, recorder.as_mut());
    print_run(driven, out, output, root)?;
    Ok(recorder.map_or(Ok(()), Recorder::finish)?)
}

/// Prints the result of a run, and how to write the model if it was not written.
fn print_run(
    driven: Driven<RunRecord>,
    out: Option<&Path>,
    output: Output,
    root: Option<&Path>,
) -> Result<(), Error> {
    let session = driven.session.clone();
    let record = or_resume_hint(driven, root)?;
    match output {
        Output::Json => print_json(&record)?,
        Output::Text => print_record(&record, out)?,
    }
    if let (None, Some(session)) = (out, session) {
        let session = session_argument(root, &session);
        say(&format!("No model was written. Write it with: slimgpt export {session} --out DIR"));
    }
    Ok(())
}

/// Measures a perplexity and prints it.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn evaluate(job: Evaluate, output: Output) -> Result<(), Error> {
    let result = run::drive(move |control| engine::evaluate(&job, control), None).result?;
    match output {
        Output::Json => print_json(&result),
        Output::Text => print_evaluation(&result),
    }
}

/// Writes logits to a file and prints their shape.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn logits(job: Logits) -> Result<(), Error> {
    let out = job.out.clone();
    let written = run::drive(move |control| engine::logits(&job, control), None).result?;
    let [windows, tokens, vocab] = written.shape;
    print_text(&format!(
        "{}: logits of {windows} windows of {tokens} tokens from {}, {vocab} per token, written to {}\n",
        written.model,
        written.text,
        out.display()
    ))
}

/// Generates text. Prints the prompt and its continuation during generation, or the tokens as JSON at the
/// end; the speed goes to stderr.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn generate(job: Generate, output: Output) -> Result<(), Error> {
    let generated = match output {
        Output::Json => {
            let job = move |control: &mut engine::Context| {
                engine::generate(&job, control, &mut |_| ControlFlow::Continue(()))
            };
            let generated = run::drive(job, None).result?;
            print_json(&generated)?;
            generated
        }
        Output::Text => generate_text(job)?,
    };
    let tokens = generated.tokens.len();
    let rate = tokens as f64 / generated.seconds.max(1e-9);
    say(&format!("{tokens} tokens in {}, {rate:.1} tokens/s", duration(generated.seconds)));
    Ok(())
}

/// Prints the text during generation, and stops when nobody reads it.
fn generate_text(job: Generate) -> Result<Generated, Error> {
    // Only the answer to a message is printed.
    let prompt = if job.chat { String::new() } else { job.prompt.clone() };
    let job = move |control: &mut engine::Context| {
        let mut prompt = Some(prompt);
        let mut printed = Ok(Reader::Reading);
        let generated = engine::generate(&job, control, &mut |piece| {
            printed = output::print(&(prompt.take().unwrap_or_default() + piece));
            match printed {
                Ok(Reader::Reading) => ControlFlow::Continue(()),
                Ok(Reader::Closed) | Err(_) => ControlFlow::Break(()),
            }
        });
        printed?;
        let generated = generated?;
        print_text(&(prompt.take().unwrap_or_default() + "\n"))?;
        Ok(generated)
    };
    run::drive(job, None).result
}

/// Prints the table and the summary of a run.
pub fn print_record(record: &RunRecord, out: Option<&Path>) -> Result<(), Error> {
    let out = out.map(|out| format!("Written to {}\n", out.display())).unwrap_or_default();
    print_text(&format!("{}\n{}{out}", table::layers(record), table::summary(record)))
}

fn print_evaluation(result: &Evaluation) -> Result<(), Error> {
    let bos = if result.bos { "with" } else { "without" };
    let error = plus_minus(result.standard_error);
    print_text(&format!(
        "{}: perplexity {}{error} on {} ({} tokens in windows of {}, {bos} BOS)\n",
        result.model,
        perplexity(result.perplexity),
        result.text,
        count(result.tokens),
        result.seq_len
    ))
}
