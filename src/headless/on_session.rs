//! Jobs on a session: resume, retry, choose, export and report.

use std::path::Path;

use super::{
    Output,
    on_model::print_record,
    print_json, print_text,
    run::{self, Begun, Driven},
    say, table,
};
use crate::{
    engine::{self, Choose, Error, Export, LayerTries, Ranks, Report, Resume, Retry, Tried},
    prune::AttentionUnitChoice,
    recording::Recorder,
    session,
    words::{AttentionUnits, session_argument},
};

/// Finishes a run and prints the table of its layers, or `run.json`. `root` is the directory of the user's sessions.
///
/// # Errors
/// If the job fails or is cancelled, the recording cannot be written, or stdout cannot be written.
pub fn resume(
    job: Resume,
    ranks: Option<Ranks>,
    output: Output,
    mut recorder: Option<Recorder>,
    root: Option<&Path>,
) -> Result<(), Error> {
    let session = session_argument(root, &job.session);
    let work = move |control: &mut engine::Context| {
        control.use_ranks(ranks);
        engine::resume(job, control)
    };
    let driven = run::drive(work, recorder.as_mut());
    let resumed = or_resume_hint(driven, root)?;
    if resumed.was_finished {
        say("The run was already finished.");
    }
    match output {
        Output::Json => print_json(&resumed.record)?,
        Output::Text => print_record(&resumed.record, resumed.out.as_deref())?,
    }
    if resumed.out.is_none() {
        say(&format!("No model was written. Write it with: slimgpt export {session} --out DIR"));
    }
    Ok(recorder.map_or(Ok(()), Recorder::finish)?)
}

/// Solves a layer again and prints its attempts.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn retry(job: Retry, output: Output, root: Option<&Path>) -> Result<(), Error> {
    let (session, layer) = (session_argument(root, &job.session), job.layer);
    let tries = run::drive(move |control| engine::retry(job, control), None).result?;
    print_attempts(&tries, &session, output)?;
    if let Some(newest) = tries.tries.last().filter(|newest| !newest.active) {
        let number = newest.attempt.number;
        say(&format!(
            "Attempt {number} is saved but not active. Activate it with: slimgpt choose {session} --layer {layer} --attempt {number}"
        ));
    }
    Ok(())
}

/// Activates an attempt and prints the attempts of its layer.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn choose(job: Choose, output: Output, root: Option<&Path>) -> Result<(), Error> {
    let session = session_argument(root, &job.session);
    let tries = run::drive(move |control| engine::choose(job, control), None).result?;
    print_attempts(&tries, &session, output)
}

/// Writes the model and prints the table of its layers, or `run.json`.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn export(job: Export, output: Output) -> Result<(), Error> {
    let out = job.out.clone();
    let record = run::drive(move |control| engine::export(job, control), None).result?;
    match output {
        Output::Json => print_json(&record),
        Output::Text => print_record(&record, Some(&out)),
    }
}

/// Writes the report and prints its path, or its `run.json`.
///
/// # Errors
/// If the job fails or is cancelled, or stdout cannot be written.
pub fn report(job: Report, output: Output) -> Result<(), Error> {
    let out = job.out.clone();
    let record = run::drive(move |control| engine::report(job, control), None).result?;
    match output {
        Output::Json => print_json(&record),
        Output::Text => print_text(&format!("Report: {}\n", out.join("index.html").display())),
    }
}

/// The result of a run. After a failure it prints the command that resumes the session. If no run had started
/// in the session, the session is removed.
pub fn or_resume_hint<T>(driven: Driven<T>, root: Option<&Path>) -> Result<T, Error> {
    let Driven { result, session, begun } = driven;
    if let (Err(error), Some(session)) = (&result, session) {
        match session::look(&session) {
            // An empty session that cannot be removed is harmless.
            Ok(state) if !state.has_run() => drop(session::remove(&session)),
            // The run was refused before it pruned anything, and the error gives advice.
            Ok(_) | Err(_) if begun == Begun::NoRun && !error.is_cancelled() => {}
            Ok(_) | Err(_) => {
                let session = session_argument(root, &session);
                say(&format!("Finished layers are saved. Continue with: slimgpt resume {session}"));
            }
        }
    }
    result
}

fn print_attempts(tries: &LayerTries, session: &str, output: Output) -> Result<(), Error> {
    match output {
        Output::Json => print_json(tries)?,
        Output::Text => print_text(&text(tries))?,
    }
    if !tries.stale_below.is_empty() {
        let stale = &tries.stale_below;
        let layers = if stale.len() == 1 { "layer" } else { "layers" };
        let stale: Vec<String> = stale.iter().map(usize::to_string).collect();
        let stale = stale.join(", ");
        say(&format!("Stale: {layers} {stale}. Prune them again with: slimgpt resume {session}"));
    }
    Ok(())
}

fn text(tries: &LayerTries) -> String {
    let mut columns = table::attempts();
    let tried = tries.tries.iter().map(|tried| tried.record.attention.unit);
    let units = AttentionUnits::of(tried, AttentionUnitChoice::Auto);
    for Tried { attempt, record, active, stale } in &tries.tries {
        let status = match (active, stale) {
            (true, false) => "active",
            (true, true) => "active, stale",
            (false, true) => "stale",
            (false, false) => "",
        };
        let results = (Some((&record.attention).into()), Some((&record.mlp).into()), record.output_error);
        columns.row(table::attempt(attempt, units, results, status));
    }
    format!("Attempts at layer {}:\n{columns}", tries.layer)
}
