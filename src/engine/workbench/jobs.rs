//! What is done without a screen: one job on a workbench of its own, from opening to closing.

use std::path::{Path, PathBuf};

use crate::{
    config::{GroupSize, HeadScore, LayerRatio, OutputOptions, Part, Refine, Schedule, Score, Settings},
    export::OutputDir,
    pipeline,
    protocol::{Apart, Attempt, Desk, Event, Method, Methods, RunRecord, Seconds},
    prune::LayerRecord,
    session::{self, Target},
};

use super::{
    super::{
        ModelChoice, SessionPlace,
        meter::{Meter, Yardstick},
        publish::directory,
    },
    Bench, Control, Error, Opening, Run,
    approach::{Returning, Waypoints},
    export::{for_later, is_own_output, is_written},
    opened, resolved,
};

pub struct PruneRun {
    pub model: ModelChoice,
    pub settings: Settings,
    pub out: PathBuf,
    /// Replace what is there.
    pub force: bool,
    pub session: SessionPlace,
}

/// Goes on with a session's run.
pub struct Resume {
    pub session: PathBuf,
    /// Where the model lies now, if it was moved.
    pub model: Option<String>,
    /// Where to write to, if not where the run was to write.
    pub out: Option<PathBuf>,
    pub force: bool,
}

pub struct Resumed {
    pub record: RunRecord,
    /// Where the model lies; None where nobody has said where it is to.
    pub out: Option<PathBuf>,
    /// Nothing was left to be done.
    pub was_finished: bool,
}

/// Another attempt at a layer.
pub struct Retry {
    pub session: PathBuf,
    pub model: Option<String>,
    pub layer: usize,
    pub change: MethodChange,
    /// Put it in force.
    pub choose: bool,
}

/// What is to be other than in the attempt in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodChange {
    pub ratio: Option<f64>,
    pub parts: Option<Vec<Part>>,
    pub damping: Option<f64>,
    pub score: Option<Score>,
    pub head_score: Option<HeadScore>,
    pub group_size: Option<GroupSize>,
    pub compensation: Option<bool>,
    pub refine: Option<Refine>,
}

impl MethodChange {
    /// The method with what is to be other; that holds for both parts.
    fn of(self, before: Method) -> Method {
        let apart = before.apart.into_iter().map(|apart| Apart {
            ratio: self.ratio.unwrap_or(apart.ratio),
            damping: self.damping.unwrap_or(apart.damping),
            compensation: self.compensation.unwrap_or(apart.compensation),
            score: self.score.unwrap_or(apart.score),
            refine: self.refine.unwrap_or(apart.refine),
            ..apart
        });
        let parts = self.parts.unwrap_or(before.parts);
        // A part that is taken over keeps its ratio.
        let other = |ratio: LayerRatio, &part: &Part| self.ratio.map_or(ratio, |own| ratio.with(part, own));
        let ratio = parts.iter().fold(before.ratio, other);
        Method {
            apart: apart.collect(),
            ratio,
            parts,
            damping: self.damping.unwrap_or(before.damping),
            score: self.score.unwrap_or(before.score),
            head_score: self.head_score.unwrap_or(before.head_score),
            group_size: self.group_size.unwrap_or(before.group_size),
            compensation: self.compensation.unwrap_or(before.compensation),
            refine: self.refine.unwrap_or(before.refine),
        }
    }
}

/// Puts an attempt in force, or none.
pub struct Choose {
    pub session: PathBuf,
    pub model: Option<String>,
    pub layer: usize,
    pub attempt: Option<usize>,
}

pub struct Export {
    pub session: PathBuf,
    pub model: Option<String>,
    /// What is said of the form; else as the session's last run was to be written.
    pub form: OutputOptions,
    pub out: PathBuf,
    pub force: bool,
}

/// The attempts of a layer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LayerTries {
    pub layer: usize,
    pub tries: Vec<Tried>,
    /// Layers below whose attempts in force rest on others than those in force above.
    pub stale_below: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Tried {
    pub attempt: Attempt,
    pub record: LayerRecord,
    pub in_force: bool,
    pub stale: bool,
}

/// Prunes, measures, writes. What it returns also lies in `OUT/run.json`.
pub fn prune(job: PruneRun, control: &mut Control) -> Result<RunRecord, Error> {
    let PruneRun { model, settings, out, force, session } = job;
    let checkpoint = model.open(control)?;
    let settings = resolved(settings, checkpoint.architecture())?;
    let ratios = match settings.schedule {
        Schedule::Auto => Vec::new(),
        _ => pipeline::scheduled(checkpoint.architecture().layers.len(), &settings)?,
    };
    OutputDir::check(&out, force, directory(&checkpoint))?;
    let opened = control.stamp(opened(&checkpoint)?);
    control.tell(opened.event.clone());
    let mut bench = Bench::new(&checkpoint, model, settings.clone(), session);
    bench.waypoints = Waypoints::returning(Returning::Later);
    bench.told.push(opened);
    let target = Some(Target { path: for_later(&out)?, force });
    let (methods, seconds) = (Methods::OfRun, Seconds::default());
    let run = Run { from: 0, ratios, settings, methods, target, seconds };
    let record = bench.run(run, control).and_then(|_| finish(&mut bench, &out, force, control));
    bench.close(control);
    record
}

