//! Arguments to a face and its exit code.

mod cli;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use slimgpt::{
    config::{self, Machine, Options, Settings},
    engine::{self, Draw, Error, Evaluate, Generate, ModelChoice, PruneRun},
    headless::{self, Output},
    recording::Recorder,
};

use cli::{Cli, Command, EvalArgs, GenerateArgs, InspectArgs, PruneArgs};

fn main() -> ExitCode {
    // It fails where a hook stands already, and none does; a plain panic message would do as well.
    let _ = color_eyre::install();
    let result = match Cli::parse().command {
        Command::Prune(args) => prune(*args),
        Command::Eval(args) => evaluate(args),
        Command::Generate(args) => generate(args),
        Command::Inspect(args) => inspect(*args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let label = if error.is_cancelled() { "slimgpt" } else { "slimgpt: error" };
            headless::say(&format!("{label}: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn prune(args: PruneArgs) -> Result<(), Error> {
    let (model, options) = resolve(args.model, args.config, args.options)?;
    let output = output(options.json.unwrap_or(false));
    let events = options.events.clone();
    let settings = Settings::new(options)?;
    engine::use_threads(settings.machine.threads)?;
    let recorder = events.as_deref().map(|events| Recorder::open_beside(events, &args.out)).transpose()?;
    headless::prune(PruneRun { model, settings, out: args.out, force: args.force }, output, recorder)
}

fn evaluate(args: EvalArgs) -> Result<(), Error> {
    let machine = machine(args.machine)?;
    let model = ModelChoice::new(args.model);
    let job = Evaluate { model, text: args.text, seq_len: args.seq_len, bos: args.bos, machine };
    headless::evaluate(job, output(args.json))
}

fn generate(args: GenerateArgs) -> Result<(), Error> {
    let draw = Draw {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        repeat_penalty: args.repeat_penalty,
        repeat_last: args.repeat_last,
        seed: args.seed,
    };
    headless::generate(Generate {
        model: ModelChoice::new(args.model),
        prompt: args.prompt,
        bos: !args.no_bos,
        max_tokens: args.max_tokens,
        draw,
        machine: machine(args.machine)?,
    })
}

fn inspect(args: InspectArgs) -> Result<(), Error> {
    let (model, options) = resolve(args.model, args.config, args.options)?;
    let output = output(options.json.unwrap_or(false));
    let settings = Settings::new(options)?;
    engine::use_threads(settings.machine.threads)?;
    headless::inspect(model, settings, output)
}

/// The model and the options: flags win over the settings file, and the built-in model has a settings file of its own.
fn resolve(
    model: Option<String>,
    file: Option<PathBuf>,
    flags: Options,
) -> Result<(ModelChoice, Options), Error> {
    let options = match file {
        Some(path) => flags.or(config::read_file(&path)?),
        None => flags,
    };
    let model = ModelChoice::new(model.or(options.model.clone()));
    let options = match model {
        ModelChoice::Demo => options.or(config::demo()?),
        ModelChoice::Named(_) => options,
    };
    Ok((model, options))
}

fn machine(options: config::MachineOptions) -> Result<Machine, Error> {
    let machine = Machine::new(options)?;
    engine::use_threads(machine.threads)?;
    Ok(machine)
}

fn output(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}
