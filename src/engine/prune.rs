//! `slimgpt prune`: one run from settings to a written model.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Instant,
};

use candle_core::{DType, Device};
use sha2::{Digest, Sha256};

use crate::{
    calibration::Windows,
    config::{LayerRange, Settings, TextSource},
    export::{self, OutputDir, ShardWriter},
    model::{Architecture, Checkpoint, LayerSize, Source, end_tensors},
    pipeline::{self, LayerPlan, Notice, Pass},
    protocol::{
        Attempt, CalibrationRecord, Event, LayerShape, Method, ModelRecord, ModelShape, PerplexityRecord,
        PlannedLayer, RunRecord, Seconds, Stage,
    },
    prune::Progress,
};

use super::{
    Control, Error, ModelChoice,
    evaluate::{EvalText, check_window},
    machine::{forward_on, peak_memory},
    texts,
};

/// The longest window that is taken by itself.
const DEFAULT_SEQ_LEN: usize = 2048;

pub struct PruneRun {
    pub model: ModelChoice,
    pub settings: Settings,
    pub out: PathBuf,
    /// Replace what is there.
    pub force: bool,
}

/// Prunes, measures, writes. What it returns also lies in `OUT/run.json`.
pub fn prune(job: PruneRun, control: &mut Control) -> Result<RunRecord, Error> {
    let PruneRun { model, mut settings, out, force } = job;
    let (device, dtype) = forward_on(&settings.machine)?;
    let checkpoint = model.open(control)?;
    settings.seq_len = Some(window_length(&settings, checkpoint.architecture())?);
    settings.layers = whole_range(&settings, checkpoint.architecture())?;
    let plan = pipeline::plan(checkpoint.architecture(), &settings)?;
    if settings.eval.is_some() {
        check_window("eval-seq-len", settings.eval_seq_len, settings.bos, &checkpoint)?;
    }
    let out = OutputDir::create(&out, force, directory(&checkpoint))?;
    control.tell(opened(&checkpoint)?);
    control.tell(Event::RunStarted {
        model: model_record(&checkpoint, checkpoint.architecture())?,
        settings: Box::new(settings.clone()),
        plan: plan.iter().zip(&checkpoint.architecture().layers).map(planned).collect(),
    });

    let (windows, calibration) = draw_windows(&settings, &checkpoint, control)?;
    let mut seconds = Seconds::default();
    let mut meter = Meter::new(&settings, &checkpoint, (&device, dtype), control)?;
    if let Some(meter) = &mut meter {
        timed(&mut seconds.evaluate, || meter.before(&checkpoint, control))?;
    }

    let mut shards = ShardWriter::default();
    let pass = Pass {
        checkpoint: &checkpoint,
        settings: &settings,
        plan: &plan,
        windows: &windows,
        device: &device,
        dtype,
    };
    let finished = run_pass(&pass, &mut shards, &out, control)?;
    (seconds.calibration, seconds.solve) = (finished.calibration_seconds, finished.solve_seconds);

    let after = timed(&mut seconds.export, || -> Result<_, Error> {
        write_model(&checkpoint, &finished.architecture, &windows, shards, &out)?;
        Ok(Checkpoint::open(Source::Directory(out.path().into()))?)
    })?;
    if let Some(meter) = &mut meter {
        timed(&mut seconds.evaluate, || meter.after(&after, control))?;
    }
    if control.checkpoint().is_break() {
        return Err(Error::Cancelled);
    }
    seconds.total = control.seconds();
    let perplexity = meter.map(|meter| meter.record);
    let record = RunRecord {
        slimgpt_version: env!("CARGO_PKG_VERSION").into(),
        model: model_record(&checkpoint, &finished.architecture)?,
        settings,
        calibration,
        layers: finished.layers,
        perplexity,
        seconds,
        peak_memory_bytes: peak_memory(),
    };
    let json = serde_json::to_string_pretty(&record).map_err(|e| export::Error::Json(e.to_string()))?;
    out.write("run.json", format!("{json}\n").as_bytes())?;
    let published = out.publish()?;
    if let Some(leftover) = published.leftover {
        let message = format!("what was replaced could not be removed; it is now {}", leftover.display());
        control.tell(Event::Warning { message });
    }
    control.tell(Event::Written { path: published.path, bytes: published.bytes });
    control.tell(Event::RunDone { record: Box::new(record.clone()) });
    Ok(record)
}

