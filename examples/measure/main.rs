//! The measurements of docs/performance.md, in one process and in runs of the program: `docs/performance.sh`.

mod block;
mod child;
#[path = "../../benches/common/mod.rs"]
mod common;
mod flops;
mod rate;
mod runs;
mod solves;
mod table;

use std::{path::PathBuf, process::ExitCode};

use child::Program;
use clap::{Parser, ValueEnum};
use rate::{Evaluation, Fallible};
use table::Row;

/// Side of the matrices whose product measures the machine's speed.
const SIDE: usize = 4096;

#[derive(Parser)]
#[command(about = "Measures solves, calibration and whole runs; exits with 1 if a bound is missed")]
struct Args {
    /// The program whose runs are measured
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Heads,
    Channels,
    Exact,
    Calibration,
    Memory,
    Layers,
    Threads,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match measure(&args) {
        Ok(rows) if rows.iter().all(Row::holds) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Fallible<Vec<Row>> {
    let quick = args.quick;
    let evaluation = Evaluation::new(if quick { 512 } else { SIDE })?;
    let work = tempfile::tempdir()?;
    let work = work.path();
    let program = Program { path: &args.program, work };
    let mut rows = Vec::new();
    print!("{}", table::head());
    for &what in What::value_variants() {
        if !args.only.is_empty() && !args.only.contains(&what) {
            continue;
        }
        let found = match what {
            What::Heads => solves::heads_of_o_proj(&evaluation, quick),
            What::Channels => solves::channels_of_down_proj(&evaluation, quick),
            What::Exact => solves::one_by_one(quick),
            What::Calibration => block::calibration(&evaluation, work, quick),
            What::Memory => runs::memory(&program, quick),
            What::Layers => runs::layers(&program, quick),
            What::Threads => runs::threads(&program, quick),
        }?;
        for row in found {
            // The bounds apply only to the large sizes.
            let row = if quick { row.unbound() } else { row };
            print!("{row}");
            rows.push(row);
        }
    }
    if let Some(page) = &args.page {
        table::write(page, &rows)?;
    }
    Ok(rows)
}
