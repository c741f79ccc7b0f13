//! The candidates of the newest search: whole plans of ratios, each with its KL divergence from the dense model.

use super::super::compare::quoted;
use crate::{
    explorer::{Change, Effect, NoticeKind, State, history::Both},
    protocol::TriedRatios,
    prune::LayerRatio,
};

/// A candidate that was pruned, as a point of the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate<'t> {
    pub tried: &'t TriedRatios,
    /// The KL divergence from the dense model, in nats per token.
    pub divergence: f64,
    /// The x coordinate: the divergence on the guard text in nats per token, or without a guard the mean ratio of the
    /// attention parts.
    pub across: f64,
    /// The search chose it; while the search runs, the best so far.
    pub best: bool,
    /// No other candidate is better in both coordinates. Without a guard, only the best one.
    pub front: bool,
}

/// The candidates by ascending divergence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidates<'t> {
    pub pruned: Vec<Candidate<'t>>,
    /// The number of candidates that were proposed but not pruned.
    pub unpruned: usize,
    /// Whether the guard text bounds the search.
    pub guarded: bool,
}

/// The candidates of the newest search.
pub fn of(state: &State) -> Candidates<'_> {
    let search = &state.search;
    let mut found = Candidates::default();
    for (at, tried) in search.tried.iter().enumerate() {
        // Records of older versions compared losses.
        let Some(divergence) = tried.divergence.or(tried.loss).filter(|value| value.is_finite()) else {
            found.unpruned += 1;
            continue;
        };
        found.guarded |= tried.guard.is_some();
        let across = tried.guard.unwrap_or_else(|| mean(&tried.ratios, |ratio| ratio.attention));
        let best = search.best == Some(at);
        found.pruned.push(Candidate { tried, divergence, across, best, front: best });
    }
    found.pruned.sort_by(|a, b| a.divergence.total_cmp(&b.divergence));
    if found.guarded {
        let mut least = f64::INFINITY;
        for candidate in &mut found.pruned {
            candidate.front = candidate.across < least;
            least = least.min(candidate.across);
        }
    }
    found
}

/// The mean of a ratio over the layers.
pub fn mean(ratios: &[LayerRatio], of: impl Fn(&LayerRatio) -> f64) -> f64 {
    ratios.iter().map(of).sum::<f64>() / ratios.len().max(1) as f64
}

/// Plans the ratios of the candidate under the cursor, as an edit that can be undone.
pub fn plan(state: &mut State) -> Vec<Effect> {
    let at = state.screens.schedule.candidate;
    let candidates = of(state).pruned;
    let Some(candidate) = candidates.get(at.min(candidates.len().saturating_sub(1))) else {
        return state.refuse("no candidate was pruned yet; a search (A) prunes them");
    };
    let (name, ratios) = (candidate.tried.name.clone(), candidate.tried.ratios.clone());
    if let Some(why) = state.unready() {
        return state.refuse(why);
    }
    let before = state.schedule.clone();
    state.schedule.take_ratios(&ratios);
    let after = state.schedule.clone();
    if after == before {
        return state.refuse(format!("the plan already has the ratios of \"{name}\""));
    }
    let what = format!("the ratios of \"{name}\"");
    state.history.push(Change {
        what: what.clone(),
        schedule: Some(Both { before, after }),
        choices: Vec::new(),
        open: false,
    });
    state.touch();
    state.say(NoticeKind::Done, format!("Planned {what}"));
    Vec::new()
}

/// One row per candidate, in the order in which they were tried.
pub fn csv(state: &State) -> String {
    let mut text =
        String::from("candidate,removed_parameters,mean_attention,mean_mlp,kl,guard_kl,loss,best\n");
    for (at, tried) in state.search.tried.iter().enumerate() {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        text += &format!(
            "{},{},{},{},{},{},{},{}\n",
            quoted(&tried.name),
            tried.removed,
            mean(&tried.ratios, |ratio| ratio.attention),
            mean(&tried.ratios, |ratio| ratio.mlp),
            number(tried.divergence),
            number(tried.guard),
            number(tried.loss),
            state.search.best == Some(at),
        );
    }
    text
}
