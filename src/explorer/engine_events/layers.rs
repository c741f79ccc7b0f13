//! Events of a layer and its parts.

use crate::{
    protocol::{Attempt, CurvePoint, Event, LayerRecord, Method, PartRecord},
    prune::{Part, StepPicture, StreamErrors},
};

use super::super::{
    Asked, AttemptResult, Cursor, Curve, Job, JobKind, NoticeKind, PartStatistics, Phase, RecordedSteps,
    State, Work, goal,
};

fn work(state: &mut State, layer: usize) -> Option<&mut Work> {
    state.layers.get_mut(layer)?.work.as_mut()
}

pub fn started(state: &mut State, layer: usize, attempt: usize, method: Method) {
    if state.follow && layer < state.layers.len() {
        state.layer = layer;
        state.screens.layer.part = Part::Attention;
    }
    let Some(known) = state.layers.get_mut(layer) else { return };
    let ratio = method.ratios();
    let goal = goal(&known.shape, ratio, &state.settings);
    known.failed = None;
    known.reported.clear();
    let unit = known.shape.unit(state.settings.objective.attention_unit, ratio);
    let begun = state.jobs.queue.front().map(|job| job.at);
    known.work = Some(Work { begun, ..Work::new(attempt, method, &known.shape, goal, unit) });
}

pub fn inverted(state: &mut State, (layer, part): (usize, Part), seen: PartStatistics) {
    if state.follow && state.layer == layer {
        state.screens.layer.part = part;
    }
    if let Some(work) = work(state, layer) {
        work.part = part;
        work.solving = true;
        work.part_mut(part).begin_again();
        work.part_mut(part).seen = Some(seen);
    }
}

/// Stores an event of the layer for the panels that show it.
pub fn report(state: &mut State, layer: usize, event: Event) {
    if let Some(known) = state.layers.get_mut(layer) {
        known.reported.push(event);
    }
}

/// Restarts the part from its first removal.
pub fn begin_part_again(state: &mut State, layer: usize, part: Part) {
    if let Some(work) = work(state, layer) {
        work.part_mut(part).begin_again();
    }
}

pub fn units_removed(state: &mut State, (layer, part): (usize, Part), units: Vec<usize>, error: f64) {
    if let Some(work) = work(state, layer) {
        let known = work.part_mut(part);
        known.step_errors.push(error);
        known.group_sizes.push(units.len());
        known.removed.extend(units);
    }
}

/// Maximum number of pictures of all layers together.
const PICTURES: usize = 1024;

/// Drops the pictures of the layer farthest from this one, if there are too many.
fn drop_distant(state: &mut State, layer: usize) {
    let recorded = state.layers.iter().flat_map(|layer| &layer.recorded);
    let all: usize = recorded.map(|recorded| recorded.counts().0).sum();
    let others = (0..state.layers.len()).filter(|&other| !state.layers[other].recorded.is_empty());
    let farthest = others.max_by_key(|other| other.abs_diff(layer));
    if let Some(other) = farthest.filter(|&other| all > PICTURES && other != layer) {
        state.layers[other].recorded.clear();
    }
}

/// Keeps the picture of a step. The algorithm view moves to a step that a job in progress halts after.
pub fn pictured(state: &mut State, (layer, part): (usize, Part), step: usize, picture: Box<StepPicture>) {
    let Some(known) = state.layers.get_mut(layer) else { return };
    let live = known.work.as_ref().map(|work| work.attempt);
    let attempt = live.or(known.chosen).unwrap_or(0);
    let found = known.recorded.iter().position(|recorded| recorded.part == part);
    // Step 0 begins a path.
    let at = match found {
        Some(at) if step > 0 && known.recorded[at].attempt == attempt => at,
        found => {
            if let Some(at) = found {
                known.recorded.remove(at);
            }
            known.recorded.push(RecordedSteps::new(part, attempt));
            known.recorded.len() - 1
        }
    };
    known.recorded[at].add(step, picture);
    drop_distant(state, layer);
    if live.is_some() {
        state.screens.steps.cursor = Some(Cursor { layer, part, step, phase: Phase::default() });
    }
}

