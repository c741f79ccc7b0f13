//! Jobs that the explorer starts.

use crate::{
    config::{self, Settings},
    protocol::{self, Command, Control, Method, Methods, OnCancel, Pace, job},
};

use super::{Asked, Before, Effect, Job, JobKind, JobStatus, NoticeKind, Screen, State, idle};

impl State {
    /// Starts a job, or queues it behind the running one.
    pub(super) fn begin(&mut self, job: impl Into<protocol::Job>) -> Vec<Effect> {
        let mut effects = idle::make_way(self);
        let (run, pace, job) = (self.jobs.next_run, self.jobs.pace, job.into());
        self.jobs.next_run += 1;
        let kind = job.kind();
        let mut queued = Job::new(run, kind);
        match self.jobs.queue.back() {
            None => queued.status = JobStatus::Working,
            Some(ahead) if ahead.asked == Asked::Idle => {}
            Some(ahead) => {
                let text = format!("{} waits until {} is done", kind.name(), ahead.kind.name());
                self.say(NoticeKind::Done, text);
            }
        }
        self.jobs.queue.push_back(queued);
        effects.push(Effect::Command(Command::Start { run, pace, job }));
        effects
    }

    /// Solves a layer again once with each method, one attempt after another.
    pub(super) fn retry_with(&mut self, layer: usize, methods: Vec<Method>) -> Vec<Effect> {
        let waiting = methods.len();
        let mut effects = Vec::new();
        for method in methods {
            effects.extend(self.begin(job::Retry { layer, method: method.clone() }));
            if let Some(queued) = self.jobs.queue.back_mut() {
                queued.retry = Some((layer, method));
            }
        }
        if waiting > 1 {
            let text = format!("Layer {layer}: {waiting} attempts are made one after another");
            self.say(NoticeKind::Done, text);
        }
        effects
    }

    /// The methods of the retries of a layer that have not begun, in their order.
    pub fn waiting_retries(&self, layer: usize) -> impl Iterator<Item = &Method> {
        let begun = self.layers.get(layer).is_some_and(|layer| layer.work.is_some());
        let queued = self.jobs.queue.iter().skip(usize::from(begun)).filter_map(|job| job.retry.as_ref());
        queued.filter(move |(of, _)| *of == layer).map(|(_, method)| method)
    }

    /// Controls the running job. A replay accepts the control even if no job is running.
    pub(super) fn control(&self, control: Control) -> Vec<Effect> {
        let run = self.job().map_or(0, |job| job.run);
        vec![Effect::Command(Command::Control { run, control })]
    }

    /// Why no job can be started now; None if one can.
    pub fn unready(&self) -> Option<String> {
        match (&self.engine_gone, &self.model) {
            _ if self.is_replay() => {
                Some("this is a recording; open the model itself (slimgpt MODEL) to do that".into())
            }
            (Some(_), _) => Some("the worker has stopped; start slimgpt again".into()),
            (None, None) => Some("the model is not open yet".into()),
            (None, Some(_)) if self.is_reopening() => {
                Some("a session is being opened; wait until it is open".into())
            }
            (None, Some(_)) => None,
        }
    }

    /// Like [`State::unready`], but layers being pruned are a reason too.
    pub(super) fn unready_to_prune(&self) -> Option<String> {
        let pruning = self.jobs.queue.iter().any(Job::is_pruning);
        let busy = "layers are being pruned; wait, or cancel that first (x)";
        self.unready().or_else(|| pruning.then(|| busy.to_string()))
    }

    /// Prunes the layers from `from` to the last. A cancelled new run over pruned layers puts their attempts back;
    /// a resumed one keeps the finished layers.
    pub(super) fn run_from(&mut self, from: usize, methods: Methods) -> Vec<Effect> {
        self.follow = true;
        if self.jobs.pace == Pace::Stepwise {
            self.show(Screen::Steps);
        }
        let active: Vec<_> = self.layers.iter().map(|layer| layer.chosen).collect();
        let on_cancel = match methods {
            Methods::OfRun if active.iter().any(Option::is_some) => OnCancel::PutBack,
            Methods::OfRun | Methods::AsTuned => OnCancel::KeepFinished,
        };
        let before = Before { active, broken_off: self.jobs.broken_off, on_cancel };
        let settings = self.settings_of_run();
        let evaluates = settings.evaluation.text.is_some() || settings.evaluation.guard.is_some();
        let effects = self.begin(job::Run {
            from,
            ratios: if self.to_be_searched() { Vec::new() } else { self.schedule.ratios.clone() },
            settings: Box::new(settings),
            methods,
            on_cancel,
        });
        if let Some(queued) = self.jobs.queue.back_mut() {
            (queued.from, queued.before) = (from, Some(before));
            queued.evaluates = evaluates;
        }
        effects
    }

    /// True if the schedule is `auto` and no search has found its ratios yet.
    pub(super) fn to_be_searched(&self) -> bool {
        self.schedule.preset == Some(crate::prune::Schedule::Auto)
            && self.search.record.is_none()
            && !self.schedule.locked.contains(&true)
    }

    /// The settings with the planned schedule, written as a named curve if that yields the same ratios.
    pub fn settings_of_run(&self) -> Settings {
        let mut settings = self.settings.clone();
        (settings.ratios.ratio, settings.ratios.first_ratio, settings.ratios.last_ratio) = (None, None, None);
        match (&self.schedule.preset, self.schedule.span) {
            (Some(curve), span) if !self.schedule.locked.contains(&true) => {
                settings.ratios.schedule = curve.clone();
                match span {
                    config::Span::Mean(mean) => settings.ratios.ratio = Some(mean),
                    config::Span::Ends { first, last } => {
                        (settings.ratios.first_ratio, settings.ratios.last_ratio) = (Some(first), Some(last));
                    }
                }
            }
            _ => settings.ratios.schedule = crate::prune::Schedule::Custom(self.schedule.ratios.clone()),
        }
        settings
    }

    /// The method of the active attempt, or of the next run if there is none.
    pub fn method(&self, layer: usize) -> Method {
        let active = self.layers.get(layer).and_then(|layer| layer.active());
        let planned = self.schedule.ratios.get(layer).copied().unwrap_or_default();
        match active {
            Some(result) => result.attempt.method.clone(),
            None => Method::of_run(&self.settings, planned),
        }
    }

    /// Sends the edited ratios to the running job, which uses them for the layers it has not started.
    pub(super) fn replan(&self) -> Vec<Effect> {
        let running = self.job().is_some_and(|job| job.kind == JobKind::Run) && !self.is_replay();
        if running { self.control(Control::Replan(self.schedule.ratios.clone())) } else { Vec::new() }
    }
}
