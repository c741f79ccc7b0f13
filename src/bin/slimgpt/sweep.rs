//! Runs a sweep, lists its commands, or collects its tables.

use slimgpt::application::{
    engine,
    headless::{self, Output},
    sweep::{self, Asked, Error, Sweep},
};
use slimgpt::config::{self, Paths};

use crate::{cli::SweepArgs, resolve::defaults};

pub fn sweep(args: SweepArgs, paths: Option<&Paths>) -> Result<(), Error> {
    let SweepArgs { file, out, jobs, threads, memory_budget, print_commands, collect, json } = args;
    let output = if json { Output::Json } else { Output::Text };
    if let Some(dir) = collect {
        return headless::collect_sweep(&dir, output);
    }
    let (Some(file), Some(out)) = (file, out) else {
        return Err(config::Error::value(
            "sweep",
            "no file or no directory was given",
            "give FILE and --out DIR",
        )
        .into());
    };
    for (key, count) in [("jobs", jobs), ("threads", threads)] {
        count.map(|count| config::at_least(1)(key, &count)).transpose()?;
    }
    let title = file.file_stem().unwrap_or_default().to_string_lossy();
    let weaker = defaults(paths).map_err(engine::Error::from)?;
    let sweep = Sweep::new(sweep::read(&file)?, &weaker, &title)?;
    if print_commands {
        return headless::sweep_commands(&sweep, &out, threads);
    }
    headless::run_sweep(&sweep, &out, Asked { jobs, threads, memory: memory_budget }, output)
}
