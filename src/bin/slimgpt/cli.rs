//! The arguments of the program, as parsed by clap.

mod sessions;
mod sweep;

use std::{env, ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use slimgpt::application::{engine::Again, words::exit_codes};
use slimgpt::{calibration::TextSource, config::Colours};

use crate::flags::{All, Flags, MachineFlags, choice};

pub use sessions::{
    Choice, ChooseArgs, CurveArgs, ErrorsArgs, ExportArgs, On, PerplexityArgs, ReportArgs, ResumeArgs,
    RetryArgs, SessionsCommand, TextsArgs,
};
pub use sweep::SweepArgs;

/// Layer-wise structured pruning of LLaMA-family models (SlimGPT, arXiv 2412.18110).
///
/// Without a command, the explorer opens and shows the model layer by layer while it is pruned. MODEL is a
/// Hugging Face directory, a GGUF file or a hub id such as Qwen/Qwen3-0.6B; the default is the built-in demo.
/// Write a directory with the name of a command as ./prune.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = format!("Examples:
  slimgpt                                            explore the built-in model
  slimgpt llama-7b --calibration c4.jsonl.gz         explore another model
  slimgpt prune --out slim-demo                      prune without the explorer
  slimgpt resume last                                continue an interrupted run
  slimgpt --session last                             open the session in the explorer
  slimgpt replay events.jsonl                        replay a recorded run

{EXIT_CODES}", EXIT_CODES = exit_codes())
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub explore: ExploreArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Explore a model in the terminal; also the default without a command
    #[command(after_help = "Examples:
  slimgpt explore                                    the built-in model
  slimgpt explore ./prune --calibration texts.jsonl  a directory named like a command
  slimgpt explore --theme light --ascii --no-mouse
  slimgpt explore --events events.jsonl              record a run for slimgpt replay")]
    Explore(Box<ExploreArgs>),
    /// Replay a recorded run in the explorer, without its model
    #[command(after_help = "Examples:
  slimgpt prune --events events.jsonl --out slim     record a run
  slimgpt replay events.jsonl --speed 10
  slimgpt replay events.jsonl --speed max            show the end at once")]
    Replay(ReplayArgs),
    /// Prune a model and write it with a record of the run
    #[command(after_help = format!("Examples:
  slimgpt prune --out slim-demo                                          the built-in model
  slimgpt prune llama-7b --calibration c4.jsonl.gz --ratio 0.2 --out slim
  slimgpt prune --config sample_configs/llama-7b-20.toml --out slim
  slimgpt prune --ratio 0.5 --no-export                                  prune without writing the model
  slimgpt prune --session last --again all --ratio 0.3 --no-export       other settings in the same session

{}", exit_codes()))]
    Prune(Box<PruneArgs>),
    /// Continue a session: prune missing and stale layers, measure, and write the model
    #[command(after_help = format!("Examples:
  slimgpt resume last
  slimgpt resume llama-7b-2026-11-25 --out slim --force
  slimgpt resume /data/run --model /data/llama-7b    the model has moved

{}", exit_codes()))]
    Resume(ResumeArgs),
    /// Solve a layer of a session again; earlier attempts are kept
    #[command(after_help = "Examples:
  slimgpt retry last --layer 3 --ratio 0.4
  slimgpt retry last --layer 3 --part attention --damping 0.1 --choose")]
    Retry(RetryArgs),
    /// Make another attempt at a layer active
    #[command(after_help = "Examples:
  slimgpt choose last --layer 3 --attempt 0
  slimgpt choose last --layer 3 --attempt none       use the layer of the dense model")]
    Choose(ChooseArgs),
    /// Measure the perplexity of the dense and of the pruned model of a session
    #[command(after_help = "Examples:
  slimgpt perplexity last
  slimgpt perplexity last --text wiki.test.txt --seq-len 512")]
    Perplexity(PerplexityArgs),
    /// Compute the error of a part of a session's layer at every ratio
    #[command(after_help = "Example:
  slimgpt curve last --layer 3 --part mlp > curve.csv")]
    Curve(CurveArgs),
    /// Measure the output error of every layer of a session, without solving again
    #[command(after_help = "Examples:
  slimgpt errors last
  slimgpt errors last --layer 27 --dense mlp         with the MLP of layer 27 dense
  slimgpt errors last --layer 3 --attempts 0,1,2     with each of these attempts at layer 3")]
    Errors(ErrorsArgs),
    /// Continue a prompt with the dense and the pruned model of a session, and measure each token
    #[command(after_help = "Example:
  slimgpt texts last --prompt \"One day\"")]
    Texts(TextsArgs),
    /// Write the model with the active attempts of a session
    #[command(after_help = "Example:
  slimgpt export last --out slim")]
    Export(ExportArgs),
    /// Write the figures and tables of a session as an HTML page, without its model
    #[command(after_help = "Examples:
  slimgpt report last --out report                   then open report/index.html
  slimgpt report last --out report --force --curves 0,3,5")]
    Report(ReportArgs),
    /// List, show, compare and delete sessions
    #[command(
        subcommand,
        after_help = "Examples:
  slimgpt sessions list
  slimgpt sessions show last"
    )]
    Sessions(SessionsCommand),
    /// Run a grid of settings, optionally with several seeds, and write tables of the results
    #[command(after_help = format!("Examples:
  slimgpt sweep sample_configs/sweeps/methods.toml --out methods
  slimgpt sweep grid.toml --out grid --jobs 4           the same command continues an interrupted sweep
  slimgpt sweep grid.toml --out grid --print-commands | parallel
  slimgpt sweep --collect grid                          tables of the finished runs

