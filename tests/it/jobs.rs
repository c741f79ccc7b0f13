//! Jobs of the engine: order, pace, times, cancellation and failure.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::frontend::{Frontend, Told, is_end, settings, small_text};
use slimgpt::application::{
    engine::{self, ModelChoice, SessionPlace},
    protocol::{Attempt, Command, Control, Event, LayerRecord, Method, Methods, OnCancel, Pace, job},
};
use slimgpt::{
    calibration::TextSource,
    config::{Evaluation, Settings, Solver},
    failure::Kind,
    prune::{LayerRatio, Part, Schedule},
};

#[test]
fn a_cancelled_run_keeps_its_layers_and_resumes_to_the_uncancelled_result() {
    let mut settings = settings();
    settings.evaluation.track_errors = true.into();
    let whole = Frontend::open(&settings).run(0, &settings).record();

    let mut frontend = Frontend::open(&settings);
    frontend.begin(0, &settings, Pace::Free);
    let mut told = frontend.until(|event| matches!(event, Event::UnitsRemoved { layer: 3, .. }));
    frontend.send(Command::control(1, Control::Cancel));
    told.extend(frontend.until(is_end));
    assert_eq!(told.last(), &Event::JobCancelled);
    let done = told.layers().len();
    assert!((3..whole.layers.len()).contains(&done), "{done} layers were done");

    let told = frontend.run(done, &settings);
    assert!(
        told.0
            .iter()
            .any(|event| matches!(event, Event::LayerStarted { layer, attempt: 0, .. } if *layer == done))
    );
    assert!(told.record().layers == whole.layers, "the records differ");
}

#[test]
fn a_cancelled_run_that_puts_back_leaves_the_attempts_and_the_session_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session");
    let settings = settings();
    let mut frontend = Frontend::open_in(&settings, SessionPlace::New(path.clone()));
    frontend.run(0, &settings).record();
    let other = Settings { solver: Solver { damping: 0.1, ..settings.solver }, ..settings.clone() };
    let job = job::Run {
        from: 0,
        ratios: frontend.ratios(&other),
        settings: Box::new(other),
        methods: Methods::OfRun,
        on_cancel: OnCancel::PutBack,
    };
    frontend.send(Command::start(2, job));
    frontend.until(|event| matches!(event, Event::LayerDone { .. }));
    frontend.send(Command::control(2, Control::Cancel));
    let told = frontend.until(is_end);
    assert_eq!(told.last(), &Event::JobCancelled);
    assert!(told.0.contains(&Event::AttemptActivated { layer: 0, attempt: Some(0) }));
    frontend.close().unwrap();
    let mut again = Frontend::open_in(&settings, SessionPlace::Open(path));
    let told = again.until(|event| matches!(event, Event::SessionRestored { .. }));
    let Event::SessionRestored { session } = told.last() else { unreachable!() };
    assert_eq!(session.unfinished, None);
    assert_eq!(session.settings.solver.damping, settings.solver.damping);
    assert!(session.layers.iter().all(|layer| layer.active == Some(0)));
    assert!(session.layers[0].attempts.len() > 1, "the new attempt remains");
    again.close().unwrap();
}

#[test]
fn an_attempt_equal_to_an_earlier_one_is_not_added() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.ratios.layers = "0..2".parse().unwrap();
    for place in [SessionPlace::None, SessionPlace::New(dir.path().join("session"))] {
        let mut frontend = Frontend::open_in(&settings, place);
        let first = frontend.run(0, &settings);
        let number = |(record, attempt): (LayerRecord, Attempt)| (record, attempt.number);
        let first: Vec<_> = first.layers().into_iter().map(number).collect();
        let second: Vec<_> = frontend.run(0, &settings).layers().into_iter().map(number).collect();
        assert_eq!(second, first, "equal records with the numbers of the first run");
        let retried = frontend.retry(1, Method::of_run(&settings, frontend.ratios(&settings)[1]));
        assert_eq!(number(retried.layers().remove(0)).1, 0);
        let other = frontend.retry(1, Method::of_run(&settings, 0.5));
        assert_ne!(number(other.layers().remove(0)).1, 0, "another ratio is another attempt");
        frontend.close().unwrap();
    }
    assert!(!dir.path().join("session/attempts/layer-000-attempt-001-attention.safetensors").exists());
}

