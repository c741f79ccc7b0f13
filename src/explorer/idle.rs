//! Work in idle time: the error curve of the layer that is shown is followed past the cut.

use crate::{
    protocol::{Command, Control, job},
    prune::Part,
};

use super::{Asked, Effect, JobStatus, Screen, State, Status};

/// Layers that took longer, in seconds, are not solved again unless the user requests it.
const LONGEST: f64 = 10.0;

/// The error curves that were begun, so that none is begun twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Idle {
    /// Whether idle time is used.
    pub curves: bool,
    /// Layer, part and attempt.
    begun: Vec<(usize, Part, usize)>,
}

impl Idle {
    pub fn new(curves: bool) -> Self {
        Self { curves, begun: Vec::new() }
    }
}

/// Starts the next error curve if no job is running.
pub fn fill(state: &mut State) -> Vec<Effect> {
    let shows_curves = [Screen::Layer, Screen::Schedule].contains(&state.screen);
    if !state.idle.curves || !shows_curves || !state.jobs.queue.is_empty() || state.unready().is_some() {
        return Vec::new();
    }
    let Some((layer, part, attempt)) = next(state) else { return Vec::new() };
    state.idle.begun.push((layer, part, attempt));
    let effects = state.begin(job::ErrorCurve { layer, part, method: state.method(layer) });
    if let Some(job) = state.jobs.queue.back_mut() {
        job.asked = Asked::Idle;
    }
    effects
}

/// The shown part first, then the other one.
fn next(state: &State) -> Option<(usize, Part, usize)> {
    let layer = state.layer;
    let known = state.layers.get(layer).filter(|_| state.status(layer) == Status::Done)?;
    let active = known.active().filter(|active| active.seconds.is_some_and(|seconds| seconds <= LONGEST))?;
    let attempt = active.attempt.number;
    let shown = state.screens.layer.part;
    let parts = [Part::Attention, Part::Mlp].into_iter();
    let (first, rest): (Vec<Part>, Vec<Part>) = parts.partition(|part| *part == shown);
    first
        .into_iter()
        .chain(rest)
        .filter(|&part| !active.record(part).removed.is_empty() && known.computed_curve(part).is_none())
        .map(|part| (layer, part, attempt))
        .find(|curve| !state.idle.begun.contains(curve))
}

/// Ends the work in idle time, because another job is about to be queued.
pub fn make_way(state: &mut State) -> Vec<Effect> {
    let Some(job) = state.jobs.queue.front_mut().filter(|job| job.asked == Asked::Idle) else {
        return Vec::new();
    };
    job.status = JobStatus::Cancelling;
    vec![Effect::Command(Command::control(job.run, Control::Cancel))]
}
