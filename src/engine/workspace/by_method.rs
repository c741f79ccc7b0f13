//! Solving a layer with its own method.

use crate::{
    config::{Ratios, Settings},
    model::LayerSize,
    pipeline::{LayerPlan, Removals, SolvedLayer, plan_layer},
    protocol::{Attempt, Counts, Method},
    prune::{LayerRatio, LayerRecord},
};

use super::{
    Error, Workspace,
    attempts::{Cut, Solved},
    stored_parts::PartFiles,
};

/// The plan of a layer with a ratio for each part, and the run's settings combined with those of the method.
pub fn plan_by(size: &LayerSize, method: &Method, run: &Settings) -> Result<(LayerPlan, Settings), Error> {
    let ratios = Ratios { parts: method.parts.clone(), ..run.ratios.clone() };
    let settings = Settings { ratios, solver: method.solver, ..run.clone() };
    let plan = plan_layer(size, method.ratios(), &settings)?;
    Ok((LayerPlan { ratio: method.ratio, ..plan }, settings))
}

impl<'c> Workspace<'c> {
    /// The units that a ratio removes from a layer; None for a ratio that the layer cannot have.
    pub fn planned_counts(
        &self,
        settings: &Settings,
    ) -> impl Fn(usize, LayerRatio) -> Option<Counts> + use<'c> {
        let (checkpoint, settings) = (self.checkpoint, settings.clone());
        move |layer, ratio| {
            let size = checkpoint.architecture().layers.get(layer)?;
            let plan = plan_layer(size, ratio, &settings).ok()?;
            let units = |removals: Option<Removals>| removals.map_or(0, |removals| removals.units);
            Some(Counts::new(plan.unit, units(plan.attention), units(plan.mlp)))
        }
    }

    /// An earlier attempt that was made in the same way as this one, with the same attempts above, and has the same
    /// cut and weights. `run` is as for [`Workspace::add_attempt`].
    pub fn equal_attempt(
        &self,
        solved: &SolvedLayer,
        attempt: &Attempt,
        run: &Settings,
    ) -> Option<(LayerRecord, Attempt)> {
        let made_with = run.of_layer();
        let active = self.active();
        let equal = |known: &&Solved| {
            (&known.attempt.method, &known.attempt.above) == (&attempt.method, &attempt.above)
                && known.made_with == made_with
                && same_solve(&known.record, &solved.record)
                && active.cut_of(known).is_ok_and(|cut| cut == solved.cut)
        };
        let known = self.attempts.of_layer(solved.record.index).iter().rev().find(equal)?;
        Some((known.record.clone(), known.attempt.clone()))
    }

    /// Adds a solved attempt. `run` contains the settings of the run, without those of the method.
    pub fn add_attempt(
        &mut self,
        solved: SolvedLayer,
        attempt: &Attempt,
        files: PartFiles,
        run: &Settings,
    ) -> LayerRecord {
        let SolvedLayer { record, cut, .. } = solved;
        self.attempts.add(Solved {
            attempt: attempt.clone(),
            record: record.clone(),
            size: cut.size(self.checkpoint.architecture().layers[record.index]),
            cut: if self.session.is_open() { Cut::InSession } else { Cut::InMemory(cut) },
            files,
            made_with: run.of_layer(),
            tuned: attempt.method.is_tuned(run),
        });
        record
    }
}

/// True if the records agree except in the output error, which can be measured after the solve.
fn same_solve(a: &LayerRecord, b: &LayerRecord) -> bool {
    let solve = |record: &LayerRecord| LayerRecord { output_error: None, ..record.clone() };
    solve(a) == solve(b)
}