#[test]
fn new_ratios_apply_to_layers_that_have_not_begun() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let ratios = frontend.ratios(&settings);
    frontend.begin(0, &settings, Pace::Stepwise);
    frontend.until(|event| *event == Event::Paused);
    frontend.send(Command::control(1, Control::Replan(vec![LayerRatio::both(0.5); ratios.len()])));
    frontend.send(Command::control(1, Control::SetPace(Pace::Free)));
    let record = frontend.until(is_end).record();
    assert_eq!(record.layers[0].ratio, ratios[0]);
    assert!(record.layers[1..].iter().all(|layer| layer.ratio == 0.5));
    assert_eq!(record.layers[1].mlp.kept.len(), 160);
    let mut expected = vec![LayerRatio::both(0.5); ratios.len()];
    expected[0] = ratios[0];
    assert_eq!(record.settings.ratios.schedule, slimgpt::prune::Schedule::Custom(expected));
}

#[test]
fn the_time_of_a_run_excludes_halts() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let began = Instant::now();
    frontend.begin(0, &settings, Pace::Stepwise);
    frontend.until(|event| *event == Event::Paused);
    let halted = Duration::from_millis(500);
    thread::sleep(halted);
    frontend.send(Command::control(1, Control::SetPace(Pace::Free)));
    let seconds = frontend.until(is_end).record().seconds;
    let at_work = (began.elapsed() - halted).as_secs_f64();
    assert!(seconds.total <= at_work, "{} s of {at_work} s", seconds.total);
    assert!(seconds.solve >= 0.0 && seconds.calibration >= 0.0);
    assert!(seconds.solve + seconds.calibration <= seconds.total);
}

#[test]
fn a_cancel_for_an_ended_job_does_not_affect_the_next() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    frontend.run(0, &settings).record();
    let method = Method::of_run(&settings, 0.5);
    frontend.send(Command::control(1, Control::Cancel));
    frontend.send(Command::Start {
        run: 2,
        pace: Pace::Stepwise,
        job: job::Retry { layer: 3, method: method.clone() }.into(),
    });
    frontend.until(|event| *event == Event::Paused);
    frontend.send(Command::start(3, job::ErrorCurve { layer: 3, part: Part::Mlp, method }));
    for run in [1, 3] {
        frontend.send(Command::control(run, Control::Cancel));
    }
    let told = frontend.until(is_end);
    assert_eq!((told.last(), &told.1[..]), (&Event::JobCancelled, &[3][..]), "the job was waiting");
    frontend.send(Command::control(2, Control::SetPace(Pace::Free)));
    assert_eq!(frontend.until(is_end).last(), &Event::JobDone);
    assert!(frontend.nothing_follows());
}

#[test]
fn a_stepwise_run_pauses_after_each_batch_and_a_step_removes_one_more() {
    let mut settings = settings();
    settings.ratios.layers = "0..2".parse().unwrap();
    let mut frontend = Frontend::open(&settings);
    frontend.begin(0, &settings, Pace::Stepwise);
    let removed = |event: &Event| matches!(event, Event::UnitsRemoved { .. }).then_some(());
    for _ in 0..4 {
        let told = frontend.until(|event| *event == Event::Paused);
        assert_eq!(told.all(removed).len(), 1);
        let at = told.0.iter().position(|event| matches!(event, Event::UnitsRemoved { .. })).unwrap();
        let after = &told.0[at + 1..];
        assert!(matches!(after, [Event::StepPictured { .. }, Event::Paused]), "{after:?}");
        assert!(frontend.nothing_follows());
        frontend.send(Command::control(1, Control::Step));
    }
    frontend.until(|event| *event == Event::Paused);
    frontend.send(Command::control(1, Control::Resume));
    frontend.until(|event| *event == Event::Paused);
    frontend.send(Command::control(1, Control::SetPace(Pace::Free)));
    let told = frontend.until(is_end);
    assert!(told.all(removed).len() > 2 && !told.0.contains(&Event::Paused));
    told.record();
}

