//! Arguments to a face and its exit code.

mod cli;
mod configuration;
mod failure;
mod flags;
mod manual;
mod sessions;
mod sweeps;
mod threads;

use std::process::ExitCode;

use clap::Parser;
use slimgpt::application::{
    engine::{self, Draw, Evaluate, Generate, Logits, ModelChoice, PruneRun},
    headless::{self, Output},
    recording::{Recorder, Replay},
    tui::{self, Ending, Interface, Opened, Session},
    words,
};
use slimgpt::config::{GlyphChoice, Machine, Paths, Settings};

use cli::{
    Cli, Command, ConfigCommand, EvalArgs, ExploreArgs, GenerateArgs, InspectArgs, InterfaceArgs, LogitsArgs,
    PruneArgs, ReplayArgs, ThemesCommand,
};
use configuration::resolve;
use failure::Failure;
use flags::{Flags, MachineFlags};

fn main() -> ExitCode {
    let paths = Paths::find();
    tui::report_panics(paths.as_ref().map(Paths::reports));
    let Cli { command, explore: arguments } = Cli::parse();
    let paths = paths.as_ref();
    let done = match command {
        None => explore(arguments, paths),
        Some(Command::Explore(args)) => explore(*args, paths),
        Some(Command::Replay(args)) => replay(args, paths),
        Some(Command::Prune(args)) => finished(prune(*args, paths)),
        Some(Command::Resume(args)) => finished(sessions::resume(args, paths)),
        Some(Command::Retry(args)) => finished(sessions::retry(args, paths)),
        Some(Command::Choose(args)) => finished(sessions::choose(args, paths)),
        Some(Command::Export(args)) => finished(sessions::export(args, paths)),
        Some(Command::Report(args)) => finished(sessions::report(args, paths)),
        Some(Command::Sessions(command)) => finished(sessions::on_disk(command, paths)),
        Some(Command::Sweep(args)) => finished(sweeps::sweep(args, paths)),
        Some(Command::Eval(args)) => finished(evaluate(args)),
        Some(Command::Logits(args)) => finished(logits(args)),
        Some(Command::Generate(args)) => finished(generate(args)),
        Some(Command::Inspect(args)) => finished(inspect(*args, paths)),
        Some(Command::Themes(ThemesCommand::List)) => finished(configuration::list_themes(paths)),
        Some(Command::Config(ConfigCommand::Print(args))) => {
            finished(configuration::print_settings(*args, paths))
        }
        Some(Command::Config(ConfigCommand::Keys)) => finished(configuration::print_keys(paths)),
        Some(Command::Config(ConfigCommand::Paths)) => finished(configuration::print_paths(paths)),
        Some(Command::Completions { shell }) => finished(manual::completions(shell)),
        Some(Command::Man) => finished(manual::page()),
    };
    let code = match done {
        Ok(ending) => words::ExitCode::from(ending),
        Err(failure) => {
            headless::say(&failure.to_string());
            failure.kind().into()
        }
    };
    ExitCode::from(code.number())
}

fn explore(args: ExploreArgs, paths: Option<&Paths>) -> Result<Ending, Failure> {
    tui::needs_terminal()?;
    if args.settings.options.launch.json == Some(true) {
        return Err(tui::Error::Json.into());
    }
    let interface = Interface::load(paths, &flags(args.interface))?;
    let named = args.model.clone();
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let events = options.launch.events.clone();
    let (model, place) = sessions::opened(named, model, &options, paths)?;
    let settings = Settings::new(options).map_err(engine::Error::from)?;
    threads::use_threads(settings.machine.threads)?;
    let recorder = events.as_deref().map(Recorder::open).transpose().map_err(engine::Error::from)?;
    Ok(tui::explore(Session {
        opened: Opened::Model { model, place },
        engine: engine::workspace,
        settings,
        interface,
        recorder,
        sessions: paths.map(Paths::sessions),
    })?)
}

fn replay(args: ReplayArgs, paths: Option<&Paths>) -> Result<Ending, Failure> {
    tui::needs_terminal()?;
    let interface = Interface::load(paths, &flags(args.interface))?;
    let replay = Replay::open(&args.file).map_err(engine::Error::from)?;
    let settings = Settings::new(Default::default()).map_err(engine::Error::from)?;
    let opened = Opened::Recording { replay, speed: args.speed };
    Ok(tui::explore(Session {
        opened,
        engine: engine::workspace,
        settings,
        interface,
        recorder: None,
        sessions: paths.map(Paths::sessions),
    })?)
}

fn flags(args: InterfaceArgs) -> tui::Flags {
    tui::Flags {
        theme: args.theme,
        glyphs: args.ascii.then_some(GlyphChoice::Ascii),
        mouse: args.no_mouse.then_some(false),
        colours: args.colours,
    }
}

fn prune(args: PruneArgs, paths: Option<&Paths>) -> Result<(), Failure> {
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let output = output(options.launch.json.unwrap_or(false));
    let events = options.launch.events.clone();
    let session = sessions::place_of_run(&options, paths)?;
    let settings = Settings::new(options).map_err(engine::Error::from)?;
    threads::use_threads(settings.machine.threads)?;
    let recorder = events.as_deref().map(|events| match &args.out {
        Some(out) => Recorder::open_beside(events, out),
        None => Recorder::open(events),
    });
    let recorder = recorder.transpose().map_err(engine::Error::from)?;
    let root = paths.map(Paths::sessions);
    let PruneArgs { out, force, dense_from, .. } = args;
    let job = PruneRun { model, settings, out, force, session, dense_from };
    Ok(headless::prune(job, output, recorder, root.as_deref())?)
}

fn evaluate(args: EvalArgs) -> Result<(), engine::Error> {
    let machine = machine(args.machine)?;
    let model = ModelChoice::new(args.model);
    let job = Evaluate { model, text: args.text, seq_len: args.seq_len, bos: args.bos, machine };
    headless::evaluate(job, output(args.json))
}

fn logits(args: LogitsArgs) -> Result<(), engine::Error> {
    headless::logits(Logits {
        model: ModelChoice::new(args.model),
        text: args.text,
        seq_len: args.seq_len,
        windows: args.windows,
        out: args.out,
        force: args.force,
        machine: machine(args.machine)?,
    })
}

fn generate(args: GenerateArgs) -> Result<(), engine::Error> {
    let draw = Draw {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        repeat_penalty: args.repeat_penalty,
        repeat_last: args.repeat_last,
        seed: args.seed,
    };
    let job = Generate {
        model: ModelChoice::new(args.model),
        prompt: args.prompt,
        bos: !args.no_bos,
        max_tokens: args.max_tokens,
        draw,
        machine: machine(args.machine)?,
    };
    headless::generate(job, output(args.json))
}

fn inspect(args: InspectArgs, paths: Option<&Paths>) -> Result<(), engine::Error> {
    let (model, options) = resolve(args.model, args.config, args.settings.options, paths)?;
    let output = output(options.launch.json.unwrap_or(false));
    let settings = Settings::new(options)?;
    threads::use_threads(settings.machine.threads)?;
    headless::inspect(model, settings, output)
}

fn machine(flags: Flags<MachineFlags>) -> Result<Machine, engine::Error> {
    let machine = Machine::fill(flags.options.machine)?;
    threads::use_threads(machine.threads)?;
    Ok(machine)
}

fn output(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}

fn finished<E: Into<Failure>>(done: Result<(), E>) -> Result<Ending, Failure> {
    done.map(|()| Ending::Quit).map_err(Into::into)
}
