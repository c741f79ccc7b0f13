//! The slimgpt program: parses the arguments, runs the command, and returns its exit code.

mod cli;
mod commands;
mod explore;
mod failure;
mod flags;
mod manual;
mod measure;
mod memory;
mod prune;
mod ranks;
mod resolve;
mod sessions;
mod show;
mod sweep;
mod threads;

use std::process::ExitCode;

use slimgpt::{
    application::{headless, tui, words},
    config::Paths,
};

fn main() -> ExitCode {
    memory::use_one_heap();
    let paths = Paths::find();
    tui::report_panics(paths.as_ref().map(Paths::reports));
    let code = match commands::run(cli::Cli::parse_with_negative_numbers(), paths.as_ref()) {
        Ok(ending) => words::ExitCode::from(ending),
        Err(failure) => {
            say(&failure);
            failure.kind().into()
        }
    };
    ExitCode::from(code.number())
}

#[cfg(not(feature = "mpi"))]
fn say(failure: &failure::Failure) {
    headless::say(&failure.to_string());
}

/// One rank speaks for all.
#[cfg(feature = "mpi")]
fn say(failure: &failure::Failure) {
    match ranks::is_silent() {
        true => ranks::let_the_first_speak(),
        false => headless::say(&failure.to_string()),
    }
}