#[test]
fn jobs_started_during_another_job_run_in_order() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let ratios = frontend.ratios(&settings);
    let run = Box::new(settings.clone());
    frontend.send(Command::Start {
        run: 7,
        pace: Pace::Free,
        job: job::Run {
            from: 0,
            ratios: ratios.clone(),
            settings: run,
            methods: Default::default(),
            on_cancel: Default::default(),
        }
        .into(),
    });
    let method = Method::of_run(&settings, 0.7);
    frontend.send(Command::start(8, job::Retry { layer: 11, method: method.clone() }));
    frontend.send(Command::activate(11, Some(1)));
    frontend.send(Command::start(9, job::ErrorCurve { layer: 11, part: Part::Attention, method }));
    frontend.send(Command::Start {
        run: 10,
        pace: Pace::Free,
        job: job::Retry { layer: 12, method: Method::of_run(&settings, 0.1) }.into(),
    });
    let mut ends = Vec::new();
    for run in 7..=10 {
        let told = frontend.until(is_end);
        // `AttemptActivated` carries the number of the job before it.
        let own = |(event, of): (&Event, &u64)| *of == run || matches!(event, Event::AttemptActivated { .. });
        assert!(told.0.iter().zip(&told.1).all(own), "job {run}: {:?}", told.1);
        ends.push(std::mem::discriminant(told.last()));
    }
    let failed = Event::JobFailed { message: String::new(), advice: None };
    assert_eq!(
        ends[1..],
        [Event::JobDone, Event::JobDone, failed].map(|event| std::mem::discriminant(&event))
    );
}

#[test]
fn a_failed_job_does_not_stop_the_workspace() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let fails = |frontend: &mut Frontend, about: &str, command: &dyn Fn(u64) -> Command| {
        let told = frontend.job(command);
        let Event::JobFailed { message, .. } = told.last() else { panic!("{:?}", told.last()) };
        assert!(message.contains(about), "{message}");
    };
    fails(&mut frontend, "it already exists", &|run| {
        let form = slimgpt::export::OutputForm::default();
        Command::start(run, job::Export { form, out: dir.path().into(), force: false })
    });
    fails(&mut frontend, "nowhere.txt", &|run| {
        let text = TextSource::File("nowhere.txt".into());
        Command::start(
            run,
            job::MeasurePerplexity {
                evaluation: Evaluation { text: Some(text), seq_len: 64, bos: false, ..Evaluation::default() },
            },
        )
    });
    fails(&mut frontend, "an attempt at layer 0, which has none", &|run| {
        let method = Method::of_run(&settings, 0.2);
        Command::start(run, job::Retry { layer: 3, method })
    });
    for (schedule, ratios) in [
        (Schedule::Uniform, vec![0.99.into(); 12]),
        (Schedule::Auto, Vec::new()),
        (Schedule::Log, Vec::new()),
    ] {
        let mut beyond = settings.clone();
        (beyond.ratios.schedule, beyond.ratios.ratio) = (schedule, Some(0.98));
        fails(&mut frontend, "the largest", &|run| {
            let (ratios, settings) = (ratios.clone(), Box::new(beyond.clone()));
            let job = job::Run {
                from: 0,
                ratios,
                settings,
                methods: Default::default(),
                on_cancel: Default::default(),
            }
            .into();
            Command::Start { run, pace: Pace::Free, job }
        });
    }
    fails(&mut frontend, "the largest share is 0.95", &|run| {
        let mut beyond = settings.clone();
        (beyond.ratios.schedule, beyond.ratios.ratio) = (Schedule::Auto, Some(0.98));
        Command::start(run, job::Search { settings: Box::new(beyond) })
    });
    fails(&mut frontend, "3 ratios for 12 layers", &|run| {
        let boxed = Box::new(settings.clone());
        Command::Start {
            run,
            pace: Pace::Free,
            job: job::Run {
                from: 0,
                ratios: vec![0.2.into(); 3],
                settings: boxed,
                methods: Default::default(),
                on_cancel: Default::default(),
            }
            .into(),
        }
    });
    fails(&mut frontend, "nowhere.txt", &|run| {
        let calibration = vec![TextSource::File("nowhere.txt".into())];
        let mut boxed = Box::new(settings.clone());
        boxed.calibration.texts = calibration;
        Command::Start {
            run,
            pace: Pace::Free,
            job: job::Run {
                from: 0,
                ratios: vec![0.2.into(); 12],
                settings: boxed,
                methods: Default::default(),
                on_cancel: Default::default(),
            }
            .into(),
        }
    });
    frontend.send(Command::activate(0, Some(0)));
    frontend.until(|event| matches!(event, Event::Warning { .. }));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    frontend.run(0, &settings).record();
    frontend.close().unwrap();
}

