//! A search for ratios: sensitivity curves, candidates, and the resulting ratios.

use crate::{
    config::{self},
    protocol::{SearchRecord, SensitivityCurve, TriedRatios, job},
    prune::{AttentionUnit, LayerRatio, Part},
};

use super::{Both, Change, Effect, NoticeKind, Schedule, State};

/// State of the newest search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    pub curves: Vec<SensitivityCurve>,
    /// Candidates in the order in which they were tried.
    pub tried: Vec<TriedRatios>,
    /// Index of the best one.
    pub best: Option<usize>,
    /// None until the search has ended.
    pub record: Option<SearchRecord>,
}

impl Search {
    pub fn of_record(record: SearchRecord) -> Self {
        let (curves, tried, best) = (record.curves.clone(), record.tried.clone(), Some(record.best));
        Self { curves, tried, best, record: Some(record) }
    }

    pub fn measured(&mut self, curve: SensitivityCurve) {
        // The first curve belongs to a new search.
        if self.record.is_some() || !self.tried.is_empty() {
            *self = Self::default();
        }
        self.curves
            .retain(|known| (known.layer, known.part, known.unit) != (curve.layer, curve.part, curve.unit));
        self.curves.push(curve);
    }

    pub fn tried(&mut self, tried: TriedRatios, best: bool) {
        if best {
            self.best = Some(self.tried.len());
        }
        self.tried.push(tried);
    }

    /// The curve of a part. An attention may have one for each unit; `unit` is the planned one, if the plan names it.
    pub fn curve(&self, layer: usize, part: Part, unit: Option<AttentionUnit>) -> Option<&SensitivityCurve> {
        let own = || self.curves.iter().filter(move |curve| (curve.layer, curve.part) == (layer, part));
        own().find(|curve| unit.is_some() && curve.unit == unit).or_else(|| own().next_back())
    }
}

impl Schedule {
    /// Sets the ratios to those of a search; locked ones are unchanged.
    pub fn take_found(&mut self, record: &SearchRecord) {
        let ratios = record.ratios();
        if ratios.len() != self.ratios.len() {
            return;
        }
        self.take_ratios(ratios);
        self.preset = Some(crate::prune::Schedule::Auto);
        self.span = config::Span::Mean(record.share);
    }

    /// Sets the ratios of all layers that are not locked.
    pub fn take_ratios(&mut self, ratios: &[LayerRatio]) {
        for ((own, found), &locked) in self.ratios.iter_mut().zip(ratios).zip(&self.locked) {
            if !locked {
                *own = *found;
            }
        }
    }
}

/// Starts a search as a separate job.
pub fn find(state: &mut State) -> Vec<Effect> {
    if let Some(why) = state.unready_to_prune() {
        return state.refuse(why);
    }
    if state.settings.calibration.texts.is_empty() {
        return state.refuse("name a calibration text first, in the settings (o)");
    }
    let mut settings = state.settings.clone();
    settings.ratios.schedule = crate::prune::Schedule::Auto;
    settings.ratios.ratio = Some(state.schedule.target());
    (settings.ratios.first_ratio, settings.ratios.last_ratio, settings.ratios.uniform) = (None, None, false);
    let effects = state.begin(job::Search { settings: Box::new(settings) });
    state.say(NoticeKind::Done, "Searching for ratios; the schedule changes when the search ends");
    effects
}

/// Plans the ratios of a search, as an edit that can be undone.
pub fn found(state: &mut State, record: SearchRecord) {
    let before = state.schedule.clone();
    state.schedule.take_found(&record);
    let after = state.schedule.clone();
    if after != before {
        let (what, schedule) = ("the ratios of the search".into(), Some(Both { before, after }));
        state.history.push(Change { what, schedule, choices: Vec::new(), open: false });
        state.touch();
    }
    state.search = Search::of_record(record);
}
