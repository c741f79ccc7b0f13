//! Events of the model and of the start of a run.

use crate::{
    config::Settings,
    protocol::{ModelRecord, ModelShape, PlannedLayer},
};

use super::super::{JobKind, Layer, Model, NoticeKind, PreviousRun, Schedule, State, restore};

/// Number of previous runs whose errors are shown next to those of the newest run.
const PREVIOUS_RUNS: usize = 6;

pub fn opened(state: &mut State, record: ModelRecord, shape: ModelShape) {
    if state.model.is_some() {
        restore::forget(state);
    }
    let layers = shape.layers.len();
    let (schedule, wrong) = Schedule::of_settings(layers, &state.settings);
    state.schedule = schedule;
    state.schedule.weigh(&shape.layers, state.settings.objective.attention_unit);
    state.layers = shape.layers.iter().map(|&shape| Layer::new(shape)).collect();
    state.layer = 0;
    state.settle_choices();
    state.opening = None;
    state.model = Some(Model { record, shape });
    if let Some(why) = wrong {
        state.say(NoticeKind::Failed, why);
    }
}

pub fn run_started(state: &mut State, from: usize, settings: Settings, plan: &[PlannedLayer]) {
    // In a recording, a job that began with a search turns out to be a run.
    if let Some(job) = state.jobs.queue.front_mut() {
        (job.kind, job.from) = (JobKind::Run, from);
    }
    let output_errors = state.output_errors();
    if output_errors.iter().any(Option::is_some) {
        if state.previous_runs.len() == PREVIOUS_RUNS {
            state.previous_runs.remove(0);
        }
        state.previous_runs.push(PreviousRun { run: state.jobs.runs, output_errors });
    }
    state.jobs.runs += 1;
    state.jobs.broken_off = true;
    if state.is_replay() {
        state.settings = settings;
        let (mut schedule, _) = Schedule::of_settings(state.layers.len(), &state.settings);
        for (ratio, planned) in schedule.ratios.iter_mut().zip(plan) {
            *ratio = planned.ratio;
        }
        state.schedule = schedule;
        state.follow = true;
    }
}
