//! The measurements of docs/performance.md: `docs/performance.sh`. Worker processes do the measured work.

mod child;
#[path = "../../benches/common/mod.rs"]
mod common;
mod comparison;
mod flops;
mod forward;
mod models;
mod rate;
mod rows;
mod runs;
mod solving;
mod table;
mod work;
mod worker;
mod workers;

use std::{path::PathBuf, process::ExitCode, thread, time::Instant};

use child::Program;
use clap::{Parser, ValueEnum};
use comparison::Comparison;
use models::Models;
use rate::Limit;
use rows::Setup;
use table::Row;
use work::Answer;
use workers::Workers;

type Fallible<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Side of the matrices whose product measures the machine's speed.
const SIDE: usize = 4096;

#[derive(Parser)]
#[command(about = "Measures solves, forward passes and whole runs; exits with 1 if a bound is missed")]
struct Args {
    /// Do work from standard input
    #[arg(long, hide = true, exclusive = true)]
    worker: bool,
    /// The program whose runs are measured
    #[arg(long, value_name = "FILE", required_unless_present = "worker")]
    program: Option<PathBuf>,
    /// An older program; the run of the built-in model must take at most half of its time
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// A copy of HuggingFaceTB/SmolLM2-135M [default: random weights of its shape]
    #[arg(long, value_name = "DIR")]
    smollm2: Option<PathBuf>,
    /// A Python with torch and transformers [default: python3, or none with --quick]
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Page whose table is replaced [default: none]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "only"])]
    page: Option<PathBuf>,
    /// Use small sizes, for a trial
    #[arg(long)]
    quick: bool,
    /// Run only these measurements
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Heads,
    Channels,
    Exact,
    Evaluate,
    Loss,
    Forward,
    Calibration,
    Threads,
    Demo,
    Memory,
    Layers,
    Bytes,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let holds = match &args.program {
        Some(program) => measure(&args, program).map(|rows| rows.iter().all(Row::holds)),
        None => worker::serve().map(|()| true),
    };
    match holds {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args, program: &std::path::Path) -> Fallible<Vec<Row>> {
    let quick = args.quick;
    let work = tempfile::tempdir()?;
    let work = work.path();
    let program = Program { path: program, work };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let python = args.python.clone().or_else(|| (!quick).then(|| "python3".into()));
    let mut workers = Workers::new(python, threads)?;
    let limit = Limit { side: if quick { 512 } else { SIDE }, threads };
    let models = Models { work, smollm2: args.smollm2.clone(), quick };
    let setup = Setup { models, threads, quick };

    let mut rows = Vec::new();
    let head = table::head(workers.versions.as_deref());
    print!("{head}");
    let began = Instant::now();
    for &what in What::value_variants() {
        if !args.only.is_empty() && !args.only.contains(&what) {
            continue;
        }
        let mut compare = |comparisons: Vec<Comparison>| -> Fallible<Vec<Row>> {
            let mut found = Vec::new();
            for comparison in comparisons {
                found.extend(comparison.run(&mut workers, limit)?);
            }
            Ok(found)
        };
        let found = match what {
            What::Heads => compare(setup.heads()?),
            What::Channels => compare(setup.channels()?),
            What::Exact => compare(setup.exact()?),
            What::Evaluate => compare(setup.evaluate()?),
            What::Loss => compare(setup.loss()?),
            What::Forward => compare(setup.forward()?),
            What::Calibration => compare(setup.calibration()?),
            What::Threads => compare(setup.threads()?),
            What::Demo => runs::demo(&program, args.before.as_deref(), quick),
            What::Memory => runs::memory(&program, &setup.models),
            What::Layers => runs::layers(&program, quick),
            What::Bytes => runs::bytes(&program, threads, quick),
        }?;
        for row in found {
            // The bounds apply only to the large sizes.
            let row = if quick { row.unbound() } else { row };
            print!("{row}");
            rows.push(row);
        }
        eprintln!("{what:?}: {:.0} s after the start", began.elapsed().as_secs_f64());
    }
    if let Some(page) = &args.page {
        table::write(page, &head, &rows)?;
    }
    Ok(rows)
}

/// The time of some work.
fn timed<T>(work: impl FnOnce() -> Fallible<T>) -> Fallible<Answer> {
    let began = Instant::now();
    let result = work()?;
    let seconds = began.elapsed().as_secs_f64();
    drop(result);
    Ok(Answer { seconds, ..Answer::default() })
}
