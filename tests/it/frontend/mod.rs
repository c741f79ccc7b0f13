//! A minimal frontend: sends commands to a workspace and receives its events.
use std::{fs, path::Path, time::Duration};

use slimgpt::application::{
    engine::{self, Error, ModelChoice, PruneRun, SessionPlace, Worker},
    protocol::{
        Attempt, Command, CurvePoint, Event, LayerRecord, Method, Methods, OnCancel, Pace, RunRecord, Stage,
        job,
    },
};
use slimgpt::{
    calibration::TextSource,
    config::{ByteSize, Settings},
    demo,
    export::OutputForm,
    model::{Checkpoint, Source},
    pipeline,
    prune::{LayerRatio, Part},
};

/// Maximum time to wait for an event. No job of these tests takes as long.
const PATIENCE: Duration = Duration::from_secs(300);
/// Time in which a job that is not paused continues.
const A_WHILE: Duration = Duration::from_millis(200);

pub struct Frontend {
    worker: Worker<()>,
    runtime: tokio::runtime::Runtime,
    run: u64,
    /// Number of progress events while windows pass earlier layers.
    pub approaching: usize,
    /// Number of progress events for measured windows.
    pub calibrating: usize,
    /// Number of progress events of the dense model on an evaluation text.
    pub evaluating_dense: usize,
}

/// Events without progress, and the job number of each.
#[derive(Debug)]
pub struct Told(pub Vec<Event>, pub Vec<u64>);

/// A small run on the built-in model.
pub fn settings() -> Settings {
    "calibration = \"demo:stories\"\nsamples = 8\nseq_len = 64\nratio = 0.3\nschedule = \"log\"\nby_parameters = false"
        .parse()
        .unwrap()
}

/// A memory budget that fits this number of streams in addition to one layer of the built-in model.
pub fn room_for(streams: f64, settings: &Settings) -> ByteSize {
    let checkpoint = Checkpoint::open(Source::Embedded(demo::FILES)).unwrap();
    let footprint = slimgpt::application::pipeline::Footprint {
        architecture: checkpoint.architecture(),
        settings,
        samples: settings.calibration.samples,
        seq_len: settings.calibration.seq_len.unwrap(),
        dtype: candle_core::DType::F32,
    };
    let stream = settings.calibration.samples
        * settings.calibration.seq_len.unwrap()
        * checkpoint.architecture().hidden
        * 4;
    ByteSize(footprint.most(0) + (streams * stream as f64) as u64)
}

/// A held-out text of a few thousand tokens.
pub fn small_text(dir: &Path) -> TextSource {
    let text: String = demo::HELD_OUT.chars().take(6000).collect();
    fs::write(dir.join("eval.txt"), text).unwrap();
    TextSource::File(dir.join("eval.txt"))
}

/// Runs `slimgpt prune` with these settings, and returns its record.
pub fn headless(settings: &Settings, out: &Path) -> RunRecord {
    let job = PruneRun {
        model: ModelChoice::Demo,
        settings: settings.clone(),
        out: Some(out.into()),
        force: false,
        session: SessionPlace::None,
        dense_from: None,
    };
    finished(engine::start(1, move |control| engine::prune(job, control))).unwrap()
}

/// The result of a job, ignoring its events.
pub fn finished<T>(mut worker: Worker<T>) -> Result<T, Error> {
    while worker.events.blocking_recv().is_some() {}
    worker.join()
}

/// `run.json` without values that differ between equal runs.
pub fn without_times(out: &Path) -> serde_json::Value {
    let text = fs::read_to_string(out.join("run.json")).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    forget_times(&mut record);
    record
}

pub fn forget_times(record: &mut serde_json::Value) {
    record["seconds"].take();
    record["peak_memory_bytes"].take();
}

pub fn is_end(event: &Event) -> bool {
    matches!(event, Event::RunDone { .. } | Event::JobDone | Event::JobCancelled | Event::JobFailed { .. })
}

impl Frontend {
    pub fn open(settings: &Settings) -> Self {
        Self::open_in(settings, SessionPlace::None)
    }

    /// Opens the demo model in a session.
    pub fn open_in(settings: &Settings, place: SessionPlace) -> Self {
        let worker = engine::workspace(ModelChoice::Demo, settings.clone(), place);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut frontend =
            Self { worker, runtime, run: 0, approaching: 0, calibrating: 0, evaluating_dense: 0 };
        let told = frontend.until(|event| matches!(event, Event::ModelOpened { .. }));
        assert_eq!(told.1, [0]);
        frontend
    }