/// Goes on with what is missing or stale, and writes what came of it.
pub fn resume(job: Resume, control: &mut Control) -> Result<Resumed, Error> {
    let Resume { session, model, out, force } = job;
    on_session(&session, model, control, |bench, desk, control| {
        let (ratios, settings) = bench.planned(desk, &session)?;
        bench.drop_damaged(control)?;
        let state = bench.session.as_ref().map(|session| session.state().clone());
        let course = state.and_then(|state| state.course);
        let finished = course.as_ref().is_some_and(|course| course.finished);
        let target = course.as_ref().and_then(|course| course.target.clone());
        let target = match out {
            Some(out) => Some(Target { path: for_later(&out)?, force }),
            None => target.map(|target| Target { force: target.force || force, ..target }),
        };
        let numbers = bench.attempts.numbers();
        let written =
            target.as_ref().is_none_or(|target| is_written(bench.session.as_ref(), &target.path, numbers));
        let from = bench.attempts.first_stale(&ratios);
        let finished = finished && (from.is_some() || bench.is_measured(&settings, control)?);
        // What this session wrote there, and nobody has changed, it may replace.
        let target = target.map(|target| {
            let own = is_own_output(bench.session.as_ref(), &target.path);
            Target { force: target.force || own, ..target }
        });
        // What is pruned now is written as well.
        if let Some(target) = target.as_ref().filter(|_| !written || from.is_some() || !finished) {
            OutputDir::check(&target.path, target.force, directory(bench.checkpoint))?;
        }
        if from.is_none() && finished && written {
            let record = bench.newest_record(control)?;
            return Ok(Resumed { record, out: target.map(|target| target.path), was_finished: true });
        }
        let mut record = None;
        if from.is_some() || !finished {
            let seconds = course.filter(|course| !course.finished).map(|course| course.seconds);
            let from = from.unwrap_or(ratios.len());
            let (target, seconds) = (target.clone(), seconds.unwrap_or_default());
            let methods = Methods::AsTuned;
            let run = Run { from, ratios, settings, methods, target, seconds };
            record = Some(bench.run(run, control)?);
        }
        let record = match (&target, record) {
            (Some(target), _) => finish(bench, &target.path, target.force, control)?,
            (None, Some(record)) => {
                control.tell(Event::RunDone { record: Box::new(record.clone()) });
                record
            }
            (None, None) => bench.newest_record(control)?,
        };
        Ok(Resumed { record, out: target.map(|target| target.path), was_finished: false })
    })
}

/// Solves a layer again, behind the layers above as they are in force.
pub fn retry(job: Retry, control: &mut Control) -> Result<LayerTries, Error> {
    let Retry { session, model, layer, change, choose } = job;
    on_session(&session, model, control, |bench, desk, control| {
        bench.attempts.check_layer(layer)?;
        let (mut ratios, _) = bench.planned(desk.clone(), &session)?;
        let planned = ratios.get(layer).copied().unwrap_or_default();
        let method = change.of(bench.method_in_force(layer, planned));
        let ratio = method.ratio;
        let number = bench.retry(layer, method, control)?;
        if choose {
            bench.keep_choice(layer, Some(number))?;
            control.tell(Event::Chosen { layer, attempt: Some(number) });
            ratios[layer] = ratio;
            bench.keep_plan(desk, &ratios, control);
        }
        control.tell(Event::JobDone);
        Ok(bench.tries(layer, &ratios))
    })
}

/// Puts an attempt in force; its ratio becomes the planned one.
pub fn choose(job: Choose, control: &mut Control) -> Result<LayerTries, Error> {
    let Choose { session, model, layer, attempt } = job;
    on_session(&session, model, control, |bench, desk, control| {
        let (mut ratios, _) = bench.planned(desk.clone(), &session)?;
        bench.keep_choice(layer, attempt)?;
        control.tell(Event::Chosen { layer, attempt });
        // Without an attempt the layer is to stay as the model has it.
        let chosen = bench.attempts.in_force(layer);
        ratios[layer] = chosen.map_or(LayerRatio::ZERO, |solved| solved.attempt.method.ratio);
        bench.keep_plan(desk, &ratios, control);
        Ok(bench.tries(layer, &ratios))
    })
}

/// Writes what the attempts in force make.
pub fn export(job: Export, control: &mut Control) -> Result<RunRecord, Error> {
    let Export { session, model, form, out, force } = job;
    on_session(&session, model, control, |bench, _, control| {
        let form = bench.settings.output.changed(form).map_err(Error::from)?;
        let record = bench.export(&form, &out, force, control)?;
        control.tell(Event::JobDone);
        Ok(record)
    })
}

