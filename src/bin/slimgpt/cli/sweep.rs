//! What the command line says of sweeps.

use std::path::PathBuf;

use clap::Args;
use slimgpt::config::ByteSize;

#[derive(Debug, Args)]
pub struct SweepArgs {
    /// File (TOML): settings that all runs share, a [grid] of keys with lists of values, and [[case]] tables
    #[arg(value_name = "FILE", required_unless_present = "collect")]
    pub file: Option<PathBuf>,
    /// Directory of the sweep; one that was begun is gone on with
    #[arg(long, value_name = "DIR", required_unless_present = "collect")]
    pub out: Option<PathBuf>,
    /// Runs at once [default: as many as memory and cores have room for]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Worker threads of each run [default: the cores, shared out]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Memory for all runs together [default: what is free]
    #[arg(long, value_name = "SIZE")]
    pub memory_budget: Option<ByteSize>,
    /// Run nothing, and print a command for each run that is not finished, for another scheduler
    #[arg(long, conflicts_with_all = ["jobs", "memory_budget", "json"])]
    pub print_commands: bool,
    /// Run nothing, and make the tables of what is there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "out", "jobs", "threads", "memory_budget", "print_commands"])]
    pub collect: Option<PathBuf>,
    /// Print all records instead of the table
    #[arg(long)]
    pub json: bool,
}
