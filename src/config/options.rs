//! What a person may set for a run: one struct, read from flags and from a settings file alike.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ByteSize, LayerRange, OutputOptions, Preset, ScheduleChoice, file::one_or_many};
use crate::calibration::TextSource;
use crate::model::{ComputeDevice, Precision};
use crate::prune::{AttentionUnit, GroupSize, HeadScore, Part, Refine, Schedule, Score, SolverDtype, Target};

/// Every field is optional: a flag wins over the settings file, the file over the preset, the preset over the default.
/// Keys of the file are the flags' names; `seq-len` and `seq_len` are the same key. `file.rs` refuses unknown ones.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(default)]
pub struct Options {
    /// The model, for settings files; on the command line it is the argument.
    #[arg(skip)]
    pub model: Option<String>,

    /// Calibration text: plain text, JSON lines with "text", Alpaca JSON, or .gz of these [may be repeated]
    #[arg(long, value_name = "FILE", help_heading = "Calibration")]
    #[serde(deserialize_with = "one_or_many")]
    pub calibration: Option<Vec<TextSource>>,
    /// Calibration windows [default: 128]
    #[arg(long, value_name = "N", help_heading = "Calibration")]
    pub samples: Option<usize>,
    /// Tokens in a calibration window [default: 2048, or the model's own limit where that is lower]
    #[arg(long, value_name = "N", help_heading = "Calibration")]
    pub seq_len: Option<usize>,
    /// Seed of the window places [default: 0]
    #[arg(long, value_name = "N", help_heading = "Calibration")]
    pub seed: Option<u64>,

    /// Ratio over depth: log, linear, uniform, log-decrease, linear-decrease, auto (searched for), or a file with one ratio a layer, where 0.1/0.3 are of heads and channels [default: log]
    #[arg(long, value_name = "SCHEDULE", help_heading = "Ratios")]
    pub schedule: Option<ScheduleChoice>,
    /// Mean pruning ratio, from 0 to below 1 [default: 0.2]
    #[arg(long, value_name = "R", conflicts_with_all = ["first_ratio", "last_ratio"], help_heading = "Ratios")]
    pub ratio: Option<f64>,
    /// Raise or lower the mean until that share of the pruned parts' parameters leaves: counts of heads are rounded, which takes more or less [with auto: always]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", conflicts_with_all = ["first_ratio", "last_ratio"], help_heading = "Ratios")]
    pub by_parameters: Option<bool>,
    /// Ratio of the first layer
    #[arg(long, value_name = "A", requires = "last_ratio", help_heading = "Ratios")]
    pub first_ratio: Option<f64>,
    /// Ratio of the last layer
    #[arg(long, value_name = "B", requires = "first_ratio", help_heading = "Ratios")]
    pub last_ratio: Option<f64>,
    /// Windows that a search for ratios fits on, and as many others that it measures losses on [default: 16]
    #[arg(long, value_name = "N", help_heading = "Ratios")]
    pub search_samples: Option<usize>,
    /// Whole models that a search for ratios prunes at most [default: 48]
    #[arg(long, value_name = "N", help_heading = "Ratios")]
    pub search_trials: Option<usize>,
    /// Parts to prune [default: attention,mlp]
    #[arg(long, value_name = "PARTS", value_delimiter = ',', help_heading = "Ratios")]
    #[serde(deserialize_with = "one_or_many")]
    pub parts: Option<Vec<Part>>,
    /// Layers to prune, the end excluded, such as 2..30 [default: all]
    #[arg(long, value_name = "RANGE", help_heading = "Ratios")]
    pub layers: Option<LayerRange>,
    /// Keep a multiple of this many channels [default: 1]
    #[arg(long, value_name = "N", help_heading = "Ratios")]
    pub channel_multiple: Option<usize>,
    /// Give every layer the same sizes, by the mean of the ratios, so that any runtime loads the model
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Ratios")]
    pub uniform: Option<bool>,

