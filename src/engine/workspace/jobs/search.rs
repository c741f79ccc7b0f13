//! Searches for ratios: `--schedule auto`.

use crate::{
    config::{Ratios, Settings, Span},
    pipeline::{
        self,
        search::{self, Candidate, Search, SearchNotice, SearchWindows, Sensitivity},
    },
    protocol::{Event, LossPoint, SearchRecord, SensitivityCurve, Stage, TriedRatios, job},
    prune::{Part, Schedule},
};

use crate::engine::{
    calibrate::{check_reach, resolved},
    evaluation::Evaluation,
};

use super::{Announce, Context, Error, Work, Workspace};

/// Schedules among the candidates. On the windows used to measure losses, the result is never worse than
/// these.
const NAMED: [Schedule; 3] = [Schedule::Log, Schedule::Linear, Schedule::Uniform];

impl Work for job::Search {
    fn work(self, workspace: &mut Workspace<'_>, context: &mut Context) -> Result<Event, Error> {
        check_reach(&self.settings, None, workspace.checkpoint.architecture())?;
        let settings = resolved(*self.settings, workspace.checkpoint.architecture())?;
        workspace.search(&settings, context)?;
        Ok(Event::JobDone)
    }
}

impl Workspace<'_> {
    /// Searches for the ratios with the smallest calibration loss. Emits the record, and saves it in the session.
    pub fn search(&mut self, settings: &Settings, context: &mut Context) -> Result<SearchRecord, Error> {
        let architecture = self.checkpoint.architecture();
        let share = match settings.span() {
            Span::Mean(mean) => mean,
            Span::Ends { first, last } => (first + last) / 2.0,
        };
        let all = pipeline::parameters_of_parts(architecture, settings)?;
        let budget = (share * all as f64).ceil() as u64;
        let mut named = Vec::new();
        for schedule in NAMED {
            let name = schedule.to_string();
            let as_named =
                Settings { ratios: Ratios { schedule, ..settings.ratios.clone() }, ..settings.clone() };
            // A schedule that cannot remove this fraction is not a candidate.
            let Some(mean) = pipeline::mean_for(architecture, &as_named, budget) else { continue };
            let as_named = Settings { ratios: as_named.ratios.with_mean(mean), ..as_named };
            named.push((name, pipeline::scheduled(architecture.layers.len(), &as_named)?));
        }
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(settings, Announce::WhenDrawn, context)?;
        let (all, weights) = (&calibration.windows, calibration.weights.as_ref());
        let mut windows = SearchWindows::of(all, weights, settings.ratios.search_samples)?;
        if settings.ratios.search_guard
            && let Some(guard) = Evaluation::of_guard(settings)
        {
            let seed = settings.calibration.seed;
            let sizes = (windows.guard_windows(), all.seq_len());
            let guard = guard.windows(sizes, seed, self.checkpoint, self.base.as_deref(), context)?;
            windows = windows.guarded_by(&guard)?;
        }
        let own = search::for_search(settings);
        let search = Search::new(
            (self.checkpoint, &own),
            &windows,
            (&device, dtype),
            budget,
            settings.ratios.search_trials,
        );
        let group = context.ranks().map(|ranks| ranks.with_model(self.checkpoint, settings.machine.device));
        let search = search.on(group.transpose()?);
        // Events emitted before the session exists are logged when it is created.
        let mut events = Vec::new();
        let mut emit = |event: Event, context: &mut Context| {
            events.push(context.stamp(event.clone()));
            context.emit(event);
        };
        let found = search.run(named, &mut |notice| match notice {
            SearchNotice::Predicting { layer, done, total } => {
                context.progress(Stage::PredictCosts { layer }, done, total)
            }
            SearchNotice::Measuring { layer, part, done, total } => {
                context.progress(Stage::Sensitivity { layer, part }, done, total)
            }
            SearchNotice::Trying { done, total } => context.progress(Stage::TryRatios, done, total),
            SearchNotice::Measured(curve) => {
                emit(Event::SensitivityMeasured { curve: curve_of(curve) }, context);
                context.checkpoint()
            }
            SearchNotice::Candidate { tried, best } => {
                emit(Event::RatiosTried { tried: tried_of(tried), best }, context);
                context.checkpoint()
            }
        })?;
        let record = SearchRecord {
            share,
            budget,
            windows: windows.fit.samples(),
            dense_loss: found.dense,
            curves: found.curves.iter().map(curve_of).collect(),
            tried: found.tried.iter().map(tried_of).collect(),
            best: found.best,
        };
        emit(Event::RatiosFound { record: Box::new(record.clone()) }, context);
        if !self.session.is_open() {
            self.session.early_events.extend(events);
        }
        self.save_search(&record)?;
        Ok(record)
    }
}

fn curve_of(curve: &Sensitivity) -> SensitivityCurve {
    let point = |&(removed, rise): &(usize, f64)| LossPoint { removed, rise };
    let Sensitivity { layer, part, unit, units, per_unit, ref points } = *curve;
    let unit = (part == Part::Attention).then_some(unit);
    SensitivityCurve { layer, part, unit, units, per_unit, points: points.iter().map(point).collect() }
}

fn tried_of(tried: &Candidate) -> TriedRatios {
    let Candidate { name, ratios, removed, judged, .. } = tried.clone();
    TriedRatios {
        name,
        ratios,
        removed,
        loss: judged.map(|judged| judged.loss),
        divergence: judged.map(|judged| judged.divergence),
        guard: judged.and_then(|judged| judged.guard),
    }
}
