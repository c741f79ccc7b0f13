//! Dispatches a parsed command.

use slimgpt::application::{headless::Output, tui::Ending};
use slimgpt::config::Paths;

use crate::{
    cli::{Cli, Command, ConfigCommand, ThemesCommand},
    explore,
    failure::Failure,
    manual, measure, prune, sessions, show, sweep,
};

/// Runs the command, or the explorer if there is none.
pub fn run(cli: Cli, paths: Option<&Paths>) -> Result<Ending, Failure> {
    let Cli { command, explore: arguments } = cli;
    // The other commands run on the first rank alone.
    #[cfg(feature = "mpi")]
    if crate::ranks::is_silent() && !matches!(command, Some(Command::Prune(_) | Command::Resume(_))) {
        return Ok(Ending::Quit);
    }
    match command {
        None => explore::explore(arguments, paths),
        Some(Command::Explore(args)) => explore::explore(*args, paths),
        Some(Command::Replay(args)) => explore::replay(args, paths),
        Some(Command::Prune(args)) => finished(prune::prune(*args, paths)),
        Some(Command::Resume(args)) => finished(sessions::resume(args, paths)),
        Some(Command::Retry(args)) => finished(sessions::retry(args, paths)),
        Some(Command::Choose(args)) => finished(sessions::choose(args, paths)),
        Some(Command::Perplexity(args)) => finished(sessions::perplexity(args, paths)),
        Some(Command::Curve(args)) => finished(sessions::curve(args, paths)),
        Some(Command::Errors(args)) => finished(sessions::errors(args, paths)),
        Some(Command::Texts(args)) => finished(sessions::texts(args, paths)),
        Some(Command::Export(args)) => finished(sessions::export(args, paths)),
        Some(Command::Report(args)) => finished(sessions::report(args, paths)),
        Some(Command::Sessions(command)) => finished(sessions::on_disk(command, paths)),
        Some(Command::Sweep(args)) => finished(sweep::sweep(args, paths)),
        Some(Command::Eval(args)) => finished(measure::evaluate(args)),
        Some(Command::Logits(args)) => finished(measure::logits(args)),
        Some(Command::Generate(args)) => finished(measure::generate(args)),
        Some(Command::Inspect(args)) => finished(prune::inspect(*args, paths)),
        Some(Command::Themes(ThemesCommand::List)) => finished(show::themes(paths)),
        Some(Command::Config(ConfigCommand::Print(args))) => finished(show::settings(*args, paths)),
        Some(Command::Config(ConfigCommand::Keys)) => finished(show::keys(paths)),
        Some(Command::Config(ConfigCommand::Paths)) => finished(show::paths(paths)),
        Some(Command::Completions { shell }) => finished(manual::completions(shell)),
        Some(Command::Man) => finished(manual::page()),
    }
}

/// The format in which a command prints its result.
pub fn output(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}

fn finished<E: Into<Failure>>(done: Result<(), E>) -> Result<Ending, Failure> {
    done.map(|()| Ending::Quit).map_err(Into::into)
}
