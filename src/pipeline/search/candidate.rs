//! Prunes a whole model with given ratios and judges its predictions.

use super::{
    super::{Error, LayerPlan, LayerTask, Pass, Streams, plan::parameters_removed, plan_by_ratios},
    Caution, Judgement, Search, SearchNotice, SearchObserver,
    memory::keeps_all,
    quietly,
};
use crate::prune::LayerRatio;

/// Ratios for the whole model.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub name: String,
    pub ratios: Vec<LayerRatio>,
    /// Number of parameters removed.
    pub removed: u64,
    /// Its predictions, compared with those of the dense model; None for a search that tries a single model.
    pub judged: Option<Judgement>,
    /// How the costs were used; None for a named schedule.
    pub(super) caution: Option<Caution>,
}

impl Candidate {
    /// KL(dense ‖ pruned) in nats per token; infinite if it is unknown. With a guard text, it is the higher of both.
    pub(super) fn divergence(&self) -> f64 {
        let Some(Judgement { divergence, guard, loss: _ }) = self.judged else { return f64::INFINITY };
        guard.map_or(divergence, |guard| divergence.max(guard))
    }

    /// By what plans from costs are compared with each other. Without a guard text, a plan with less caution must be clearly
    /// better, because its advantage is smaller on other text.
    pub(super) fn compared(&self) -> f64 {
        let guarded = self.judged.is_some_and(|judged| judged.guard.is_some());
        let caution = self.caution.filter(|_| !guarded);
        self.divergence() / caution.map_or(1.0, Caution::advantage)
    }
}

/// The streams at the input of every layer of a candidate. A candidate that differs only in later layers
/// starts from them. If memory is short, only the streams of the first layer are kept.
pub struct CandidateStreams {
    plan: Vec<LayerPlan>,
    fit: Vec<Streams>,
    judge: Vec<Streams>,
}

impl Search<'_> {
    /// Prunes a model with these ratios.
    ///
    /// # Errors
    /// As for [`Pass::layer`].
    pub fn try_ratios(
        &self,
        ratios: Vec<LayerRatio>,
        observer: &mut SearchObserver<'_>,
    ) -> Result<Candidate, Error> {
        Ok(self.candidate((String::new(), None), ratios, None, (0, 1), observer)?.0)
    }

    /// Prunes a model with these ratios. Leading layers shared with `like` are not computed again.
    pub(super) fn candidate(
        &self,
        (name, caution): (String, Option<Caution>),
        ratios: Vec<LayerRatio>,
        like: Option<&CandidateStreams>,
        (done, total): (u64, u64),
        observer: &mut SearchObserver<'_>,
    ) -> Result<(Candidate, CandidateStreams), Error> {
        let architecture = self.checkpoint.architecture();
        let plan = plan_by_ratios(architecture, &ratios, self.settings)?;
        let (fit, judge) = (self.fitting(), self.judging());
        let mut streams_so_far = match like {
            Some(like) => like.shared(&plan),
            None => CandidateStreams {
                plan: Vec::new(),
                fit: vec![self.enter(&fit)?],
                judge: vec![self.enter(&judge)?],
            },
        };
        let from = streams_so_far.fit.len() - 1;
        let (mut at_fit, mut at_judge) =
            (streams_so_far.fit[from].clone(), streams_so_far.judge[from].clone());
        let keeps = self.keeps_all(&fit, &at_fit, &at_judge);
        let notice = || SearchNotice::Trying { done, total };
        self.dense(notice, observer)?;
        for (layer, plan) in plan.iter().enumerate().skip(from) {
            let task = LayerTask::of_plan(layer, plan);
            let solved = fit.layer(&task, &mut at_fit, None, &mut quietly(observer, notice))?;
            judge.through(layer, Some(&solved.cut), &mut at_judge, &mut quietly(observer, notice))?;
            if keeps && layer + 1 < architecture.layers.len() {
                streams_so_far.fit.push(at_fit.clone());
                streams_so_far.judge.push(at_judge.clone());
            }
        }
        streams_so_far.plan = plan;
        let removed = parameters_removed(architecture, &streams_so_far.plan);
        let judged = self.judge(&at_judge)?;
        Ok((Candidate { name, ratios, removed, judged: Some(judged), caution }, streams_so_far))
    }

    /// Whether the streams of two candidates at all layers fit into half the memory budget.
    fn keeps_all(&self, fit: &Pass<'_>, at_fit: &Streams, at_judge: &Streams) -> bool {
        let layers = fit.checkpoint.architecture().layers.len() as u64;
        keeps_all(layers, at_fit.bytes() + at_judge.bytes(), self.settings.machine.memory_budget.0)
    }
}

impl CandidateStreams {
    /// The streams up to the first layer in which a model with this plan differs.
    fn shared(&self, plan: &[LayerPlan]) -> Self {
        let same = |(mine, theirs): &(&LayerPlan, &LayerPlan)| {
            (mine.unit, mine.attention, mine.mlp) == (theirs.unit, theirs.attention, theirs.mlp)
        };
        let layers = self.plan.iter().zip(plan).take_while(same).count();
        let kept = (layers + 1).min(self.fit.len());
        Self { plan: Vec::new(), fit: self.fit[..kept].to_vec(), judge: self.judge[..kept].to_vec() }
    }
}
