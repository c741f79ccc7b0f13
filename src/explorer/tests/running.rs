//! Runs and their events.

use super::{
    Script,
    script::{hessian, layer_done, record, removed},
};
use crate::{
    explorer::{Confirmed, Dialog, Effect, JobKind, JobStatus, Msg, Origin, Status},
    protocol::{
        Attempt, Command, Control, CurvePoint, Event, Job, Method, Pace, PerplexityRecord, Side, Stage, job,
    },
    prune::Part,
};

#[test]
fn start_prunes_all_layers_with_the_ratios_of_the_schedule() {
    let mut script = Script::opened(3);
    script.keys("s");
    match script.command() {
        Command::Start { pace: Pace::Free, run: 1, job: Job::Run(job::Run { from: 0, ratios, .. }) } => {
            assert_eq!(*ratios, script.state.schedule.ratios);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(script.status(), JobStatus::Working);
}

#[test]
fn start_asks_before_finished_layers_are_pruned_again() {
    let mut script = Script::pruned(3);
    script.keys("s");
    assert!(script.effects.is_empty());
    let Some(Dialog::Confirm(confirm)) = script.state.dialogs.last() else { panic!("a question is open") };
    assert_eq!(confirm.question, "3 layers are done; prune again from layer 0?");
    script.keys("n");
    assert!(script.effects.is_empty() && script.state.dialogs.is_empty());
    script.keys("s y");
    assert!(matches!(script.command(), Command::Start { job: Job::Run(job::Run { from: 0, .. }), .. }));
}

#[test]
fn nothing_starts_before_the_model_is_open_or_while_layers_are_pruned() {
    let mut script = Script::unopened(Origin::Live { model: "tiny".into() });
    script.keys("s");
    assert!(script.effects.is_empty() && script.notice().contains("not open"));
    let mut script = Script::opened(2);
    script.keys("s s");
    assert!(script.effects.is_empty() && script.notice().contains("being pruned"));
}

#[test]
fn without_a_calibration_text_start_opens_the_settings() {
    let mut script = Script::opened(2);
    script.state.settings.calibration.texts.clear();
    script.keys("s");
    assert!(script.effects.is_empty());
    assert!(matches!(script.state.dialogs.last(), Some(Dialog::Form(_))));
}

#[test]
fn every_batch_is_shown_when_it_is_removed() {
    let mut script = Script::opened(2);
    script.keys("s");
    let method = Method::of_run(&script.state.settings, 0.5);
    script.handle(1, Event::LayerStarted { layer: 0, attempt: 0, method });
    assert_eq!(script.state.status(0), Status::Calibrating);
    script.handle(1, hessian(0, Part::Attention, 4));
    assert_eq!(script.state.status(0), Status::Pruning);
    let view =
        |script: &Script| script.state.layers[0].view(Part::Attention).map(|v| (v.kept(), v.goal, v.live));
    assert_eq!(view(&script), Some((4, 2, true)));
    script.handle(1, removed(0, Part::Attention, 0, vec![3]));
    assert_eq!(view(&script), Some((3, 2, true)));
    let error = script.state.layers[0].view(Part::Attention).unwrap().relative_error();
    assert_eq!(error, Some(0.25), "0.5 of an energy of 2");
    script.handle(1, Event::PartDone { layer: 0, part: Part::Attention, record: record(4) });
    assert_eq!(script.state.status(0), Status::Calibrating, "the mlp is next");
}

#[test]
fn after_a_run_every_layer_is_done_and_the_cost_is_shown() {
    let script = Script::pruned(3);
    assert!(script.state.job().is_none());
    assert!((0..3).all(|layer| script.state.status(layer) == Status::Done));
    assert!(script.state.layers.iter().all(|layer| layer.attempts.len() == 1 && layer.chosen == Some(0)));
    // One KV group and one channel of each layer were removed.
    assert_eq!(script.state.parameters_after(), 4000 - 3 * 110);
    assert_eq!(script.state.bytes_of(script.state.parameters_after()), 2 * (4000 - 330));
}

#[test]
fn events_of_an_older_job_are_dropped() {
    let mut script = Script::pruned(2);
    script.handle(1, Event::JobFailed { message: "late".into(), advice: None });
    assert_eq!(script.notice(), "");
    assert_eq!(script.state.status(1), Status::Done);
}

#[test]
fn pause_step_and_resume_follow_the_engine() {
    let mut script = Script::opened(2);
    script.keys("s space");
    assert_eq!(*script.command(), Command::control(1, Control::Pause));
    script.handle(1, Event::Paused);
    assert_eq!(script.status(), JobStatus::Paused);
    script.keys("n");
    assert_eq!(*script.command(), Command::control(1, Control::Step));
    script.keys("space");
    assert_eq!(*script.command(), Command::control(1, Control::Resume));
    script.handle(1, Event::Resumed);
    assert_eq!(script.status(), JobStatus::Working);
}

#[test]
fn step_mode_starts_runs_that_pause() {
    let mut script = Script::opened(2);
    script.keys("t s");
    assert!(matches!(script.command(), Command::Start { pace: Pace::Stepwise, job: Job::Run(_), .. }));
    script.keys("t");
    assert_eq!(
        *script.command(),
        Command::control(1, Control::SetPace(Pace::Free)),
        "the current run continues without pausing"
    );
}

#[test]
fn cancelling_a_run_needs_confirmation_and_keeps_finished_layers() {
    let mut script = Script::opened(3);
    script.keys("s");
    script.handle(1, script.run_started());
    script.prune(1, 0, 0, vec![]);
    let method = Method::of_run(&script.state.settings, 0.5);
    script.handle(1, Event::LayerStarted { layer: 1, attempt: 0, method });
    script.keys("x");
    assert!(script.effects.is_empty(), "it asks");
    script.keys("n");
    assert!(script.state.dialogs.is_empty() && script.effects.is_empty());
    script.keys("x y");
    assert_eq!(*script.command(), Command::control(1, Control::Cancel));
    assert_eq!(script.status(), JobStatus::Cancelling);
    script.handle(1, Event::JobCancelled);
    let status: Vec<Status> = (0..3).map(|layer| script.state.status(layer)).collect();
    assert_eq!(status, [Status::Done, Status::Waiting, Status::Waiting]);
    script.keys("R");
    assert!(matches!(script.command(), Command::Start { job: Job::Run(job::Run { from: 1, .. }), .. }));
}

#[test]
fn a_failed_layer_shows_why_and_the_run_resumes_there() {
    let mut script = Script::opened(2);
    script.keys("s");
    script.prune(1, 0, 0, vec![]);
    let method = Method::of_run(&script.state.settings, 0.5);
    script.handle(1, Event::LayerStarted { layer: 1, attempt: 0, method });
    let cause = "the second moment is not positive definite".to_string();
    script.handle(1, Event::PartFailed { layer: 1, part: Part::Mlp, cause: cause.clone() });
    script.handle(1, Event::JobFailed { message: format!("layer 1, mlp: {cause}"), advice: None });
    assert_eq!(script.state.status(1), Status::Failed);
    assert!(script.state.layers[1].failed.as_ref().unwrap().contains("positive definite"));
    assert!(script.notice().contains("layer 1, mlp"));
    assert_eq!(script.state.first_to_run(), Some(1));
}

#[test]
fn an_error_curve_is_requested_and_stored_with_its_layer() {
    let mut script = Script::pruned(2);
    script.keys("2 right c");
    let Command::Start { run, job: Job::ErrorCurve(job::ErrorCurve { layer, part, .. }), .. } =
        script.command().clone()
    else {
        panic!()
    };
    assert_eq!(part, Part::Mlp);
    let points =
        vec![CurvePoint { removed: 0, relative_error: 0.0 }, CurvePoint { removed: 9, relative_error: 1.0 }];
    script.handle(run, Event::ErrorCurve { layer, part, units: 10, points: points.clone() });
    script.handle(run, Event::JobDone);
    assert_eq!(script.state.layers[layer].curve(Part::Mlp).unwrap().points, points);
    assert!(script.state.layers[layer].computed_curve(Part::Attention).is_none());
}

#[test]
fn cancelling_a_waiting_job_leaves_the_running_one_alone() {
    let mut script = Script::opened(2);
    script.keys("s 5 w");
    script.handle(2, Event::JobCancelled);
    assert_eq!((script.run(), script.status(), script.state.jobs.queue.len()), (1, JobStatus::Working, 1));
}

#[test]
fn a_job_waits_for_the_running_one() {
    let mut script = Script::opened(2);
    script.keys("s 5 w");
    assert!(matches!(script.command(), Command::Start { run: 2, job: Job::Generate(_), .. }));
    assert_eq!(script.state.jobs.queue[1].status, JobStatus::Waiting);
    script.handle(1, Event::JobCancelled);
    assert_eq!((script.run(), script.status()), (2, JobStatus::Working));
    script.handle(2, Event::GeneratedText { side: Side::Dense, text: " was".into() });
    script.handle(2, Event::GeneratedText { side: Side::Pruned, text: " is".into() });
    script.handle(2, Event::GenerationFinished { side: Side::Dense, tokens: 10, seconds: 2.0 });
    assert_eq!(script.state.compare.newest.dense.text, " was");
    assert_eq!(script.state.compare.newest.dense.speed(), Some(5.0));
    assert_eq!(script.state.compare.newest.pruned.speed(), None);
}

#[test]
fn a_perplexity_replaces_the_one_on_the_same_text() {
    let mut script = Script::opened(2);
    let record = |after| PerplexityRecord {
        text: "a.txt".into(),
        seq_len: 128,
        tokens: 1280,
        bos: false,
        before: 4.0,
        after,
        before_error: None,
        after_error: None,
        divergence: None,
        divergence_error: None,
    };
    script.keys("5 m enter");
    script.handle(1, Event::PerplexityMeasured { record: record(None) });
    script.handle(1, Event::PerplexityMeasured { record: record(Some(5.0)) });
    let measured: Vec<_> = script.state.compare.shown().map(|measured| &measured.record).collect();
    assert_eq!(measured, [&record(Some(5.0))]);
}

#[test]
fn the_errors_of_earlier_runs_are_kept() {
    let mut script = Script::pruned(2);
    script.keys("s y");
    let run = script.run();
    script.handle(run, script.run_started());
    assert_eq!(script.state.previous_runs.len(), 1);
    assert_eq!(script.state.previous_runs[0].run, 1);
    assert_eq!(script.state.previous_runs[0].output_errors, [Some(0.01), Some(0.02)]);
}

#[test]
fn the_selection_follows_the_current_layer_until_it_is_moved() {
    let mut script = Script::opened(4);
    script.keys("s");
    script.prune(1, 0, 0, vec![]);
    script.prune(1, 1, 0, vec![0]);
    assert_eq!(script.state.layer, 1);
    script.keys("up");
    script.prune(1, 2, 0, vec![0, 0]);
    assert_eq!(script.state.layer, 0);
}

#[test]
fn quitting_asks_only_when_something_would_be_lost() {
    let mut script = Script::opened(2);
    script.keys("q");
    assert_eq!(script.effects, [Effect::Quit]);
    let mut script = Script::pruned(2);
    script.keys("q");
    assert!(script.effects.is_empty());
    assert!(matches!(&script.state.dialogs[..], [Dialog::Confirm(ask)] if ask.then == Confirmed::Quit));
    script.keys("n q y");
    assert_eq!(script.effects, [Effect::Quit]);
    script.handle(0, Event::ExportWritten { path: "slim".into(), bytes: 10 });
    script.keys("q");
    assert_eq!(script.effects, [Effect::Quit], "exported layers are not lost");
}

#[test]
fn a_second_ctrl_c_quits_at_once() {
    let mut script = Script::pruned(2);
    script.keys("ctrl-c ctrl-c");
    assert_eq!(script.effects, [Effect::Quit]);
}

#[test]
fn an_engine_that_ends_before_the_model_is_open_ends_the_explorer() {
    let mut script = Script::unopened(Origin::Live { model: "none".into() });
    script.send(Msg::EngineGone(Some("no such model".into())));
    assert_eq!(script.effects, [Effect::Quit]);
    let mut script = Script::pruned(2);
    script.send(Msg::EngineGone(Some("it panicked".into())));
    assert!(script.effects.is_empty(), "results stay on the screen");
    script.keys("s");
    assert!(script.effects.is_empty() && script.notice().contains("worker has stopped"));
}

#[test]
fn a_job_shows_its_progress() {
    let mut script = Script::opened(4);
    assert_eq!(script.state.progress(), None);
    script.keys("s");
    script.handle(1, script.run_started());
    script.prune(1, 0, 0, vec![]);
    let (share, left) = script.state.progress().unwrap();
    assert!((0.01..1.0).contains(&share) && left.unwrap() > 0.0, "{share}, {left:?}");
    assert_eq!(script.state.job().unwrap().kind, JobKind::Run);
}

#[test]
fn removals_before_a_raised_damping_do_not_count() {
    let mut script = Script::opened(1);
    script.keys("s");
    let method = Method::of_run(&script.state.settings, 0.5);
    script.handle(1, Event::LayerStarted { layer: 0, attempt: 0, method });
    script.handle(1, hessian(0, Part::Attention, 4));
    script.handle(1, removed(0, Part::Attention, 0, vec![3, 2]));
    let reason = "a pivot was negative".to_string();
    script.handle(1, Event::DampingRaised { layer: 0, part: Part::Attention, from: 0.01, to: 0.1, reason });
    script.handle(1, hessian(0, Part::Attention, 4));
    script.handle(1, removed(0, Part::Attention, 0, vec![3]));
    let view = script.state.layers[0].view(Part::Attention).unwrap();
    assert_eq!((view.removed, view.kept(), view.step_errors.len()), (&[3][..], 3, 1));
}

#[test]
fn the_progress_of_a_run_never_goes_back() {
    let mut script = Script::opened(2);
    script.keys("s");
    script.handle(1, script.run_started());
    let mut last = 0.0;
    for layer in 0..2 {
        let method = Method::of_run(&script.state.settings, 0.5);
        let mut events = vec![Event::LayerStarted { layer, attempt: 0, method: method.clone() }];
        for (part, units) in [(Part::Attention, 4), (Part::Mlp, 10)] {
            let calibrate =
                |done| Event::Progress { stage: Stage::Calibrate { layer, part }, done, total: 4 };
            let propagate =
                |done| Event::Progress { stage: Stage::Propagate { layer, part }, done, total: 4 };
            events.extend([
                calibrate(1),
                calibrate(4),
                hessian(layer, part, units),
                removed(layer, part, 0, vec![1]),
            ]);
            events.extend([
                Event::PartDone { layer, part, record: record(units) },
                propagate(1),
                propagate(4),
            ]);
        }
        events.push(layer_done(layer, Attempt { number: 0, above: vec![0; layer], method }));
        for event in events {
            let told = format!("{event:?}");
            script.handle(1, event);
            let share = script.state.progress().map_or(0.0, |(share, _)| share);
            assert!(share >= last, "{share} after {last}: {told}");
            last = share;
        }
    }
    assert!(last > 0.9, "{last}");
}

#[test]
fn the_error_curve_is_followed_past_the_cut_in_idle_time_and_makes_way_for_any_job() {
    let mut script = Script::pruned(3);
    script.state.idle.curves = true;
    script.keys("2");
    let [Effect::Command(Command::Start { run, job: Job::ErrorCurve(curve), .. })] = &script.effects[..]
    else {
        panic!("{:?}", script.effects)
    };
    let (idle, layer, part) = (*run, curve.layer, curve.part);
    assert_eq!((layer, part), (script.state.layer, script.state.screens.layer.part));
    assert!(lines_of_log(&script).iter().all(|line| !line.contains("curve")), "nobody asked for it");
    script.keys("5 w");
    let starts: Vec<&Effect> = script.effects.iter().collect();
    assert!(
        matches!(
            starts[..],
            [
                Effect::Command(Command::Control { run, control: Control::Cancel }),
                Effect::Command(Command::Start { job: Job::Generate(_), .. })
            ] if *run == idle
        ),
        "{starts:?}"
    );
    script.handle(idle, Event::JobCancelled);
    assert!(!script.notice().contains("Cancelled"));
    assert_eq!(
        script.state.jobs.last.as_ref().map(|job| job.kind),
        Some(JobKind::Run),
        "nobody waited for it"
    );
    let write = script.run();
    script.handle(write, Event::JobDone);
    script.keys("2");
    let [Effect::Command(Command::Start { job: Job::ErrorCurve(other), .. })] = &script.effects[..] else {
        panic!("{:?}", script.effects)
    };
    assert_ne!(other.part, part, "none is begun twice");
}

fn lines_of_log(script: &Script) -> Vec<String> {
    script.state.commands.lines(None)
}

#[test]
fn quitting_does_not_ask_because_of_work_in_idle_time() {
    let mut script = Script::pruned(3);
    script.handle(0, Event::SessionOpened { path: "/state/sessions/one".into() });
    script.state.idle.curves = true;
    script.keys("2");
    assert!(script.state.job().is_some());
    script.keys("q");
    assert!(script.effects.contains(&Effect::Quit));
}

#[test]
fn a_key_leaves_out_the_dense_model_only_while_a_job_measures_perplexity() {
    let reason = "no job measures the perplexity of the dense model";
    let mut script = Script::opened(2);
    script.keys("X");
    assert!(script.effects.is_empty());
    assert_eq!(script.notice(), reason);
    script.state.settings.evaluation.text = Some("demo:held-out".parse().unwrap());
    script.keys("s X");
    assert_eq!(*script.command(), Command::control(1, Control::SkipDense));
    assert_eq!(script.notice(), "The perplexity of the dense model is left out");
    script.handle(1, Event::JobCancelled);
    script.keys("2 c X");
    assert!(script.effects.is_empty(), "an error curve measures no perplexity: {:?}", script.effects);
    assert_eq!(script.notice(), reason);
}

#[test]
fn a_run_without_an_evaluation_has_no_dense_model_to_leave_out() {
    let mut script = Script::opened(2);
    script.state.settings.evaluation.text = None;
    script.keys("s X");
    assert!(script.effects.is_empty(), "{:?}", script.effects);
    assert_eq!(script.notice(), "this run measures no perplexity: its settings name no evaluation text");
}
