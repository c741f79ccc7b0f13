//! Jobs that are asked of the engine.

use crate::{
    config::{self, Settings},
    protocol::{Command, Method, Methods},
    prune::Part,
};

use super::{Effect, Job, JobKind, JobStatus, NoticeKind, State};

impl State {
    /// Queues a job and returns its number; it is at work at once where nothing else is.
    pub(super) fn queue(&mut self, kind: JobKind) -> u64 {
        let run = self.next_run;
        self.next_run += 1;
        let mut job = Job::new(run, kind);
        match self.jobs.back() {
            None => job.status = JobStatus::Working,
            Some(ahead) => {
                let text = format!("{} waits until {} is done", kind.name(), ahead.kind.name());
                self.say(NoticeKind::Done, text);
            }
        }
        self.jobs.push_back(job);
        run
    }

    /// The number of the job at work; 0 where there is none, which a replay does not mind.
    pub(super) fn run(&self) -> u64 {
        self.job().map_or(0, |job| job.run)
    }

    /// Why nothing can be asked of the engine now; None where it can.
    pub fn unready(&self) -> Option<String> {
        match (&self.engine_gone, &self.model) {
            _ if self.is_replay() => {
                Some("this is a recording; open the model itself (slimgpt MODEL) to do that".into())
            }
            (Some(_), _) => Some("the worker has ended; start slimgpt again".into()),
            (None, None) => Some("the model is not open yet".into()),
            (None, Some(_)) if self.is_reopening() => {
                Some("a session is being opened; wait until it is".into())
            }
            (None, Some(_)) => None,
        }
    }

    /// As [`State::unready`], also while layers are being pruned.
    pub(super) fn unready_to_prune(&self) -> Option<String> {
        let pruning = self.jobs.iter().any(Job::is_pruning);
        let busy = "layers are being pruned; wait, or cancel that first (x)";
        self.unready().or_else(|| pruning.then(|| busy.to_string()))
    }

    /// Prunes from a layer to the last.
    pub(super) fn run_from(&mut self, from: usize, methods: Methods) -> Vec<Effect> {
        let run = self.queue(JobKind::Run { from });
        self.follow = true;
        let command = Command::Run {
            run,
            from,
            ratios: if self.to_be_searched() { Vec::new() } else { self.schedule.ratios.clone() },
            settings: Box::new(self.settings_of_run()),
            methods,
            pace: self.pace,
        };
        vec![Effect::Command(command)]
    }

    /// Whether the ratios are still to be found: the schedule is `auto`, and no search has told them.
    fn to_be_searched(&self) -> bool {
        self.schedule.preset == Some(crate::prune::Schedule::Auto)
            && self.search.record.is_none()
            && !self.schedule.locked.contains(&true)
    }

    /// The settings with the schedule as it stands: by its name where that yields the same ratios.
    pub fn settings_of_run(&self) -> Settings {
        let mut settings = self.settings.clone();
        (settings.ratio, settings.first_ratio, settings.last_ratio) = (None, None, None);
        match (&self.schedule.preset, self.schedule.span) {
            (Some(curve), span) if !self.schedule.locked.contains(&true) => {
                settings.schedule = curve.clone();
                match span {
                    config::Span::Mean(mean) => settings.ratio = Some(mean),
                    config::Span::Ends { first, last } => {
                        (settings.first_ratio, settings.last_ratio) = (Some(first), Some(last));
                    }
                }
            }
            _ => settings.schedule = crate::prune::Schedule::Custom(self.schedule.ratios.clone()),
        }
        settings
    }

    /// What the layer was solved with, or would be.
    pub fn method(&self, layer: usize) -> Method {
        let active = self.layers.get(layer).and_then(|layer| layer.active());
        let planned = self.schedule.ratios.get(layer).copied().unwrap_or_default();
        match active {
            Some(result) => result.attempt.method.clone(),
            None => Method::of_run(&self.settings, planned),
        }
    }

    pub(super) fn ask_for_curve(&mut self, layer: usize, part: Part) -> Vec<Effect> {
        let method = self.method(layer);
        let run = self.queue(JobKind::Curve { layer, part });
        vec![Effect::Command(Command::Curve { run, layer, part, method })]
    }

    /// The ratios of layers not yet begun follow an edit at once.
    pub(super) fn replan(&self) -> Vec<Effect> {
        let running = self.job().filter(|job| matches!(job.kind, JobKind::Run { .. }) && !self.is_replay());
        let ratios = &self.schedule.ratios;
        let replan = |job: &Job| Effect::Command(Command::Replan { run: job.run, ratios: ratios.clone() });
        running.map(replan).into_iter().collect()
    }
}
