//! The arguments of the commands on sessions.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use slimgpt::{
    calibration::TextSource,
    prune::{LayerRatio, Part},
};

use crate::flags::{EvaluationFlags, Flags, MethodFlags, OutputFlags, choice};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The session of a command, and the options for opening it.
#[derive(Debug, Args)]
pub struct On {
    /// A path, a name under slimgpt's own sessions, an unambiguous prefix of a name, or last
    pub session: String,
    /// Directory, GGUF file or hub id of the model, if it has moved
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Worker threads [default: as in the run]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub on: On,
    /// Directory to write [default: the directory of the run]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the output directory
    #[arg(long)]
    pub force: bool,
    /// Record every event as JSON lines
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RetryArgs {
    #[command(flatten)]
    pub on: On,
    /// Layer to solve again, counted from 0
    #[arg(long, value_name = "N")]
    pub layer: usize,
    /// Parts to solve, attention,mlp; the others are copied from the active attempt [default: as in the
    /// active attempt]
    #[arg(long, alias = "parts", value_name = "PARTS", value_parser = choice::<Part>(), value_delimiter = ',', help_heading = "Method")]
    pub part: Option<Vec<Part>>,
    /// Pruning ratio of the layer, as in a schedule: 0.2, 0.1/0.3 (heads/channels), 0.1:query-head/0.3 (with the unit of
    /// the attention); several, separated by commas, make one attempt each [default: as in the active attempt,
    /// like all settings of the method]
    #[arg(long, value_name = "R", value_delimiter = ',', help_heading = "Method")]
    pub ratio: Vec<LayerRatio>,
    #[command(flatten)]
    pub method: Flags<MethodFlags>,
    /// Activate the new attempt, the last one of several
    #[arg(long)]
    pub choose: bool,
}

#[derive(Debug, Args)]
pub struct PerplexityArgs {
    #[command(flatten)]
    pub on: On,
    /// Evaluation text [default: as in the last run]
    #[arg(long, value_name = "FILE")]
    pub text: Option<TextSource>,
    /// Tokens per window [default: as in the last run]
    #[arg(long, value_name = "N")]
    pub seq_len: Option<usize>,
    /// Maximum number of windows, drawn at random [default: as in the last run]
    #[arg(long, value_name = "N")]
    pub windows: Option<usize>,
    #[command(flatten)]
    pub evaluation: Flags<EvaluationFlags>,
}

#[derive(Debug, Args)]
pub struct CurveArgs {
    #[command(flatten)]
    pub on: On,
    /// Layer, counted from 0
    #[arg(long, value_name = "N")]
    pub layer: usize,
    /// Part whose error is computed
    #[arg(long, value_name = "PART", value_parser = choice::<Part>())]
    pub part: Part,
}

#[derive(Debug, Args)]
pub struct ErrorsArgs {
    #[command(flatten)]
    pub on: On,
    /// Layer whose part is dense, or whose attempts are compared
    #[arg(long, value_name = "N", requires = "of_layer")]
    pub layer: Option<usize>,
    /// Keep this part of the layer dense
    #[arg(long, value_name = "PART", value_parser = choice::<Part>(), requires = "layer", group = "of_layer")]
    pub dense: Option<Part>,
    /// Attempts of the layer, separated by commas
    #[arg(long, value_name = "N,...", value_delimiter = ',', requires = "layer", group = "of_layer")]
    pub attempts: Vec<usize>,
    /// Maximum number of calibration windows for the attempts
    #[arg(long, value_name = "N", default_value = "4", requires = "attempts")]
    pub windows: NonZeroUsize,
}

#[derive(Debug, Args)]
pub struct TextsArgs {
    #[command(flatten)]
    pub on: On,
    /// Text to continue
    #[arg(long, value_name = "TEXT")]
    pub prompt: String,
    /// Maximum number of tokens to generate
    #[arg(long, value_name = "N", default_value_t = 96)]
    pub max_tokens: usize,
    /// Temperature; 0 always selects the likeliest token
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    pub temperature: f64,
    /// Seed for sampling
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct ChooseArgs {
    #[command(flatten)]
    pub on: On,
    /// Layer, counted from 0
    #[arg(long, value_name = "N")]
    pub layer: usize,
    /// Attempt to activate, counted from 0; or none for the dense layer, which resume then keeps
    #[arg(long, value_name = "K", value_parser = attempt)]
    pub attempt: Choice,
}

/// An attempt, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Attempt(usize),
    None,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub on: On,
    /// Directory to write; must not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    #[command(flatten)]
    pub output: Flags<OutputFlags>,
    /// Replace the output directory
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub on: On,
    /// Directory to write; must not exist
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace the output directory
    #[arg(long)]
    pub force: bool,
    /// Layers whose error is computed at every ratio, such as 0,5,11; only this option needs the model
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    pub curves: Vec<usize>,
}

#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List the sessions, the most recently changed one first
    #[command(after_help = "Examples:
  slimgpt sessions list
  slimgpt sessions list --root /data/sessions --json")]
    List {
        #[command(flatten)]
        root: Root,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a session: settings, layers with their attempts, errors, perplexity
    #[command(after_help = "Examples:
  slimgpt sessions show last
  slimgpt sessions show slimgpt-demo-2026-11-25 --json")]
    Show {
        /// A path, a name, an unambiguous prefix of a name, or last
        session: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare two sessions
    #[command(after_help = "Example:
  slimgpt sessions compare slimgpt-demo-2026-11-24-181500 last")]
    Compare {
        /// A path, a name, an unambiguous prefix of a name, or last
        a: String,
        /// The other session
        b: String,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete sessions that have not changed for some time; sessions in use and unreadable ones are kept
    #[command(after_help = "Examples:
  slimgpt sessions prune-old --dry-run               only list them
  slimgpt sessions prune-old --older-than 2w --keep 5")]
    PruneOld {
        #[command(flatten)]
        root: Root,
        /// Minimum time since the last change: a number with the unit m, h, d or w
        #[arg(long, value_name = "TIME", default_value = "30d", value_parser = time)]
        older_than: Duration,
        /// Keep the N most recently changed sessions
        #[arg(long, value_name = "N", default_value_t = 0)]
        keep: usize,
        /// List the sessions, and delete nothing
        #[arg(long)]
        dry_run: bool,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Delete sessions
    #[command(after_help = "Example:
  slimgpt sessions remove slimgpt-demo-2026-11-24-181500")]
    Remove {
        /// Paths, names, unambiguous prefixes of names, or last
        #[arg(required = true, value_name = "SESSION")]
        sessions: Vec<String>,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct Root {
    /// Directory of the sessions [default: see slimgpt config paths]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

fn attempt(text: &str) -> Result<Choice, String> {
    match text.parse() {
        _ if text == "none" => Ok(Choice::None),
        Ok(number) => Ok(Choice::Attempt(number)),
        Err(_) => Err("expected the number of an attempt, or none".into()),
    }
}

/// Parses a duration: `30d`, `12h`, `90m`, `2w`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a number followed by m, h, d or w, such as 30d, found \"{text}\"");
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return Err(wrong()),
    };
    let count: u64 = number.trim().parse().map_err(|_| wrong())?;
    count.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("30d"), Ok(Duration::from_secs(30 * DAY)));
        assert_eq!(time("0m"), Ok(Duration::ZERO));
        for text in ["", "30", "d", "-1d", "1y", "1.5h", "99999999999999999999w", "999999999999999999w"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_attempt_is_a_number_or_none() {
        assert_eq!(attempt("none"), Ok(Choice::None));
        assert_eq!(attempt("3"), Ok(Choice::Attempt(3)));
        assert!(attempt("three").is_err() && attempt("-1").is_err());
    }
}
