//! Jobs on a session: going on, another attempt, another choice, writing the model.

use std::path::Path;

use super::{
    Output, print_json, print_record, print_text,
    run::{self, Begun, Driven},
    say, table,
    words::argument,
};
use crate::{
    engine::{self, Choose, Error, Export, LayerTries, Report, Resume, Retry, Tried},
    protocol::{PartRecord, PartSummary},
    recording::Recorder,
    session,
};

/// Goes on with a run and prints the table of the layers, or `run.json`. `root` is where sessions lie.
pub fn resume(
    job: Resume,
    output: Output,
    mut recorder: Option<Recorder>,
    root: Option<&Path>,
) -> Result<(), Error> {
    let name = argument(root, &job.session);
    let driven = run::drive(move |control| engine::resume(job, control), recorder.as_mut());
    let resumed = or_how_to_go_on(driven, root)?;
    if resumed.was_finished {
        say("Nothing was left to be done.");
    }
    match output {
        Output::Json => print_json(&resumed.record)?,
        Output::Text => print_record(&resumed.record, resumed.out.as_deref())?,
    }
    if resumed.out.is_none() {
        say(&format!("No place to write to was named: slimgpt export {name} --out DIR writes the model."));
    }
    Ok(recorder.map_or(Ok(()), Recorder::finish)?)
}

/// Solves a layer again and prints its attempts.
pub fn retry(job: Retry, output: Output, root: Option<&Path>) -> Result<(), Error> {
    let (name, layer) = (argument(root, &job.session), job.layer);
    let tries = run::drive(move |control| engine::retry(job, control), None).result?;
    print_tries(&tries, &name, output)?;
    if let Some(newest) = tries.tries.last().filter(|newest| !newest.active) {
        let number = newest.attempt.number;
        say(&format!(
            "Attempt {number} lies beside: slimgpt choose {name} --layer {layer} --attempt {number} puts it active."
        ));
    }
    Ok(())
}

/// Puts an attempt active and prints the layer's attempts.
pub fn choose(job: Choose, output: Output, root: Option<&Path>) -> Result<(), Error> {
    let name = argument(root, &job.session);
    let tries = run::drive(move |control| engine::choose(job, control), None).result?;
    print_tries(&tries, &name, output)
}

/// Writes the model and prints the table of the layers, or `run.json`.
pub fn export(job: Export, output: Output) -> Result<(), Error> {
    let out = job.out.clone();
    let record = run::drive(move |control| engine::export(job, control), None).result?;
    match output {
        Output::Json => print_json(&record),
        Output::Text => print_record(&record, Some(&out)),
    }
}

/// Writes the report and says where, or prints its `run.json`.
pub fn report(job: Report, output: Output) -> Result<(), Error> {
    let out = job.out.clone();
    let record = run::drive(move |control| engine::report(job, control), None).result?;
    match output {
        Output::Json => print_json(&record),
        Output::Text => print_text(&format!("Report: {}\n", out.join("index.html").display())),
    }
}

/// What came of a run; one that failed is told how to be gone on with. A session in which nothing had been run yet is
/// cleared away: there is nothing in it.
pub fn or_how_to_go_on<T>(driven: Driven<T>, root: Option<&Path>) -> Result<T, Error> {
    let Driven { result, session, begun } = driven;
    if let (Err(_), Some(session)) = (&result, session) {
        match session::look(&session) {
            // What cannot be removed is in nobody's way.
            Ok(state) if state.run_state.is_none() => drop(session::remove(&session)),
            // It was refused before it pruned anything: the error itself says what to do.
            Ok(_) | Err(_) if begun == Begun::NoRun => {}
            Ok(_) | Err(_) => {
                let name = argument(root, &session);
                say(&format!("What was finished is kept: slimgpt resume {name} goes on with it."));
            }
        }
    }
    result
}

fn print_tries(tries: &LayerTries, name: &str, output: Output) -> Result<(), Error> {
    match output {
        Output::Json => print_json(tries)?,
        Output::Text => print_text(&text(tries))?,
    }
    if !tries.stale_below.is_empty() {
        let below = &tries.stale_below;
        let layers = if below.len() == 1 { "layer" } else { "layers" };
        let below: Vec<String> = below.iter().map(usize::to_string).collect();
        say(&format!("Stale: {layers} {}; slimgpt resume {name} prunes them again.", below.join(", ")));
    }
    Ok(())
}

fn text(tries: &LayerTries) -> String {
    let mut columns = table::attempts();
    for Tried { attempt, record, active, stale } in &tries.tries {
        let status = match (active, stale) {
            (true, false) => "active",
            (true, true) => "active, stale",
            (false, true) => "stale",
            (false, false) => "",
        };
        let parts = (Some(summary(&record.attention)), Some(summary(&record.mlp)), record.output_error);
        columns.row(table::attempt(attempt, parts, status));
    }
    format!("Attempts at layer {}:\n{columns}", tries.layer)
}

fn summary(part: &PartRecord) -> PartSummary {
    PartSummary { units: part.units, kept: part.kept.len(), relative_error: part.relative_error }
}
