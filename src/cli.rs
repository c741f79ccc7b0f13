//! What the command line says; nothing else happens here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use slimgpt::config::{MachineOptions, Options, TextSource};

/// Layer-wise structured pruning of LLaMA-family models (SlimGPT, arXiv 2412.18110).
///
/// MODEL is a directory in Hugging Face form, or a hub id such as Qwen/Qwen3-0.6B; without one, the built-in demo.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, subcommand_required = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prune a model and write it with its record
    #[command(after_help = "Examples:
  slimgpt prune --out slim-demo                                          the built-in model
  slimgpt prune llama-7b --calibration c4.jsonl.gz --ratio 0.2 --out slim
  slimgpt prune --config sample_configs/llama-7b-20.toml --out slim

Exit codes: 0 done, 1 failed, 2 bad usage, settings or input, 130 cancelled.")]
    Prune(Box<PruneArgs>),
    /// Measure the perplexity of a model on a text
    Eval(EvalArgs),
    /// Continue a prompt
    Generate(GenerateArgs),
    /// Tell a model's sizes, what can be pruned, and the memory and time that a run would need
    Inspect(Box<InspectArgs>),
}

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Directory or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Directory to write; must not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace the output directory
    #[arg(long)]
    pub force: bool,
    /// Settings file (TOML); a flag wins over it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Directory or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Text to measure on [default for the demo: its held-out text]
    #[arg(long, value_name = "FILE")]
    pub text: Option<TextSource>,
    /// Tokens in a window
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub seq_len: usize,
    /// Put a BOS token before each window
    #[arg(long)]
    pub bos: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub machine: MachineOptions,
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Directory or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Text to go on from
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prompt: String,
    /// Tokens to make at most
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub max_tokens: usize,
    /// 0 always takes the likeliest token
    #[arg(long, value_name = "T", default_value_t = 0.8)]
    pub temperature: f64,
    /// Draw from the K likeliest tokens only
    #[arg(long, value_name = "K")]
    pub top_k: Option<usize>,
    /// Draw from the likeliest tokens that together reach probability P
    #[arg(long, value_name = "P")]
    pub top_p: Option<f64>,
    /// Divide the logits of tokens seen lately by this
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub repeat_penalty: f32,
    /// Tokens that count as seen lately
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub repeat_last: usize,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Begin without a BOS token
    #[arg(long)]
    pub no_bos: bool,
    #[command(flatten)]
    pub machine: MachineOptions,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Directory or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Settings file (TOML) whose run is estimated; a flag wins over it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub options: Options,
}
