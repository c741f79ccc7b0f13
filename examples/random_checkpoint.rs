//! Writes a LLaMA checkpoint of any shape with random weights.
//!
//! ```sh
//! cargo run --release --example random_checkpoint -- \
//!     --hidden 4096 --heads 32 --ffn 11008 --layers 2 --vocab 32000 --out random-7b
//! slimgpt prune random-7b --calibration demo:stories --samples 16 --seq-len 1024 --out slim-random
//! ```

#[path = "../benches/common/mod.rs"]
mod common;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Parser;
use common::checkpoint::{self, Shape};

#[derive(Parser)]
#[command(about = "Writes a LLaMA checkpoint of any shape with random weights")]
struct Args {
    #[command(flatten)]
    shape: Shape,
    /// Directory to write; must not exist
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    let Args { shape, out } = Args::parse();
    match checkpoint::write(&shape, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => emit(&*error),
    }
}

fn emit(error: &dyn Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
