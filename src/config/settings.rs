//! The settings of a run, all of them resolved: what `run.json` holds and the pipeline obeys.

use std::fs;

use serde::{Deserialize, Serialize};

use super::{ByteSize, Error, LayerRange, MachineOptions, Options, Preset, ScheduleChoice};
use crate::{
    calibration::TextSource,
    export::OutputForm,
    model::{ComputeDevice, Precision},
    prune::{
        AttentionUnit, GroupSize, HeadScore, LayerRatio, Part, Refine, Schedule, Score, SolverDtype, Target,
    },
};

/// The mean ratio where nothing is said.
const DEFAULT_RATIO: f64 = 0.2;
const MOST_THREADS: usize = 1024;

/// A run's settings. Built from `Options` by [`Settings::new`], which checks every value once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub calibration: Vec<TextSource>,
    pub samples: usize,
    /// None until the model is known: then min(2048, the model's own limit).
    pub seq_len: Option<usize>,
    pub seed: u64,

    pub schedule: Schedule,
    pub ratio: Option<f64>,
    /// The mean is still to be moved until that share of the parameters leaves.
    #[serde(default)]
    pub by_parameters: bool,
    pub first_ratio: Option<f64>,
    pub last_ratio: Option<f64>,
    /// Windows that a search for ratios fits on, and as many others that it measures losses on.
    #[serde(default = "search_samples")]
    pub search_samples: usize,
    /// Whole models that it prunes at most.
    #[serde(default = "search_trials")]
    pub search_trials: usize,
    pub parts: Vec<Part>,
    pub layers: LayerRange,
    pub channel_multiple: usize,
    /// Every layer gets the same sizes, by the mean of the schedule's ratios.
    #[serde(default)]
    pub uniform: bool,

    #[serde(default)]
    pub score: Score,
    pub head_score: HeadScore,
    pub attention_unit: AttentionUnit,
    pub group_size: GroupSize,
    #[serde(default)]
    pub refine: Refine,
    pub target: Target,
    /// How far the fit goes from the layer's own output towards the dense stream.
    #[serde(default = "stream_weight")]
    pub stream_weight: f64,
    pub damping: f64,
    pub compensation: bool,
    /// A bias makes up for the mean of what left.
    #[serde(default)]
    pub bias_compensation: bool,
    #[serde(default)]
    pub solver_dtype: SolverDtype,

    pub track_errors: bool,
    pub eval: Option<TextSource>,
    pub eval_seq_len: usize,
    pub bos: bool,
    #[serde(flatten)]
    pub output: OutputForm,
    /// Bytes of layer inputs that a session keeps on disk, so that a retry finds them.
    #[serde(default = "session_cache")]
    pub session_cache: ByteSize,
    pub machine: Machine,
}

/// What a session may keep on disk beside its results where nothing is said.
fn session_cache() -> ByteSize {
    ByteSize(1 << 30)
}

/// The whole way: what sessions had before there was a choice.
const fn stream_weight() -> f64 {
    1.0
}

const fn search_samples() -> usize {
    16
}

const fn search_trials() -> usize {
    48
}

/// What a forward pass runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub device: ComputeDevice,
    pub dtype: Precision,
    /// Bytes for streams and activations.
    pub memory_budget: ByteSize,
    pub threads: Option<usize>,
}

/// What fixes the ratios of a schedule: their mean, or the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Mean(f64),
    Ends { first: f64, last: f64 },
}