pub fn window_length(settings: &Settings, architecture: &Architecture) -> Result<usize, Error> {
    let limit = architecture.max_positions;
    match settings.seq_len {
        Some(asked) if asked > limit => Err(Error::TooLong { key: "seq-len", asked, limit }),
        Some(asked) => Ok(asked),
        None => Ok(DEFAULT_SEQ_LEN.min(limit)),
    }
}

/// The range with both ends said, for the record.
fn whole_range(settings: &Settings, architecture: &Architecture) -> Result<LayerRange, Error> {
    let range = settings.layers.resolve(architecture.layers.len()).map_err(pipeline::Error::Layers)?;
    Ok(LayerRange { start: Some(range.start), end: Some(range.end) })
}

fn draw_windows(
    settings: &Settings,
    checkpoint: &Checkpoint,
    control: &mut Control,
) -> Result<(Windows, CalibrationRecord), Error> {
    if settings.calibration.is_empty() {
        return Err(Error::NoCalibration(TextSource::DemoStories));
    }
    let texts = settings.calibration.iter().map(texts::read).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<String> = settings.calibration.iter().map(ToString::to_string).collect();
    let tokens = texts::tokens(&texts, &checkpoint.tokenizer()?, control)?;
    let (samples, seq_len, seed) =
        (settings.samples, settings.seq_len.unwrap_or(DEFAULT_SEQ_LEN), settings.seed);
    let windows = Windows::draw(&tokens, samples, seq_len, seed)?;
    control.tell(Event::Calibrated { files: files.clone(), samples, seq_len, text_tokens: tokens.len() });
    let record = CalibrationRecord { files, samples, seq_len, seed, tokens: (samples * seq_len) as u64 };
    Ok((windows, record))
}

/// The pass over the blocks, told as events; finished blocks go to the shards.
fn run_pass<'c>(
    pass: &Pass<'_, 'c>,
    shards: &mut ShardWriter<'c>,
    out: &OutputDir,
    control: &mut Control,
) -> Result<pipeline::Finished, Error> {
    let mut write_error = None;
    let method = |layer: usize| Method::of_run(pass.settings, pass.plan[layer].ratio);
    let finished = pass.run(&mut |notice| {
        let event = match notice {
            Notice::Calibrating { layer, part, done, total } => {
                return control.progress(Stage::Calibrate { layer, part }, done, total);
            }
            Notice::Propagating { layer, part, done, total } => {
                return control.progress(Stage::Propagate { layer, part }, done, total);
            }
            Notice::LayerStarted { layer } => {
                Event::LayerStarted { layer, attempt: 0, method: method(layer) }
            }
            Notice::Solving { layer, part, progress } => match progress {
                Progress::Statistics { stats, picture, scores, energy } => {
                    let scores = scores.iter().map(|&score| score as f32).collect();
                    Event::Hessian { layer, part, stats: *stats, picture, scores, energy }
                }
                Progress::DampingRaised { from, to, reason } => {
                    Event::DampingRaised { layer, part, from, to, reason }
                }
                Progress::Removed { step, units, error, group_size: _ } => {
                    Event::Removed { layer, part, step, units: units.to_vec(), error }
                }
            },
            Notice::PartDone { layer, part, record } => {
                Event::PartDone { layer, part, record: record.clone() }
            }
            Notice::PartFailed { layer, part, cause } => {
                Event::PartFailed { layer, part, cause: cause.to_string() }
            }
            Notice::LayerDone { record, tensors } => {
                if let Err(error) = shards.add(out, tensors) {
                    write_error = Some(error);
                    return ControlFlow::Break(());
                }
                let attempt =
                    Attempt { number: 0, above: vec![0; record.index], method: method(record.index) };
                Event::LayerDone { record: record.clone(), attempt }
            }
        };
        control.tell(event);
        control.checkpoint()
    });
    match write_error {
        Some(error) => Err(error.into()),
        None => Ok(finished?),
    }
}

/// Everything but `run.json`: the rest of the weights, the configuration, the tokenizer, the windows.
fn write_model<'c>(
    checkpoint: &'c Checkpoint,
    pruned: &Architecture,
    windows: &Windows,
    mut shards: ShardWriter<'c>,
    out: &OutputDir,
) -> Result<(), Error> {
    shards.add(out, end_tensors(checkpoint)?)?;
    shards.finish(out)?;
    export::write_files(checkpoint, pruned, out)?;
    out.write("calibration.safetensors", &windows.to_safetensors())?;
    Ok(())
}

