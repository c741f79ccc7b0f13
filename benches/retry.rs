//! The cost of a retry: another ratio for every layer of the built-in model, in a process that opens the run's
//! session, compared with the cost of the same layers in the run. Fails if a retry takes longer than a layer of the
//! run. There is no smaller version, because with fewer windows the time to write attempts would dominate.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use slimgpt::application::{
    engine::{self, ModelChoice, SessionPlace, Worker},
    protocol::{Command, Event, Method, Pace, Stamped, job},
};
use slimgpt::{
    config::{self, Settings},
    pipeline,
};

/// Allowed variation between two measurements of the same work on a machine with other work.
const NOISE: f64 = 1.25;

fn until(worker: &mut Worker<()>, last: impl Fn(&Event) -> bool) -> Vec<Stamped> {
    let mut events = Vec::new();
    loop {
        let stamped = worker.events.blocking_recv().expect("the workspace runs until it is closed");
        if let Event::JobFailed { message, .. } = &stamped.event {
            panic!("{message}");
        }
        let ended = last(&stamped.event);
        events.push(stamped);
        if ended {
            return events;
        }
    }
}

fn retry(worker: &mut Worker<()>, run: u64, layer: usize, method: Method) -> f64 {
    let began = Instant::now();
    worker.commands.blocking_send(Command::start(run, job::Retry { layer, method })).unwrap();
    until(worker, |event| *event == Event::JobDone);
    began.elapsed().as_secs_f64()
}

fn main() {
    let options = config::demo().unwrap();
    let mut settings = Settings::new(options).unwrap();
    settings.evaluation.text = None;
    let dir = tempfile::tempdir().unwrap();
    let session = dir.path().join("session");
    let mut worker =
        engine::workspace(ModelChoice::Demo, settings.clone(), SessionPlace::New(session.clone()));
    let ratios = pipeline::scheduled(12, &settings).unwrap();
    let command = Command::Start {
        run: 1,
        pace: Pace::Free,
        job: job::Run {
            from: 0,
            ratios: ratios.clone(),
            settings: Box::new(settings.clone()),
            methods: Default::default(),
            on_cancel: Default::default(),
        }
        .into(),
    };
    worker.commands.blocking_send(command).unwrap();
    let events = until(&mut worker, |event| matches!(event, Event::RunDone { .. }));
    worker.join().unwrap();
    let at =
        |wanted: &dyn Fn(&Event) -> bool| events.iter().find(|stamped| wanted(&stamped.event)).unwrap().at;
    let layer_seconds = |index: usize| {
        at(&|event| matches!(event, Event::LayerDone { record, .. } if record.index == index))
            - at(&|event| matches!(event, Event::LayerStarted { layer, .. } if *layer == index))
    };

    // Another process has the same data as this worker.
    let mut worker = engine::workspace(ModelChoice::Demo, settings.clone(), SessionPlace::Open(session));
    until(&mut worker, |event| matches!(event, Event::SessionOpened { .. }));
    println!("layer   in the run   retry   retry again, other ratio (s)");
    let (mut run, mut sums) = (1, [0.0; 3]);
    for (layer, &ratio) in ratios.iter().enumerate() {
        let method = |more: f64| Method::of_run(&settings, ratio.map(|ratio| (ratio + more).min(0.9)));
        let seconds = [
            layer_seconds(layer),
            retry(&mut worker, run, layer, method(0.1)),
            retry(&mut worker, run + 1, layer, method(0.2)),
        ];
        run += 2;
        println!("{layer:>5}   {:>10.3}   {:>5.3}   {:>5.3}", seconds[0], seconds[1], seconds[2]);
        sums.iter_mut().zip(seconds).for_each(|(sum, seconds)| *sum += seconds);
    }
    let [run, first, again] = sums;
    println!("all     {run:>10.3}   {first:>5.3}   {again:>5.3}");
    println!(
        "a retry takes {:.2} times as long as the layer in the run, {:.2} times with cached moments",
        first / run,
        again / run
    );
    assert!(first <= NOISE * run, "a retry takes longer than the layer in the run");
}