    pub fn send(&mut self, command: Command) {
        self.worker.commands.blocking_send(command).unwrap();
    }

    /// All events up to and including the first one that `last` accepts.
    pub fn until(&mut self, last: impl Fn(&Event) -> bool) -> Told {
        let mut told = Told(Vec::new(), Vec::new());
        loop {
            let events = &mut self.worker.events;
            let next = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, events.recv()).await });
            let stamped = next.expect("the workspace is silent").expect("the workspace is still there");
            if let Event::Progress { stage, .. } = stamped.event {
                self.approaching += usize::from(matches!(stage, Stage::ReplayLayers { .. }));
                self.calibrating += usize::from(matches!(stage, Stage::Calibrate { .. }));
                self.evaluating_dense += usize::from(matches!(stage, Stage::Evaluate { pruned: false }));
                continue;
            }
            let ended = last(&stamped.event);
            told.0.push(stamped.event);
            told.1.push(stamped.run);
            if ended {
                return told;
            }
        }
    }

    /// Whether the workspace is waiting.
    pub fn nothing_follows(&mut self) -> bool {
        let events = &mut self.worker.events;
        self.runtime.block_on(async { tokio::time::timeout(A_WHILE, events.recv()).await }).is_err()
    }

    /// Runs one job to its end, and checks the job number of every event.
    pub fn job(&mut self, command: impl FnOnce(u64) -> Command) -> Told {
        self.run += 1;
        self.send(command(self.run));
        let told = self.until(is_end);
        assert!(told.1.iter().all(|run| *run == self.run));
        told
    }

    pub fn ratios(&self, settings: &Settings) -> Vec<LayerRatio> {
        pipeline::scheduled(12, settings).unwrap()
    }

    pub fn begin(&mut self, from: usize, settings: &Settings, pace: Pace) {
        self.run += 1;
        let (ratios, settings) = (self.ratios(settings), Box::new(settings.clone()));
        self.send(Command::Start {
            run: self.run,
            pace,
            job: job::Run {
                from,
                ratios,
                settings,
                methods: Methods::OfRun,
                on_cancel: OnCancel::KeepFinished,
            }
            .into(),
        });
    }

    pub fn run(&mut self, from: usize, settings: &Settings) -> Told {
        self.begin(from, settings, Pace::Free);
        self.until(is_end)
    }

    /// Activates an attempt and waits for the confirmation.
    pub fn choose(&mut self, layer: usize, attempt: Option<usize>) -> Told {
        self.send(Command::activate(layer, attempt));
        let told = self.until(|event| matches!(event, Event::AttemptActivated { .. }));
        assert_eq!(told.0, [Event::AttemptActivated { layer, attempt }]);
        told
    }

    pub fn retry(&mut self, layer: usize, method: Method) -> Told {
        let told = self.job(|run| Command::start(run, job::Retry { layer, method }));
        assert_eq!(told.last(), &Event::JobDone);
        told
    }

    pub fn curve(&mut self, layer: usize, part: Part, method: Method) -> (usize, Vec<CurvePoint>) {
        let told = self.job(|run| Command::start(run, job::ErrorCurve { layer, part, method }));
        assert_eq!(told.last(), &Event::JobDone);
        let curves = told.all(|event| match event {
            Event::ErrorCurve { units, points, .. } => Some((*units, points.clone())),
            _ => None,
        });
        curves.into_iter().next().unwrap()
    }

    pub fn export(&mut self, out: &Path) {
        let out = out.to_path_buf();
        let told = self
            .job(|run| Command::start(run, job::Export { form: OutputForm::default(), out, force: false }));
        assert_eq!(told.last(), &Event::JobDone, "{told:?}");
    }

    pub fn close(self) -> Result<(), Error> {
        self.worker.join()
    }
}

impl Told {
    pub fn last(&self) -> &Event {
        self.0.last().unwrap()
    }

    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
        self.1.extend(more.1);
    }

    pub fn all<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.0.iter().filter_map(pick).collect()
    }

    /// The record at the end of a run.
    pub fn record(&self) -> RunRecord {
        match self.last() {
            Event::RunDone { record } => (**record).clone(),
            other => panic!("{other:?}"),
        }
    }

    pub fn layers(&self) -> Vec<(LayerRecord, Attempt)> {
        self.all(|event| match event {
            Event::LayerDone { record, attempt } => Some((record.clone(), attempt.clone())),
            _ => None,
        })
    }
}
