//! Chooses the ratios: candidates by their divergence from the dense model, then moves that lower it.

use super::super::{Error, plan::parameters_removed, plan_by_ratios};
use super::moves::{Move, moves};
use super::{Candidate, CandidateStreams, Caution, Search, SearchNotice, SearchObserver, Sensitivity, emit};
use crate::prune::LayerRatio;

/// Assumed growth γ of errors from layer to layer: a part's cost is multiplied by γ for each later layer.
const GROWTHS: [f64; 9] = [1.0, 1.1, 1.2, 1.3, 1.45, 1.6, 1.8, 2.1, 2.5];
/// Factors for multiplying and dividing a part's cost, to try removing less or more of it.
const FACTORS: [f64; 2] = [2.0, 1.3];
/// What a move has to multiply the KL divergence by at least, to be more than chance.
const CHANCE: f64 = 0.99;

/// Name of the candidate from the costs of the parts, made dearer by [`Caution::Full`].
const CAUTIOUS: &str = "costs";
/// Name of the candidate from the costs made dearer by [`Caution::Spread`].
const SPREAD: &str = "costs, attention as it is";

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResult {
    /// Loss of the dense model; None for a search that tries a single model.
    pub dense: Option<f64>,
    pub curves: Vec<Sensitivity>,
    /// Candidates in the order in which they were tried.
    pub tried: Vec<Candidate>,
    /// Index of the best candidate.
    pub best: usize,
}

impl SearchResult {
    pub fn ratios(&self) -> &[LayerRatio] {
        &self.tried[self.best].ratios
    }
}

/// The state of a search: the candidates so far and the best of them.
struct SearchState<'s, 'l, 'o> {
    search: &'s Search<'s>,
    observer: &'l mut SearchObserver<'o>,
    tried: Vec<Candidate>,
    best: usize,
    best_streams: Option<CandidateStreams>,
}

impl SearchState<'_, '_, '_> {
    fn is_spent(&self) -> bool {
        self.tried.len() >= self.search.trials
    }

    /// Tries ratios unless they were tried before. Returns by what they compare, None if they were not tried.
    fn offer(
        &mut self,
        name: String,
        ratios: Vec<LayerRatio>,
        caution: Option<Caution>,
    ) -> Result<Option<f64>, Error> {
        if self.is_spent() || self.tried.iter().any(|tried| tried.ratios == ratios) {
            return Ok(None);
        }
        let place = (self.tried.len() as u64, self.search.trials as u64);
        let (tried, streams) = self.search.candidate(
            (name, caution),
            ratios,
            self.best_streams.as_ref(),
            place,
            self.observer,
        )?;
        let compared = tried.compared();
        let index = self.tried.len();
        self.tried.push(tried);
        self.best = best_of(&self.tried);
        let best = self.best == index;
        emit(self.observer, SearchNotice::Candidate { tried: &self.tried[index], best })?;
        if best {
            self.best_streams = Some(streams);
        }
        Ok(Some(compared))
    }

    /// Tries the plan with the costs of a move multiplied by `by`. Returns by what it compares, and its factors of the costs;
    /// None if it was not tried.
    fn after_move(
        &mut self,
        curves: &[Sensitivity],
        dearer: &[f64],
        Move { name, curves: own }: &Move,
        by: f64,
        caution: Caution,
    ) -> Result<Option<(f64, Vec<f64>)>, Error> {
        let mut dearer = dearer.to_vec();
        own.iter().for_each(|&at| dearer[at] *= by);
        let Some(counts) = self.search.allocation(curves, &dearer, caution) else { return Ok(None) };
        let ratios = self.search.ratios(curves, &counts);
        let name = format!("{name} × {by:.2}");
        let compared = self.offer(name, ratios, Some(caution))?;
        Ok(compared.map(|compared| (compared, dearer)))
    }
}

/// Index of the best plan from costs, or of a named schedule with less divergence.
fn best_of(tried: &[Candidate]) -> usize {
    let least = |by: fn(&Candidate) -> f64, named: bool| {
        let own = tried.iter().enumerate().filter(move |(_, tried)| tried.caution.is_none() == named);
        own.min_by(|(_, one), (_, other)| by(one).total_cmp(&by(other)))
    };
    let (own, named) = (least(Candidate::compared, false), least(Candidate::divergence, true));
    match (own, named) {
        (Some((_, own)), Some((named, schedule))) if schedule.divergence() < own.divergence() => named,
        (Some((own, _)), _) => own,
        (None, Some((named, _))) => named,
        (None, None) => 0,
    }
}

