//! The layer and part shown by the Layer screen.

use crate::{
    explorer::{
        Action, AttemptResult, Job, Layer, PartStatistics, PartView, State, Status,
        screens::layer::side_by_side::MOST,
        view::{Canvas, Role, stage},
    },
    protocol::{Event, HessianStats, Method, Refined, Scheduled},
    prune::Part,
};

#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub index: usize,
    pub layer: &'a Layer,
    pub part: Part,
    pub status: Status,
    /// The part in the attempt being solved, otherwise in the active one; None for a layer without attempts.
    pub view: Option<PartView<'a>>,
    /// Number of retries of the layer that have not begun.
    pub waiting: usize,
    /// The marked attempts, from the first slot on.
    marked: [Option<&'a AttemptResult>; MOST],
}

/// A marked attempt.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub letter: char,
    pub role: Role,
    pub result: &'a AttemptResult,
}

impl Side<'_> {
    /// Position of every unit in the order of removal, from 1; None for kept units.
    pub fn places(&self, part: Part) -> Vec<Option<usize>> {
        let record = self.result.record(part);
        let mut places = vec![None; record.units];
        for (place, &unit) in (1..).zip(&record.removed) {
            if let Some(slot) = places.get_mut(unit) {
                *slot = Some(place);
            }
        }
        places
    }
}

impl<'a> Shown<'a> {
    pub fn of(state: &'a State) -> Option<Self> {
        let index = state.layer;
        let layer = state.layers.get(index)?;
        let part = state.screens.layer.part;
        // The units of a part are unknown until it begins.
        let view = layer.view(part).filter(|view| view.units > 0);
        let waiting = state.waiting_retries(index).count();
        let mut marked = [None; MOST];
        marked.iter_mut().zip(layer.marked()).for_each(|(slot, result)| *slot = Some(result));
        Some(Self { index, layer, part, status: state.status(index), view, waiting, marked })
    }

    /// The marked attempts with their letters and colours, in ascending order.
    pub fn sides(&self) -> Vec<Side<'a>> {
        let marked = self.marked.iter().flatten().zip('A'..).zip(Role::SERIES);
        marked.map(|((&result, letter), role)| Side { letter, role, result }).collect()
    }

    /// The marked attempts, if they are shown side by side.
    pub fn side_by_side(&self) -> bool {
        self.layer.is_side_by_side()
    }

    pub fn seen(&self) -> Option<&'a PartStatistics> {
        self.view.and_then(|view| view.seen)
    }

    /// The shown finished attempt; None while one is being solved.
    pub fn result(&self) -> Option<&'a AttemptResult> {
        if self.layer.work.is_some() { None } else { self.layer.active() }
    }

    pub fn stats(&self) -> Option<&'a HessianStats> {
        match self.seen() {
            Some(seen) => Some(&seen.stats),
            None => self.result()?.record(self.part).hessian.as_ref(),
        }
    }

    /// The newest of the layer's events that `of` recognises.
    pub fn reported<T>(&self, of: impl Fn(&'a Event) -> Option<T>) -> Option<T> {
        self.layer.reported.iter().rev().find_map(of)
    }

    /// The removal with the scheduled sizes, if sizes were rounded.
    pub fn scheduled(&self) -> Option<Scheduled> {
        self.result()?.record(self.part).scheduled
    }

    /// Errors before and after swaps.
    pub fn refined(&self) -> Option<Refined> {
        self.result()?.record(self.part).refined
    }

    pub fn method(&self) -> Option<&'a Method> {
        match &self.layer.work {
            Some(work) => Some(&work.method),
            None => self.layer.active().map(|result| &result.attempt.method),
        }
    }

    /// E‖y‖², the denominator of relative errors.
    pub fn energy(&self) -> Option<f64> {
        let measured = self.seen().and_then(|seen| seen.energy).filter(|&energy| energy > 0.0);
        measured.or_else(|| self.result()?.record(self.part).energy())
    }

    /// Position of every unit in the order of removal, from 0; None for kept units.
    pub fn places(&self) -> Vec<Option<u32>> {
        let Some(view) = self.view else { return Vec::new() };
        let mut places = vec![None; view.units];
        for (place, &unit) in (0..).zip(view.removed) {
            if let Some(slot) = places.get_mut(unit) {
                *slot = Some(place);
            }
        }
        places
    }

    /// The reason why there is nothing to show, and the next step.
    pub fn why_nothing(&self, view: &Canvas<'_>) -> String {
        let replay = view.state.is_replay();
        match (self.status, &self.layer.work) {
            (Status::Failed, _) if replay => "The layer failed before this was known.".into(),
            (Status::Waiting, None) if replay => stage::waits(view.state, "Not measured yet."),
            (Status::Failed, _) => {
                format!(
                    "The layer failed before this was known. Solve it again with {}.",
                    view.key(Action::Retry)
                )
            }
            (_, Some(_)) => stage::waits(view.state, "Not measured yet."),
            (Status::Waiting, None) if view.state.job().is_some_and(Job::is_pruning) => {
                stage::waits(view.state, "Not measured yet, the layers before come first.")
            }
            (Status::Waiting, None) => {
                let (start, curve) = (view.key(Action::Start), view.key(Action::ErrorCurve));
                format!(
                    "Not measured yet. Prune all layers with {start}, or compute its error curve with {curve}."
                )
            }
            (Status::Calibrating | Status::Pruning | Status::Done | Status::Stale, None) => {
                "This attempt did not prune the part, or its statistics were not kept.".into()
            }
        }
    }
}