    /// paper: what the SlimGPT authors ran (grouped-cholesky, reference groups, log, layer); recommended: what lost least perplexity here (auto, dense-stream, swaps)
    #[arg(long, value_name = "NAME", help_heading = "Method")]
    pub preset: Option<Preset>,
    /// By what units leave: obs, or for comparison magnitude, wanda-sp, flap or random [default: obs]
    #[arg(long, value_name = "SCORE", help_heading = "Method")]
    pub score: Option<Score>,
    /// With obs, score that picks the next head: exact, grouped-cholesky or diagonal [default: exact]
    #[arg(long, value_name = "SCORE", help_heading = "Method")]
    pub head_score: Option<HeadScore>,
    /// What leaves the attention as one: kv-group or query-head [default: kv-group]
    #[arg(long, value_name = "UNIT", help_heading = "Method")]
    pub attention_unit: Option<AttentionUnit>,
    /// With obs, channels that leave together: dynamic, reference, exact or a number [default: dynamic]
    #[arg(long, value_name = "SIZE", help_heading = "Method")]
    pub group_size: Option<GroupSize>,
    /// After that, exchange removed and kept units while it lowers the error: none or swaps [default: none]
    #[arg(long, value_name = "HOW", help_heading = "Method")]
    pub refine: Option<Refine>,
    /// What the kept columns are fitted to: layer or dense-stream [default: layer]
    #[arg(long, value_name = "TARGET", help_heading = "Method")]
    pub target: Option<Target>,
    /// With dense-stream: how far the kept columns go towards it, from the layer's own output at 0 [default: 0.5]
    #[arg(long, value_name = "W", help_heading = "Method")]
    pub stream_weight: Option<f64>,
    /// Damping, as a share of the mean diagonal of the second moment [default: 0.01]
    #[arg(long, value_name = "D", help_heading = "Method")]
    pub damping: Option<f64>,
    /// Leave the kept weights as they are
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Method")]
    pub no_compensation: Option<bool>,
    /// Give the output of each cut part a bias that makes up for the mean of what left, as FLAP does
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Method")]
    pub bias_compensation: Option<bool>,
    /// Number type of the elimination: f32, f64 or auto, f64 up to 2048 columns; the kept weights are fitted in f64 [default: auto]
    #[arg(long, value_name = "TYPE", help_heading = "Method")]
    pub solver_dtype: Option<SolverDtype>,

    /// Run the dense stream as well and report the output error of every layer
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Evaluation")]
    pub track_errors: Option<bool>,
    /// Text to measure perplexity on, before and after
    #[arg(long, value_name = "FILE", help_heading = "Evaluation")]
    pub eval: Option<TextSource>,
    /// Tokens in an evaluation window [default: 128]
    #[arg(long, value_name = "N", help_heading = "Evaluation")]
    pub eval_seq_len: Option<usize>,
    /// Put a BOS token before each evaluation window
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Evaluation")]
    pub bos: Option<bool>,

    #[command(flatten)]
    #[serde(flatten)]
    pub output: OutputOptions,
    /// Directory to record the run in, so that it can be resumed [default: a new one among slimgpt's own]
    #[arg(long, value_name = "DIR", conflicts_with = "no_session", help_heading = "Session")]
    pub session: Option<PathBuf>,
    /// Record no session: a run that is killed is lost
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Session")]
    pub no_session: Option<bool>,
    /// Disk for layer inputs, so that a retry finds them; those of older sessions go when a new one is begun; 0 keeps none [default: 1GiB]
    #[arg(long, value_name = "SIZE", help_heading = "Session")]
    pub session_cache: Option<ByteSize>,
    /// Record every event of the run as JSON lines
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub events: Option<PathBuf>,
    /// Print run.json instead of the table
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL", help_heading = "Output")]
    pub json: Option<bool>,

    #[command(flatten)]
    #[serde(flatten)]
    pub machine: MachineOptions,
}

