//! Commands on one model: perplexity, logits and generated text.

use slimgpt::application::{
    engine::{self, Draw, Evaluate, Generate, Logits, ModelChoice},
    headless,
};
use slimgpt::config::{Evaluation, Machine};

use crate::{
    cli::{EvalArgs, GenerateArgs, LogitsArgs},
    commands::output,
    flags::{Flags, MachineFlags},
    threads::use_threads,
};

pub fn evaluate(args: EvalArgs) -> Result<(), engine::Error> {
    let machine = machine(args.machine)?;
    let model = ModelChoice::new(args.model);
    let EvalArgs { text, seq_len, windows, seed, bos, .. } = args;
    let evaluation = Evaluation { text, seq_len, windows, seed, bos, ..Evaluation::default() };
    let job = Evaluate { model, evaluation, machine };
    headless::evaluate(job, output(args.json))
}

pub fn logits(args: LogitsArgs) -> Result<(), engine::Error> {
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

pub fn generate(args: GenerateArgs) -> Result<(), engine::Error> {
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
        chat: args.chat,
        max_tokens: args.max_tokens,
        draw,
        machine: machine(args.machine)?,
    };
    headless::generate(job, output(args.json))
}

/// The device and the threads. Limits this process to this number of threads.
fn machine(flags: Flags<MachineFlags>) -> Result<Machine, engine::Error> {
    let machine = Machine::fill(flags.options.machine)?;
    use_threads(machine.threads)?;
    Ok(machine)
}