/// Opens a session, works on it, and closes it in order.
pub(super) fn on_session<T>(
    dir: &Path,
    model: Option<String>,
    control: &mut Control,
    work: impl FnOnce(&mut Bench<'_>, Option<Desk>, &mut Control) -> Result<T, Error>,
) -> Result<T, Error> {
    let Opening { checkpoint, choice, settings, place, session } = Opening::of_session(dir, model, control)?;
    control.tell(opened(&checkpoint)?);
    let mut bench = Bench::new(&checkpoint, choice, settings, place);
    bench.waypoints = Waypoints::returning(Returning::Later);
    let mut desk = None;
    if let Some(found) = session {
        desk.clone_from(&found.desk);
        bench.restore(*found, control)?;
    }
    let done = work(&mut bench, desk, control);
    bench.close(control);
    done
}

/// Writes the model at the end of a run, and tells that this is done.
fn finish(bench: &mut Bench<'_>, out: &Path, force: bool, control: &mut Control) -> Result<RunRecord, Error> {
    if control.checkpoint().is_break() {
        return Err(Error::Cancelled);
    }
    let form = bench.settings.output.clone();
    let record = bench.export(&form, out, force, control)?;
    control.tell(Event::RunDone { record: Box::new(record.clone()) });
    Ok(record)
}

impl Bench<'_> {
    /// What a run would be done with now: what lies on the desk, or else what the last run had.
    fn planned(&self, desk: Option<Desk>, session: &Path) -> Result<(Vec<LayerRatio>, Settings), Error> {
        let course = self.session.as_ref().and_then(|session| session.state().course.clone());
        let ratios = match (desk, course) {
            (Some(desk), _) if desk.ratios.len() == self.attempts.numbers().len() => desk.ratios,
            (_, Some(course)) => course.ratios,
            (_, None) => return Err(Error::NothingRun(session.into())),
        };
        Ok((ratios, self.settings.clone()))
    }

    /// How the layer is solved that is in force, each part as it was; else how a run would solve it.
    fn method_in_force(&self, layer: usize, planned: LayerRatio) -> Method {
        let Some(solved) = self.attempts.in_force(layer) else {
            return Method::of_run(&self.settings, planned);
        };
        let own = &solved.attempt.method;
        self.attempts.tuned(layer, own.ratio).unwrap_or_else(|| own.clone())
    }

    /// Other ratios are planned from now on.
    fn keep_plan(&self, desk: Option<Desk>, ratios: &[LayerRatio], control: &mut Control) {
        let desk = match desk {
            Some(desk) => Desk { ratios: ratios.to_vec(), ..desk },
            None => Desk {
                settings: Box::new(self.settings.clone()),
                ratios: ratios.to_vec(),
                face: serde_json::Value::Null,
            },
        };
        control.keep(&desk);
    }

    /// Leaves out attempts in force whose weights are damaged; the layers are then to be solved again.
    fn drop_damaged(&mut self, control: &mut Control) -> Result<(), Error> {
        for layer in 0..self.attempts.numbers().len() {
            match self.in_force().cut(layer) {
                Err(Error::Session(cause @ session::Error::Damaged { .. })) => {
                    self.attempts.choose(layer, None)?;
                    control.tell(Event::Warning { message: format!("{cause}; the layer is solved again") });
                }
                read => drop(read?),
            }
        }
        Ok(())
    }

    /// True where the perplexity of what is in force is known, on the text as it is now; also where none is asked for.
    fn is_measured(&mut self, settings: &Settings, control: &mut Control) -> Result<bool, Error> {
        let Some(yardstick) = Yardstick::of_run(settings) else { return Ok(true) };
        let (device, dtype) = self.forward(&yardstick.machine)?;
        let meter = Meter::new(&yardstick, (&device, dtype), self.checkpoint, self.base.as_deref(), control);
        Ok(match meter {
            Ok(meter) => self.knows(&meter),
            Err(error) if error.is_cancelled() => return Err(error),
            // Without its text it cannot be measured anew.
            Err(_) => self.newest_perplexity().is_some(),
        })
    }

    fn tries(&self, layer: usize, ratios: &[LayerRatio]) -> LayerTries {
        let numbers = self.attempts.numbers();
        let tried = self.attempts.of_layer(layer).iter().map(|solved| Tried {
            attempt: solved.attempt.clone(),
            record: solved.record.clone(),
            in_force: numbers[layer] == Some(solved.attempt.number),
            stale: !solved.attempt.holds(numbers, None),
        });
        let below = layer + 1..numbers.len();
        let stale = |&below: &usize| self.attempts.is_stale(below, ratios.get(below).copied());
        LayerTries { layer, tries: tried.collect(), stale_below: below.filter(stale).collect() }
    }

    /// The record of what is in force.
    fn newest_record(&mut self, control: &mut Control) -> Result<RunRecord, Error> {
        let settings = self.settings()?;
        let calibration = self.calibration(&settings, super::Telling::WhenDrawn, control)?;
        let record = self.record(settings, &calibration, self.newest_perplexity(), self.seconds)?;
        let output = self.session.as_ref().and_then(|session| session.state().output.clone());
        let output = output.filter(|output| output.written && output.of == self.attempts.numbers());
        Ok(RunRecord { written: output.map(|output| output.forms).unwrap_or_default(), ..record })
    }

    fn close(mut self, control: &mut Control) {
        self.waypoints.put_down();
        control.set_journal(None);
    }
}