/// Where the model lies, if it is not built in.
fn directory(checkpoint: &Checkpoint) -> Option<&Path> {
    match checkpoint.source() {
        Source::Directory(path) => Some(path),
        Source::Embedded(_) => None,
    }
}

fn model_record(checkpoint: &Checkpoint, after: &Architecture) -> Result<ModelRecord, Error> {
    let before = checkpoint.architecture();
    let config = checkpoint.source().read("config.json", "it was there a moment ago")?;
    Ok(ModelRecord {
        name: checkpoint.name().into(),
        family: before.family.to_string(),
        layers: before.layers.len(),
        parameters_before: before.parameters(),
        parameters_after: after.parameters(),
        config_sha256: Sha256::digest(&config).iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

pub fn opened(checkpoint: &Checkpoint) -> Result<Event, Error> {
    let architecture = checkpoint.architecture();
    let mut bytes = 0;
    for slot in architecture.tensors() {
        bytes += checkpoint.weights().raw(&slot.name)?.data.len() as u64;
    }
    let shape = ModelShape {
        hidden: architecture.hidden,
        head_dim: architecture.head_dim,
        vocab: architecture.vocab,
        max_positions: architecture.max_positions,
        parameters: architecture.parameters(),
        bytes,
        layers: (0..architecture.layers.len()).map(|layer| layer_shape(architecture, layer)).collect(),
    };
    Ok(Event::Opened { model: model_record(checkpoint, architecture)?, shape })
}

/// What leaves with a unit is told by the same model with one unit less.
fn layer_shape(architecture: &Architecture, layer: usize) -> LayerShape {
    let size = architecture.layers[layer];
    let whole = architecture.layer_parameters(layer);
    let without = |smaller: LayerSize| {
        let mut layers = architecture.layers.clone();
        layers[layer] = smaller;
        whole - architecture.with_layers(layers).layer_parameters(layer)
    };
    let LayerSize { heads, kv_heads, channels } = size;
    let group = size.group();
    LayerShape {
        heads,
        kv_heads,
        channels,
        per_kv_group: without(LayerSize { heads: heads - group, kv_heads: kv_heads - 1, channels }),
        per_query_head: without(LayerSize { heads: heads - 1, kv_heads, channels }),
        per_channel: without(LayerSize { heads, kv_heads, channels: channels - 1 }),
    }
}

pub fn planned((plan, size): (&LayerPlan, &LayerSize)) -> PlannedLayer {
    PlannedLayer {
        ratio: plan.ratio,
        heads: size.heads,
        kv_heads: size.kv_heads,
        channels: size.channels,
        attention_units: plan.attention,
        mlp_units: plan.mlp,
    }
}

fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    *seconds += began.elapsed().as_secs_f64();
    result
}

/// Perplexity before and after.
struct Meter<'a> {
    text: EvalText,
    settings: &'a Settings,
    forward: (&'a Device, DType),
    record: PerplexityRecord,
}

impl<'a> Meter<'a> {
    /// None where no evaluation text was given.
    fn new(
        settings: &'a Settings,
        checkpoint: &Checkpoint,
        forward: (&'a Device, DType),
        control: &mut Control,
    ) -> Result<Option<Self>, Error> {
        let Some(source) = &settings.eval else { return Ok(None) };
        if settings.calibration.contains(source) {
            let message = format!(
                "evaluation text {source} is also the calibration text; its perplexity flatters the result"
            );
            control.tell(Event::Warning { message });
        }
        let text = EvalText::new(source, settings.eval_seq_len, settings.bos, checkpoint, control)?;
        let record = PerplexityRecord {
            text: source.to_string(),
            seq_len: settings.eval_seq_len,
            tokens: text.whole_windows(),
            bos: settings.bos,
            before: f64::NAN,
            after: None,
        };
        Ok(Some(Self { text, settings, forward, record }))
    }

    fn before(&mut self, checkpoint: &Checkpoint, control: &mut Control) -> Result<(), Error> {
        self.record.before =
            self.text.measure(checkpoint, &self.settings.machine, self.forward, false, control)?;
        control.tell(Event::Measured { record: self.record.clone() });
        Ok(())
    }

    fn after(&mut self, checkpoint: &Checkpoint, control: &mut Control) -> Result<(), Error> {
        let after = self.text.measure(checkpoint, &self.settings.machine, self.forward, true, control)?;
        self.record.after = Some(after);
        control.tell(Event::Measured { record: self.record.clone() });
        Ok(())
    }
}