/// What a forward pass runs on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(default)]
pub struct MachineOptions {
    /// cpu, cuda, cuda:N or metal [default: cpu]
    #[arg(long, value_name = "DEVICE", help_heading = "Machine")]
    pub device: Option<ComputeDevice>,
    /// Number type of the forward pass [default: f32]
    #[arg(long, value_name = "TYPE", help_heading = "Machine")]
    pub dtype: Option<Precision>,
    /// Memory for streams and activations; decides what is kept and what is computed again [default: 8GiB]
    #[arg(long, value_name = "SIZE", help_heading = "Machine")]
    pub memory_budget: Option<ByteSize>,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N", help_heading = "Machine")]
    pub threads: Option<usize>,
}

impl Options {
    /// These options, and `weaker` where nothing is said.
    pub fn or(self, weaker: Self) -> Self {
        // A mean, a pair of ends and one ratio a layer exclude each other: whichever side names one of them decides.
        let one_a_layer = |options: &Self| {
            matches!(
                options.schedule,
                Some(ScheduleChoice::File(_) | ScheduleChoice::Schedule(Schedule::Custom(_)))
            )
        };
        let own_span = self.ratio.is_some() || self.first_ratio.is_some() || one_a_layer(&self);
        let weaker_schedule = if own_span && one_a_layer(&weaker) { None } else { weaker.schedule.clone() };
        let span = if own_span { &self } else { &weaker };
        let (ratio, first_ratio, last_ratio) = (span.ratio, span.first_ratio, span.last_ratio);
        let own_place = self.session.is_some() || self.no_session.is_some();
        let place = if own_place { &self } else { &weaker };
        let (session, no_session) = (place.session.clone(), place.no_session);
        Self {
            ratio,
            first_ratio,
            last_ratio,
            model: self.model.or(weaker.model),
            calibration: self.calibration.or(weaker.calibration),
            samples: self.samples.or(weaker.samples),
            seq_len: self.seq_len.or(weaker.seq_len),
            seed: self.seed.or(weaker.seed),
            schedule: self.schedule.or(weaker_schedule),
            search_samples: self.search_samples.or(weaker.search_samples),
            search_trials: self.search_trials.or(weaker.search_trials),
            by_parameters: self.by_parameters.or(weaker.by_parameters),
            parts: self.parts.or(weaker.parts),
            layers: self.layers.or(weaker.layers),
            channel_multiple: self.channel_multiple.or(weaker.channel_multiple),
            uniform: self.uniform.or(weaker.uniform),
            preset: self.preset.or(weaker.preset),
            score: self.score.or(weaker.score),
            head_score: self.head_score.or(weaker.head_score),
            attention_unit: self.attention_unit.or(weaker.attention_unit),
            group_size: self.group_size.or(weaker.group_size),
            refine: self.refine.or(weaker.refine),
            target: self.target.or(weaker.target),
            stream_weight: self.stream_weight.or(weaker.stream_weight),
            damping: self.damping.or(weaker.damping),
            no_compensation: self.no_compensation.or(weaker.no_compensation),
            bias_compensation: self.bias_compensation.or(weaker.bias_compensation),
            solver_dtype: self.solver_dtype.or(weaker.solver_dtype),
            track_errors: self.track_errors.or(weaker.track_errors),
            eval: self.eval.or(weaker.eval),
            eval_seq_len: self.eval_seq_len.or(weaker.eval_seq_len),
            bos: self.bos.or(weaker.bos),
            output: self.output.or(weaker.output),
            session,
            no_session,
            session_cache: self.session_cache.or(weaker.session_cache),
            events: self.events.or(weaker.events),
            json: self.json.or(weaker.json),
            machine: self.machine.or(weaker.machine),
        }
    }
}

impl MachineOptions {
    /// These options, and `weaker` where nothing is said.
    pub fn or(self, weaker: Self) -> Self {
        Self {
            device: self.device.or(weaker.device),
            dtype: self.dtype.or(weaker.dtype),
            memory_budget: self.memory_budget.or(weaker.memory_budget),
            threads: self.threads.or(weaker.threads),
        }
    }
}
