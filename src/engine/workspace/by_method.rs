//! A layer by a method of its own: what leaves, what it is solved with, and the attempt that comes of it.

use crate::{
    config::{Ratios, Settings},
    model::LayerSize,
    pipeline::{LayerPlan, SolvedLayer, plan_layer},
    protocol::{Attempt, Method},
    prune::{LayerRatio, LayerRecord, Part},
};

use super::{
    Error, Workspace,
    attempts::{Kept, MadeBy, Solved},
};

/// What a layer is to lose, each part by its own ratio; and the run's settings with those of the method.
pub fn plan_by(size: &LayerSize, method: &Method, run: &Settings) -> Result<(LayerPlan, Settings), Error> {
    let ratios = Ratios { parts: method.parts.clone(), ..run.ratios.clone() };
    let settings = Settings { ratios, solver: method.solver, ..run.clone() };
    let ratio = |part| method.of_part(part).map_or(method.ratio.of(part), |overrides| overrides.ratio);
    let ratio = LayerRatio { attention: ratio(Part::Attention), mlp: ratio(Part::Mlp) };
    let plan = plan_layer(size, ratio, &settings)?;
    Ok((LayerPlan { ratio: method.ratio, ..plan }, settings))
}

impl Workspace<'_> {
    /// Lays what was solved beside the earlier attempts; `run` are the settings without the layer's own.
    pub(super) fn add_attempt(
        &mut self,
        solved: SolvedLayer,
        attempt: &Attempt,
        made_by: MadeBy,
        run: &Settings,
    ) -> LayerRecord {
        let SolvedLayer { record, cut, .. } = solved;
        self.attempts.add(Solved {
            attempt: attempt.clone(),
            record: record.clone(),
            size: cut.size(self.checkpoint.architecture().layers[record.index]),
            cut: if self.session.is_some() { Kept::Filed } else { Kept::Held(cut) },
            made_by,
            made_with: run.of_layer(),
            tuned: attempt.method.is_tuned(run),
        });
        record
    }
}