{}", exit_codes()))]
    Sweep(SweepArgs),
    /// Measure the perplexity of a model on a text
    #[command(after_help = "Examples:
  slimgpt eval                                       the built-in model on its held-out text
  slimgpt eval slim --text wiki.test.txt --seq-len 2048 --json")]
    Eval(EvalArgs),
    /// Write the logits of a model on a text, for comparison with other programs
    #[command(after_help = "Examples:
  slimgpt logits --windows 2 --out logits.safetensors   the built-in model on its held-out text
  slimgpt logits slim --text wiki.test.txt --seq-len 256 --windows 4 --out logits.safetensors")]
    Logits(LogitsArgs),
    /// Continue a prompt
    #[command(after_help = "Examples:
  slimgpt generate --prompt \"One day\"
  slimgpt generate slim --prompt \"The lighthouse\" --temperature 0")]
    Generate(GenerateArgs),
    /// Show the sizes of a model, and the memory and time of a run
    #[command(after_help = "Examples:
  slimgpt inspect Qwen/Qwen3-0.6B
  slimgpt inspect llama-7b --ratio 0.5 --samples 256 --json")]
    Inspect(Box<InspectArgs>),
    /// The explorer's themes
    #[command(
        subcommand,
        after_help = "Example:
  slimgpt themes list"
    )]
    Themes(ThemesCommand),
    /// Print settings, keys, and the paths of their files
    #[command(
        subcommand,
        after_help = "Examples:
  slimgpt config print --preset paper > paper.toml   a settings file for --config
  slimgpt config keys > ~/.config/slimgpt/keys.toml  a key file to edit
  slimgpt config paths"
    )]
    Config(ConfigCommand),
    /// Print completions for a shell
    #[command(after_help = "Example:
  slimgpt completions fish > ~/.config/fish/completions/slimgpt.fish")]
    Completions {
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:
  slimgpt man | man -l -")]
    Man,
}

#[derive(Debug, Subcommand)]
pub enum ThemesCommand {
    /// List the themes, the file of each, and the default
    List,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the active settings as a file for --config
    #[command(after_help = "Examples:
  slimgpt config print                               the built-in model's
  slimgpt config print llama-7b --ratio 0.5 > half.toml")]
    Print(Box<InspectArgs>),
    /// Print all actions with their keys, as a file for keys.toml
    Keys,
    /// Print the paths of the configuration files, and which of them exist
    Paths,
}

#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// Directory, GGUF file or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Settings file (TOML); flags override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub interface: InterfaceArgs,
    #[command(flatten)]
    pub settings: Flags<All>,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Recording written by --events
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Speed: recorded seconds per second, at least 0.1, or max
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed)]
    pub speed: f64,
    #[command(flatten)]
    pub interface: InterfaceArgs,
}

#[derive(Debug, Args)]
pub struct InterfaceArgs {
    /// Theme; slimgpt themes list prints the names
    #[arg(long, value_name = "NAME", help_heading = "Interface")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long, help_heading = "Interface")]
    pub ascii: bool,
    /// Do not capture the mouse
    #[arg(long, help_heading = "Interface")]
    pub no_mouse: bool,
    /// Number of colours [default: auto]
    #[arg(long, value_name = "COLOURS", alias = "colors",
        value_parser = choice::<Colours>(), help_heading = "Interface")]
    pub colours: Option<Colours>,
}

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Directory, GGUF file or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Directory to write; must not exist
    #[arg(long, value_name = "DIR", required_unless_present = "no_export")]
    pub out: Option<PathBuf>,
    /// Write no model; slimgpt export can write it later from the session
    #[arg(long, conflicts_with_all = ["out", "force"])]
    pub no_export: bool,
    /// Replace the output directory
    #[arg(long)]
    pub force: bool,
    /// Copy the dense model's perplexity from another session that measured it on the same text
    #[arg(long, value_name = "DIR", conflicts_with = "no_session")]
    pub dense_from: Option<PathBuf>,
    /// Prune again in the existing session of --session; earlier attempts are kept
    #[arg(long, value_name = "LAYERS", value_parser = choice::<Again>(), requires = "session",
        conflicts_with_all = ["no_session", "dense_from"])]
    pub again: Option<Again>,
    /// Settings file (TOML); flags override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Flags<All>,
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Directory, GGUF file or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Evaluation text [default for the demo: its held-out text]
    #[arg(long, value_name = "FILE")]
    pub text: Option<TextSource>,
    /// Tokens per window
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub seq_len: usize,
    /// Number of windows, drawn from the text by --seed [default: all]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub windows: Option<usize>,
    /// Seed for drawing windows
    #[arg(long, value_name = "N", default_value_t = 0, requires = "windows")]
    pub seed: u64,
    /// Start each window with a BOS token
    #[arg(long)]
    pub bos: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub machine: Flags<MachineFlags>,
}