pub fn part_done(state: &mut State, (layer, part): (usize, Part), record: PartRecord) {
    if let Some(work) = work(state, layer) {
        work.part_mut(part).record = Some(record);
        work.solving = false;
        work.part = Part::Mlp;
    }
}

pub fn part_failed(state: &mut State, (layer, part): (usize, Part), cause: &str) {
    if let Some(known) = state.layers.get_mut(layer) {
        known.work = None;
        known.failed = Some(format!("{part}: {cause}"));
    }
}

pub fn done(state: &mut State, record: LayerRecord, attempt: Attempt) {
    let run = state.job().is_some_and(|job| job.kind == JobKind::Run);
    let mut now = None;
    if let Some(job) = state.jobs.queue.front_mut() {
        job.layers_done += 1;
        now = Some(job.at);
    }
    let (index, number) = (record.index, attempt.number);
    let Some(layer) = state.layers.get_mut(index) else { return };
    let mut result =
        AttemptResult { attempt, record, stream_errors: None, attention: None, mlp: None, seconds: None };
    let equal = layer.work.as_ref().is_some_and(|work| work.attempt != number);
    let earlier = layer.active().map(|result| (result.attention.clone(), result.mlp.clone()));
    if let Some(work) = layer.work.take() {
        result.seconds = now.zip(work.begun).map(|(now, begun)| now - begun);
        (result.attention, result.mlp) = (work.attention.seen, work.mlp.seen);
    }
    if let Some((attention, mlp)) = earlier {
        // A part copied from the active attempt keeps its statistics.
        let parts = &result.attempt.method.parts;
        if !parts.contains(&Part::Attention) {
            result.attention = attention;
        }
        if !parts.contains(&Part::Mlp) {
            result.mlp = mlp;
        }
    }
    layer.failed = None;
    let known = layer.attempts.iter().position(|known| known.attempt.number == number);
    let at = match known {
        Some(at) => {
            layer.attempts[at] = result;
            at
        }
        None => {
            layer.attempts.push(result);
            layer.attempts.len() - 1
        }
    };
    if run {
        layer.chosen = Some(number);
    }
    if index == state.layer {
        state.screens.layer.attempt = at;
    }
    state.settle_choices();
    state.unsaved |= run && !state.is_replay();
    if !run {
        let text = if equal {
            format!("Layer {index}: the result equals attempt {number}, so no attempt was added.")
        } else {
            let marks =
                if state.layers[index].attempts.len() > 2 { ", m marks it for a comparison" } else { "" };
            format!(
                "Layer {index}: attempt {number} is saved but not active; Enter in the list of attempts activates it{marks}."
            )
        };
        state.say(NoticeKind::Done, text);
    }
}

/// Activates an attempt chosen by a run, which reuses attempts and puts them back if it is cancelled, or by a
/// recording. The user's own choices are applied when they are made. In a recording, the planned ratio becomes
/// that of the attempt.
pub fn activated(state: &mut State, layer: usize, attempt: Option<usize>) {
    if !state.is_replay() && !state.job().is_some_and(Job::is_pruning) {
        return;
    }
    let Some(known) = state.layers.get_mut(layer) else { return };
    known.chosen = attempt;
    let ratio = known.active().map(|result| result.attempt.method.ratio);
    if let Some(ratio) = ratio.filter(|_| state.is_replay()) {
        state.schedule.put(layer, ratio);
    }
    state.settle_choices();
}

/// Adds the comparison of the streams behind an attempt.
pub fn compared(state: &mut State, layer: usize, number: usize, errors: StreamErrors) {
    let Some(known) = state.layers.get_mut(layer) else { return };
    if let Some(result) = known.attempts.iter_mut().find(|result| result.attempt.number == number) {
        result.record.output_error = Some(errors.mlp.relative()).filter(|error| error.is_finite());
        result.stream_errors = Some(errors);
    }
}

pub fn error_curve(state: &mut State, (layer, part): (usize, Part), units: usize, points: Vec<CurvePoint>) {
    let method = state.method(layer);
    // The notice reported that the user requested the curve.
    if state.job().is_some_and(|job| job.asked == Asked::User) {
        state.notice = None;
    }
    if let Some(known) = state.layers.get_mut(layer) {
        known.curves.retain(|curve| curve.part != part);
        known.curves.push(Curve { part, units, points, method });
    }
}