impl Settings {
    /// Fills in presets and defaults and checks every value.
    pub fn new(options: Options) -> Result<Self, Error> {
        let o = match options.preset {
            Some(Preset::Paper) => options.or(paper()),
            Some(Preset::Recommended) => options.or(recommended()),
            None => options,
        };
        let schedule = match o.schedule {
            Some(ScheduleChoice::File(path)) => Schedule::Custom(read_ratios(&path)?),
            Some(ScheduleChoice::Schedule(schedule)) => schedule,
            None => Schedule::default(),
        };
        let custom = matches!(schedule, Schedule::Custom(_));
        let spanned = o.ratio.is_some() || o.first_ratio.is_some();
        if custom && spanned {
            return Err(Error::value(
                "ratio",
                "a schedule with one ratio a layer has no mean or ends to set",
                "leave it out",
            ));
        }
        if schedule == Schedule::Auto && o.first_ratio.is_some() {
            let what = "the schedule auto finds the ratios of all layers by their mean";
            return Err(Error::value("first-ratio", what, "set ratio"));
        }
        if schedule == Schedule::Auto && o.uniform == Some(true) {
            let what = "equal sizes leave the schedule auto nothing to choose";
            return Err(Error::value("uniform", what, "leave one of the two out"));
        }
        if schedule == Schedule::Uniform && o.first_ratio.is_some() {
            return Err(Error::value("first-ratio", "a uniform schedule has one ratio", "set ratio"));
        }
        let ratio = (!custom && o.first_ratio.is_none()).then(|| o.ratio.unwrap_or(DEFAULT_RATIO));
        for (key, value) in [("ratio", ratio), ("first-ratio", o.first_ratio), ("last-ratio", o.last_ratio)] {
            check_ratio(key, value)?;
        }
        if let Schedule::Custom(ratios) = &schedule {
            for (layer, &ratio) in ratios.iter().enumerate() {
                for ratio in [ratio.attention, ratio.mlp] {
                    check_ratio(&format!("schedule, layer {layer}"), Some(ratio))?;
                }
            }
        }
        let mut parts = o.parts.unwrap_or_else(|| vec![Part::Attention, Part::Mlp]);
        parts.sort();
        parts.dedup();
        if parts.is_empty() {
            return Err(Error::value("parts", "expected attention, mlp or both, found none", "name a part"));
        }
        let damping = o.damping.unwrap_or(0.01);
        if !(0.0..=1.0).contains(&damping) {
            let found = format!("expected a number from 0 to 1, found {damping}");
            return Err(Error::value("damping", &found, "the usual value is 0.01"));
        }
        let stream_weight = o.stream_weight.unwrap_or(0.5);
        if !(0.0..=1.0).contains(&stream_weight) {
            let found = format!("expected a number from 0 to 1, found {stream_weight}");
            return Err(Error::value("stream-weight", &found, "0.5 goes half the way"));
        }
        let (target, bias_compensation) =
            (o.target.unwrap_or_default(), o.bias_compensation.unwrap_or(false));
        if bias_compensation && target == Target::DenseStream {
            let what = "it makes up for the mean of the layer's own output, which the dense-stream target does not aim at";
            return Err(Error::value("bias-compensation", what, "turn it off, or set target to layer"));
        }
        let eval_seq_len = at_least("eval-seq-len", o.eval_seq_len.unwrap_or(128), 2)?;
        Ok(Self {
            calibration: o.calibration.unwrap_or_default(),
            samples: at_least("samples", o.samples.unwrap_or(128), 1)?,
            seq_len: o.seq_len.map(|n| at_least("seq-len", n, 2)).transpose()?,
            seed: o.seed.unwrap_or(0),
            schedule,
            ratio,
            by_parameters: o.by_parameters.unwrap_or(false),
            first_ratio: o.first_ratio,
            last_ratio: o.last_ratio,
            search_samples: at_least("search-samples", o.search_samples.unwrap_or(search_samples()), 1)?,
            search_trials: at_least("search-trials", o.search_trials.unwrap_or(search_trials()), 1)?,
            parts,
            layers: o.layers.unwrap_or_default(),
            channel_multiple: at_least("channel-multiple", o.channel_multiple.unwrap_or(1), 1)?,
            uniform: o.uniform.unwrap_or(false),
            score: o.score.unwrap_or_default(),
            head_score: o.head_score.unwrap_or_default(),
            attention_unit: o.attention_unit.unwrap_or_default(),
            group_size: o.group_size.unwrap_or_default(),
            refine: o.refine.unwrap_or_default(),
            target,
            stream_weight,
            damping,
            compensation: !o.no_compensation.unwrap_or(false),
            bias_compensation,
            solver_dtype: o.solver_dtype.unwrap_or_default(),
            track_errors: o.track_errors.unwrap_or(false),
            eval: o.eval,
            eval_seq_len,
            bos: o.bos.unwrap_or(false),
            output: OutputForm::new(o.output)?,
            session_cache: o.session_cache.unwrap_or_else(session_cache),
            machine: Machine::new(o.machine)?,
        })
    }