#[derive(Debug, Args)]
pub struct LogitsArgs {
    /// Directory, GGUF file or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Text from whose start the windows are taken [default for the demo: its held-out text]
    #[arg(long, value_name = "FILE")]
    pub text: Option<TextSource>,
    /// Tokens per window
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub seq_len: usize,
    /// Number of windows
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub windows: usize,
    /// Safetensors file to write: tokens, i64 [K, N], and logits, f32 [K, N, vocabulary]; must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the file
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub machine: Flags<MachineFlags>,
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Directory, GGUF file or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Text to continue
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prompt: String,
    /// Maximum number of tokens to generate
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub max_tokens: usize,
    /// Temperature; 0 always selects the likeliest token
    #[arg(long, value_name = "T", default_value_t = 0.8)]
    pub temperature: f64,
    /// Sample only from the K likeliest tokens
    #[arg(long, value_name = "K")]
    pub top_k: Option<usize>,
    /// Sample only from the likeliest tokens whose probabilities add up to P
    #[arg(long, value_name = "P")]
    pub top_p: Option<f64>,
    /// Divide the logits of recent tokens by X
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub repeat_penalty: f32,
    /// Number of tokens that count as recent
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub repeat_last: usize,
    /// Seed for sampling
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Start without the special tokens that the tokenizer adds, such as a BOS
    #[arg(long)]
    pub no_bos: bool,
    /// Treat the prompt as a user's message, and write it with the model's chat template
    #[arg(long, conflicts_with = "no_bos")]
    pub chat: bool,
    /// Print the tokens of the prompt, and the generated tokens and text, as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub machine: Flags<MachineFlags>,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Directory, GGUF file or hub id [default: the built-in demo]
    pub model: Option<String>,
    /// Settings file (TOML) of the estimated run; flags override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: Flags<All>,
}

impl Cli {
    /// Parses the arguments of the process. A negative number after a flag is its value, which the check of the flag refuses by
    /// name, and not an unknown flag.
    #[cfg(not(feature = "mpi"))]
    pub fn parse_with_negative_numbers() -> Self {
        Self::parse_from(with_negative_numbers(env::args_os()))
    }

    /// [`Parser::parse_from`] with negative numbers as values; one rank speaks for all.
    #[cfg(feature = "mpi")]
    pub fn parse_with_negative_numbers() -> Self {
        let parsed = Self::try_parse_from(with_negative_numbers(env::args_os()));
        parsed.unwrap_or_else(|error| match crate::ranks::is_silent() {
            true => {
                crate::ranks::let_the_first_speak();
                std::process::exit(error.exit_code())
            }
            false => error.exit(),
        })
    }
}

/// Joins a negative number to the flag before it, as in `--ratio=-.5`. clap itself takes `-.5` or `-inf` for a flag.
fn with_negative_numbers(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let is_flag = |argument: &OsString| {
        argument.to_str().is_some_and(|text| text.len() > 2 && text.starts_with("--") && !text.contains('='))
    };
    let is_negative = |argument: &OsString| {
        argument.to_str().is_some_and(|text| text.starts_with('-') && text.parse::<f64>().is_ok())
    };
    let mut joined: Vec<OsString> = Vec::new();
    let mut after_all_flags = false;
    for argument in arguments {
        match joined.last_mut() {
            Some(flag) if !after_all_flags && is_flag(flag) && is_negative(&argument) => {
                flag.push("=");
                flag.push(argument);
            }
            Some(_) | None => {
                after_all_flags |= argument == "--";
                joined.push(argument);
            }
        }
    }
    joined
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        _ if text == "max" => Ok(f64::INFINITY),
        Ok(speed) if (0.1..=f64::MAX).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("expected a number of at least 0.1, or max".into()),
    }
}
