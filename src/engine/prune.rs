//! `slimgpt prune`: one run from settings to a written model, whose blocks go to the disk as they are finished.

use std::path::PathBuf;

use crate::{
    config::Settings,
    export::{OutputDir, ShardWriter},
    model::{Architecture, Checkpoint, Source},
    pipeline::{self, LayerPlan, LayerTask, Pass},
    protocol::{Attempt, Event, Method, RunRecord, Seconds},
    prune::LayerRecord,
};

use super::{
    Control, Error, ModelChoice,
    calibrate::{Calibration, resolved},
    describe::{model_record, opened, planned},
    evaluate::check_window,
    machine::{forward_on, peak_memory},
    meter::{Meter, Yardstick},
    publish::{directory, publish, write_rest},
};

pub struct PruneRun {
    pub model: ModelChoice,
    pub settings: Settings,
    pub out: PathBuf,
    /// Replace what is there.
    pub force: bool,
}

/// Prunes, measures, writes. What it returns also lies in `OUT/run.json`.
pub fn prune(job: PruneRun, control: &mut Control) -> Result<RunRecord, Error> {
    let PruneRun { model, settings, out, force } = job;
    let (device, dtype) = forward_on(&settings.machine)?;
    let checkpoint = model.open(control)?;
    let settings = resolved(settings, checkpoint.architecture())?;
    let plan = pipeline::plan(checkpoint.architecture(), &settings)?;
    if settings.eval.is_some() {
        check_window("eval-seq-len", settings.eval_seq_len, settings.bos, &checkpoint)?;
    }
    let out = OutputDir::create(&out, force, directory(&checkpoint))?;
    control.tell(opened(&checkpoint)?);
    control.tell(Event::RunStarted {
        from: 0,
        model: model_record(&checkpoint, checkpoint.architecture())?,
        settings: Box::new(settings.clone()),
        plan: plan.iter().zip(&checkpoint.architecture().layers).map(planned).collect(),
    });

    let calibration = Calibration::draw(&settings, &checkpoint, control)?;
    control.tell(calibration.told());
    let mut seconds = Seconds::default();
    let yardstick = Yardstick::of_run(&settings);
    let mut meter = match &yardstick {
        Some(yardstick) => {
            yardstick.warn(&settings.calibration, control);
            Some(Meter::new(yardstick, (&device, dtype), &checkpoint, control)?)
        }
        None => None,
    };
    if let Some(meter) = &mut meter {
        control.timed(&mut seconds.evaluate, |control| meter.before(&checkpoint, None, control))?;
    }

    let mut shards = ShardWriter::default();
    let windows = &calibration.windows;
    let pass = Pass { checkpoint: &checkpoint, settings: &settings, windows, device: &device, dtype };
    let (layers, architecture) = run_pass(&pass, &plan, &mut shards, &out, &mut seconds, control)?;

    let after = control.timed(&mut seconds.export, |_| -> Result<_, Error> {
        write_rest(&checkpoint, &architecture, windows, shards, &out)?;
        Ok(Checkpoint::open(Source::Directory(out.path().into()))?)
    })?;
    if let Some(meter) = &mut meter {
        control.timed(&mut seconds.evaluate, |control| meter.after(&after, None, control))?;
    }
    if control.checkpoint().is_break() {
        return Err(Error::Cancelled);
    }
    seconds.total = control.seconds();
    let perplexity = meter.map(|meter| meter.record);
    let record = RunRecord {
        slimgpt_version: env!("CARGO_PKG_VERSION").into(),
        model: model_record(&checkpoint, &architecture)?,
        settings,
        calibration: calibration.record,
        layers,
        perplexity,
        seconds,
        peak_memory_bytes: peak_memory(),
    };
    publish(out, &record, control)?;
    control.tell(Event::RunDone { record: Box::new(record.clone()) });
    Ok(record)
}

/// The pass over the blocks; finished ones go to the shards. Returns the records and the sizes after pruning.
fn run_pass<'c>(
    pass: &Pass<'c>,
    plan: &[LayerPlan],
    shards: &mut ShardWriter<'c>,
    out: &OutputDir,
    seconds: &mut Seconds,
    control: &mut Control,
) -> Result<(Vec<LayerRecord>, Architecture), Error> {
    let began = control.seconds();
    let mut streams = pass.enter()?;
    let mut sizes = pass.checkpoint.architecture().layers.clone();
    let mut records = Vec::with_capacity(plan.len());
    for (layer, plan) in plan.iter().enumerate() {
        let method = Method::of_run(pass.settings, plan.ratio);
        control.tell(Event::LayerStarted { layer, attempt: 0, method: method.clone() });
        let task = LayerTask::of_plan(layer, plan);
        let solved = pass.layer(&task, &mut streams, None, &mut |notice| control.hear(notice))?;
        seconds.solve += solved.solve_seconds;
        sizes[layer] = solved.cut.size(sizes[layer]);
        shards.add(out, solved.cut.tensors(pass.checkpoint)?)?;
        let attempt = Attempt { number: 0, above: vec![0; layer], method };
        control.tell(Event::LayerDone { record: solved.record.clone(), attempt });
        if control.checkpoint().is_break() {
            return Err(Error::Cancelled);
        }
        records.push(solved.record);
    }
    seconds.calibration = control.seconds() - began - seconds.solve;
    Ok((records, pass.checkpoint.architecture().with_layers(sizes)))
}
