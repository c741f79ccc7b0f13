//! Ratios that are searched for: `--schedule auto`.

use crate::{
    config::{Ratios, Settings, Span},
    pipeline::{
        self,
        search::{self, Candidate, Search, SearchNotice, Sensitivity},
    },
    protocol::{Event, LossPoint, SearchRecord, SensitivityCurve, Stage, TriedRatios},
    prune::Schedule,
};

use super::{super::calibrate::resolved, Context, Error, Telling, Workspace};

/// Schedules that what is found is never worse than, on the windows that losses are measured on.
const NAMED: [Schedule; 3] = [Schedule::Log, Schedule::Linear, Schedule::Uniform];

impl Workspace<'_> {
    /// Looks for ratios, as a job of its own.
    pub(super) fn find(&mut self, settings: Settings, context: &mut Context) -> Result<Event, Error> {
        let settings = resolved(settings, self.checkpoint.architecture())?;
        self.search(&settings, context)?;
        Ok(Event::JobDone)
    }

    /// The ratios that cost the calibration loss least, behind what it took to find them. Reported, and kept with the session.
    pub(super) fn search(
        &mut self,
        settings: &Settings,
        context: &mut Context,
    ) -> Result<SearchRecord, Error> {
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
            // A curve that cannot take as much away is no candidate.
            let Some(mean) = pipeline::mean_for(architecture, &as_named, budget) else { continue };
            let as_named = Settings { ratios: as_named.ratios.with_mean(mean), ..as_named };
            named.push((name, pipeline::scheduled(architecture.layers.len(), &as_named)?));
        }
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(settings, Telling::WhenDrawn, context)?;
        let (fit, judge) = search::halves(&calibration.windows, settings.ratios.search_samples)?;
        let own = search::for_search(settings);
        let search = Search::new(
            (self.checkpoint, &own),
            (&fit, &judge),
            (&device, dtype),
            budget,
            settings.ratios.search_trials,
        )?;
        // What is told before there is a session is written down when there is one.
        let mut told_so_far = Vec::new();
        let mut emit = |event: Event, context: &mut Context| {
            told_so_far.push(context.stamp(event.clone()));
            context.emit(event);
        };
        let found = search.run(named, &mut |told| match told {
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
            windows: fit.samples(),
            dense_loss: found.dense,
            curves: found.curves.iter().map(curve_of).collect(),
            tried: found.tried.iter().map(tried_of).collect(),
            best: found.best,
        };
        emit(Event::RatiosFound { record: Box::new(record.clone()) }, context);
        if self.session.is_none() {
            self.early_events.extend(told_so_far);
        }
        self.save_search(&record)?;
        Ok(record)
    }
}

fn curve_of(curve: &Sensitivity) -> SensitivityCurve {
    let point = |&(removed, rise): &(usize, f64)| LossPoint { removed, rise };
    let Sensitivity { layer, part, units, per_unit, ref points } = *curve;
    SensitivityCurve { layer, part, units, per_unit, points: points.iter().map(point).collect() }
}

fn tried_of(tried: &Candidate) -> TriedRatios {
    let Candidate { name, ratios, removed, loss } = tried.clone();
    TriedRatios { name, ratios, removed, loss }
}