impl Search<'_> {
    /// Predicts or measures costs, allocates, and improves by trials. The `named` schedules are candidates too, so with two
    /// trials more than schedules the result has no higher KL divergence on the windows for comparing than any of them.
    pub fn run(
        &self,
        named: Vec<(String, Vec<LayerRatio>)>,
        observer: &mut SearchObserver<'_>,
    ) -> Result<SearchResult, Error> {
        let curves = self.costs(observer)?;
        let layers = self.checkpoint.architecture().layers.len();
        let grown = |growth: f64| -> Vec<f64> {
            curves.iter().map(|curve| growth.powi((layers - 1 - curve.layer) as i32)).collect()
        };
        let cautious = self.allocation(&curves, &grown(1.0), Caution::Full);
        let cautious = cautious.map(|counts| (CAUTIOUS.to_string(), self.ratios(&curves, &counts)));
        if let (1, Some((name, ratios))) = (self.trials, cautious.clone()) {
            // There is nothing to compare it with.
            let plan = plan_by_ratios(self.checkpoint.architecture(), &ratios, self.settings)?;
            let removed = parameters_removed(self.checkpoint.architecture(), &plan);
            let only = Candidate { name, ratios, removed, judged: None, caution: Some(Caution::Full) };
            emit(observer, SearchNotice::Candidate { tried: &only, best: true })?;
            return Ok(SearchResult { dense: None, curves, tried: vec![only], best: 0 });
        }
        let dense = self.judge(self.dense(|| SearchNotice::Trying { done: 0, total: 1 }, observer)?)?.loss;
        let mut state =
            SearchState { search: self, observer, tried: Vec::new(), best: 0, best_streams: None };
        if let Some((name, ratios)) = cautious {
            state.offer(name, ratios, Some(Caution::Full))?;
        }
        let (mut dearer, mut caution) = (grown(1.0), Caution::Full);
        let mut least = state.tried.first().map_or(f64::INFINITY, Candidate::compared);
        if let Some(counts) = self.allocation(&curves, &dearer, Caution::Spread) {
            state.offer(SPREAD.into(), self.ratios(&curves, &counts), Some(Caution::Spread))?;
            if let Some(spread) = state.tried.get(1).map(Candidate::compared).filter(|own| *own < least) {
                (least, caution) = (spread, Caution::Spread);
            }
        }
        for (name, ratios) in named {
            state.offer(name, ratios, None)?;
        }
        for growth in GROWTHS {
            let weights = grown(growth);
            let Some(counts) = self.allocation(&curves, &weights, Caution::None) else { break };
            let ratios = self.ratios(&curves, &counts);
            state.offer(format!("γ {growth}"), ratios.clone(), Some(Caution::None))?;
            let of = state.tried.iter().find(|tried| tried.ratios == ratios);
            match of.map(Candidate::compared).filter(|divergence| *divergence < least) {
                Some(divergence) => (least, dearer, caution) = (divergence, weights, Caution::None),
                // A higher growth is worse still.
                None => break,
            }
        }
        // Moves start from the allocation, because they change its weights. If a named schedule is better, it
        // remains the best.
        let moves = moves(&curves);
        for factor in FACTORS {
            let mut moved = true;
            while moved && !state.is_spent() {
                moved = false;
                for of in &moves {
                    for by in [factor, 1.0 / factor] {
                        let mut helped = false;
                        while let Some((own, weights)) = state
                            .after_move(&curves, &dearer, of, by, caution)?
                            .filter(|(own, _)| *own < CHANCE * least)
                        {
                            (least, dearer, moved, helped) = (own, weights, true, true);
                        }
                        if helped {
                            break;
                        }
                    }
                }
            }
        }
        let SearchState { tried, best, .. } = state;
        if tried.is_empty() {
            let all = super::super::parameters_of_parts(self.checkpoint.architecture(), self.settings)?;
            let share = self.budget as f64 / all.max(1) as f64;
            return Err(super::super::beyond_reach(self.checkpoint.architecture(), self.settings, share));
        }
        Ok(SearchResult { dense: Some(dense), curves, tried, best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::search::Judgement;

    fn tried(caution: Option<Caution>, divergence: f64, guard: Option<f64>) -> Candidate {
        let judged = Some(Judgement { loss: 0.0, divergence, guard });
        Candidate { name: String::new(), ratios: Vec::new(), removed: 0, judged, caution }
    }

    #[test]
    fn a_plan_with_less_caution_must_be_clearly_better() {
        let full = tried(Some(Caution::Full), 1.0, None);
        assert_eq!(best_of(&[full.clone(), tried(Some(Caution::Spread), 0.95, None)]), 0);
        assert_eq!(best_of(&[full.clone(), tried(Some(Caution::Spread), 0.89, None)]), 1);
        assert_eq!(best_of(&[full.clone(), tried(Some(Caution::None), 0.75, None)]), 0);
        assert_eq!(best_of(&[full, tried(Some(Caution::None), 0.69, None)]), 1);
    }

    #[test]
    fn a_named_schedule_is_compared_without_a_margin() {
        let plans = [
            tried(Some(Caution::Full), 1.0, None),
            tried(Some(Caution::Spread), 0.8, None),
            tried(None, 0.85, None),
        ];
        assert_eq!(best_of(&plans), 1);
        assert_eq!(best_of(&[&plans[..], &[tried(None, 0.79, None)]].concat()), 3);
    }

    #[test]
    fn the_higher_of_both_divergences_decides_with_a_guard() {
        let plans = [
            tried(Some(Caution::Full), 1.0, Some(1.2)),
            tried(Some(Caution::Spread), 0.9, Some(1.19)),
            tried(None, 0.1, Some(1.3)),
        ];
        assert_eq!(best_of(&plans), 1);
    }
}
