//! The arguments of a sweep.

use std::path::PathBuf;

use clap::Args;
use slimgpt::config::ByteSize;

#[derive(Debug, Args)]
pub struct SweepArgs {
    /// File (TOML) with shared settings, a [grid] of keys with lists of values, and [[case]] tables
    #[arg(value_name = "FILE", required_unless_present = "collect")]
    pub file: Option<PathBuf>,
    /// Directory of the sweep; an existing sweep is continued
    #[arg(long, value_name = "DIR", required_unless_present = "collect")]
    pub out: Option<PathBuf>,
    /// Number of parallel runs [default: as many as fit memory and cores]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Worker threads of each run [default: the cores divided by the runs]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Memory for all runs together [default: the free memory]
    #[arg(long, value_name = "SIZE")]
    pub memory_budget: Option<ByteSize>,
    /// Run nothing; print a command for each unfinished run, for another scheduler
    #[arg(long, conflicts_with_all = ["jobs", "memory_budget", "json"])]
    pub print_commands: bool,
    /// Run nothing; write the tables of the finished runs
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "out", "jobs", "threads", "memory_budget", "print_commands"])]
    pub collect: Option<PathBuf>,
    /// Print all records instead of the table
    #[arg(long)]
    pub json: bool,
}