    /// What fixes the ratios. A custom schedule fixes them itself; its span is not looked at.
    pub fn span(&self) -> Span {
        match (self.first_ratio, self.last_ratio) {
            (Some(first), Some(last)) => Span::Ends { first, last },
            _ => Span::Mean(self.ratio.unwrap_or(DEFAULT_RATIO)),
        }
    }

    pub fn prunes(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// True where the dense model has to run beside the pruned one.
    pub fn needs_dense_stream(&self) -> bool {
        self.track_errors || self.target == Target::DenseStream
    }
}

impl Machine {
    pub fn new(options: MachineOptions) -> Result<Self, Error> {
        if options.memory_budget == Some(ByteSize(0)) {
            return Err(Error::value(
                "memory-budget",
                "expected a size above 0, found 0",
                "give a larger one",
            ));
        }
        Ok(Self {
            device: options.device.unwrap_or_default(),
            dtype: options.dtype.unwrap_or_default(),
            memory_budget: options.memory_budget.unwrap_or_default(),
            threads: options.threads.map(threads).transpose()?,
        })
    }
}

/// What the SlimGPT authors ran.
fn paper() -> Options {
    Options {
        head_score: Some(HeadScore::GroupedCholesky),
        group_size: Some(GroupSize::Reference),
        schedule: Some(ScheduleChoice::Schedule(Schedule::Log)),
        target: Some(Target::Layer),
        ..Options::default()
    }
}

/// What lost least perplexity.
fn recommended() -> Options {
    Options {
        schedule: Some(ScheduleChoice::Schedule(Schedule::Auto)),
        target: Some(Target::DenseStream),
        refine: Some(Refine::Swaps),
        ..Options::default()
    }
}

fn check_ratio(key: &str, value: Option<f64>) -> Result<(), Error> {
    match value {
        Some(ratio) if !(0.0..1.0).contains(&ratio) => Err(Error::value(
            key,
            &format!("expected a ratio from 0 to below 1, found {ratio}"),
            "0.2 removes a fifth",
        )),
        _ => Ok(()),
    }
}

fn threads(count: usize) -> Result<usize, Error> {
    if count > MOST_THREADS {
        let found = format!("expected at most {MOST_THREADS}, found {count}");
        return Err(Error::value("threads", &found, "leave it out to use all cores"));
    }
    at_least("threads", count, 1)
}

/// Refuses a number below `least`.
pub fn at_least(key: &str, value: usize, least: usize) -> Result<usize, Error> {
    if value < least {
        let found = format!("expected at least {least}, found {value}");
        return Err(Error::value(key, &found, "give a larger number"));
    }
    Ok(value)
}

/// One ratio a layer: a JSON array as `run.json` and sessions hold it, or words such as 0.2 and 0.1/0.3 (heads, channels)
/// set apart by blanks, commas or lines; `#` begins a comment.
fn read_ratios(path: &std::path::Path) -> Result<Vec<LayerRatio>, Error> {
    let text = fs::read_to_string(path).map_err(|cause| Error::Schedule { path: path.into(), cause })?;
    if let Ok(ratios) = serde_json::from_str(&text) {
        return Ok(ratios);
    }
    let mut ratios = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default();
        let words =
            content.split(|c: char| c.is_whitespace() || ",[]".contains(c)).filter(|word| !word.is_empty());
        for word in words {
            let ratio = word.parse().map_err(|what| Error::File {
                file: path.display().to_string(),
                line: index + 1,
                what,
            })?;
            ratios.push(ratio);
        }
    }
    Ok(ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(options: Options) -> Result<Settings, String> {
        Settings::new(options).map_err(|e| e.to_string())
    }

    #[test]
    fn the_paper_s_preset_gives_way_to_what_is_said() {
        let options =
            Options { preset: Some(Preset::Paper), group_size: Some(GroupSize::Exact), ..Options::default() };
        let settings = settings(options).unwrap();
        assert_eq!(settings.head_score, HeadScore::GroupedCholesky);
        assert_eq!(settings.group_size, GroupSize::Exact);
    }

    #[test]
    fn a_ratio_outside_zero_to_one_is_refused_by_name() {
        for ratio in [-0.1, 1.0, f64::NAN] {
            let error = settings(Options { ratio: Some(ratio), ..Options::default() }).unwrap_err();
            assert!(error.starts_with("ratio:"), "{error}");
        }
        let ends = Options { first_ratio: Some(0.1), last_ratio: Some(1.5), ..Options::default() };
        assert!(settings(ends).unwrap_err().starts_with("last-ratio:"));
        let custom = Options {
            schedule: Some(ScheduleChoice::Schedule(Schedule::Custom(vec![0.1.into(), 2.0.into()]))),
            ..Options::default()
        };
        assert!(settings(custom).unwrap_err().starts_with("schedule, layer 1:"));
    }

    #[test]
    fn a_flag_s_span_replaces_the_file_s() {
        let file = Options { first_ratio: Some(0.1), last_ratio: Some(0.3), ..Options::default() };
        let flags = Options { ratio: Some(0.5), ..Options::default() };
        assert_eq!(settings(flags.or(file)).unwrap().span(), Span::Mean(0.5));
    }

    #[test]
    fn one_ratio_a_layer_and_a_mean_replace_each_other() {
        let custom = || {
            let schedule = Schedule::Custom(vec![0.1.into(), 0.2.into()]);
            Options { schedule: Some(ScheduleChoice::Schedule(schedule)), ..Options::default() }
        };
        let mean = || Options { ratio: Some(0.5), ..Options::default() };
        assert_eq!(
            settings(custom().or(mean())).unwrap().schedule,
            Schedule::Custom(vec![0.1.into(), 0.2.into()])
        );
        let settings = settings(mean().or(custom())).unwrap();
        assert_eq!((settings.schedule.clone(), settings.span()), (Schedule::Log, Span::Mean(0.5)));
    }

    #[test]
    fn a_schedule_file_may_be_json_or_plain() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratios");
        for text in ["[0.1, 0.2,\n 0.3]", "0.1 # first\n0.2\n0.3\n", "[0.1, 0.2, 0.3 # last\n]"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read_ratios(&path).unwrap(), [0.1, 0.2, 0.3].map(LayerRatio::both));
        }
        let apart = [LayerRatio { attention: 0.1, mlp: 0.3 }, LayerRatio::both(0.2)];
        for text in ["[{\"attention\": 0.1, \"mlp\": 0.3}, 0.2]", "# heads/channels\n0.1/0.3\n0.2\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read_ratios(&path).unwrap(), apart);
        }
    }

    #[test]
    fn a_session_may_keep_no_layer_inputs_but_a_run_needs_memory() {
        let none = Some(ByteSize(0));
        assert!(settings(Options { session_cache: none, ..Options::default() }).is_ok());
        let machine = MachineOptions { memory_budget: none, ..MachineOptions::default() };
        let error = settings(Options { machine, ..Options::default() }).unwrap_err();
        assert!(error.starts_with("memory-budget:"), "{error}");
    }

    #[test]
    fn settings_survive_json() {
        let options = Options { session_cache: Some(ByteSize(0)), ..Options::default() };
        let settings = settings(options).unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }
}