#[test]
fn a_model_that_cannot_be_opened_ends_the_thread() {
    let mut worker =
        engine::workspace(ModelChoice::Named("no/such/model".into()), settings(), engine::SessionPlace::None);
    let told = worker.events.blocking_recv().unwrap();
    assert!(matches!(told.event, Event::JobFailed { .. }) && told.run == 0);
    assert_eq!(worker.events.blocking_recv(), None);
    assert_eq!(worker.join().unwrap_err().kind(), Kind::Input);
}

#[test]
fn a_cancelled_export_leaves_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut frontend = Frontend::open(&settings());
    let (form, out) = (slimgpt::export::OutputForm::default(), dir.path().join("out"));
    // The calibration text is tokenised first, and the cancellation arrives long before the end of that.
    frontend.send(Command::start(1, job::Export { form, out, force: false }));
    frontend.send(Command::control(1, Control::Cancel));
    assert_eq!(frontend.until(is_end).last(), &Event::JobCancelled);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    frontend.export(&dir.path().join("out"));
}

#[test]
fn recorded_steps_are_those_of_the_attempt_and_change_nothing() {
    let settings = settings();
    let mut frontend = Frontend::open(&settings);
    let run = frontend.run(0, &settings);
    let pictures = |told: &Told| {
        told.all(|event| match event {
            Event::StepPictured { picture, .. } => Some((picture.leaving.clone(), picture.error)),
            _ => None,
        })
    };
    assert!(pictures(&run).is_empty(), "nothing is recorded unasked");
    let (record, attempt) = run.layers()[1].clone();
    for (part, record) in [(Part::Attention, &record.attention), (Part::Mlp, &record.mlp)] {
        let method = attempt.method.clone();
        let told = frontend.job(|run| Command::start(run, job::RecordSteps { layer: 1, part, method }));
        assert_eq!(told.last(), &Event::JobDone);
        let (leaving, errors): (Vec<Vec<usize>>, Vec<f64>) = pictures(&told).into_iter().unzip();
        assert_eq!(leaving.concat(), record.removed);
        assert_eq!(leaving.iter().map(Vec::len).collect::<Vec<_>>(), record.group_sizes);
        for (found, expected) in errors.iter().zip(&record.step_errors) {
            assert!((found / expected - 1.0).abs() < 1e-6, "{found} for {expected}");
        }
        assert!(told.layers().is_empty());
    }
}

/// A run that measures the perplexity on a short text in `dir`.
fn evaluated(dir: &std::path::Path) -> Settings {
    let mut settings = settings();
    settings.evaluation.text = Some(small_text(dir));
    settings.evaluation.seq_len = 64;
    settings
}

#[test]
fn the_first_layer_does_not_wait_for_the_perplexity_of_the_dense_model() {
    let dir = tempfile::tempdir().unwrap();
    let settings = evaluated(dir.path());
    let mut frontend = Frontend::open(&settings);
    frontend.begin(0, &settings, Pace::Free);
    let told = frontend.until(|event| matches!(event, Event::LayerDone { .. }));
    let measured = |event: &Event| matches!(event, Event::PerplexityMeasured { .. });
    assert!(!told.0.iter().any(measured), "{:?}", told.0);
    assert_eq!(frontend.evaluating_dense, 0, "the dense model comes after the first layer");
    let record = frontend.until(is_end).record();
    assert!(frontend.evaluating_dense > 0);
    let perplexity = record.perplexity.unwrap();
    assert!(perplexity.before.is_finite() && perplexity.after.is_some());
}

#[test]
fn the_perplexity_of_the_dense_model_can_be_left_out_during_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let settings = evaluated(dir.path());
    let mut frontend = Frontend::open(&settings);
    frontend.begin(0, &settings, Pace::Free);
    let is_done = |event: &Event| matches!(event, Event::LayerDone { .. });
    frontend.until(is_done);
    frontend.send(Command::control(1, Control::SkipDense));
    // The dense model may be in work until the command arrives, not after the next layer.
    frontend.until(is_done);
    let seen = frontend.evaluating_dense;
    let told = frontend.until(is_end);
    assert_eq!(frontend.evaluating_dense, seen, "the dense model is left out");
    let perplexity = told.record().perplexity.unwrap();
    assert!(perplexity.before.is_nan(), "{perplexity:?}");
    assert!(perplexity.after.is_some_and(f64::is_finite), "{perplexity:?}");
}
