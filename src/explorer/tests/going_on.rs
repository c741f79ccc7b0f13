//! Resumed runs.

use super::Script;
use crate::protocol::{Command, Event, Job, Methods, job};

#[test]
fn only_resuming_keeps_the_methods_of_retried_layers() {
    let mut script = Script::pruned(3);
    script.keys("s y");
    assert!(matches!(
        script.command(),
        Command::Start { job: Job::Run(job::Run { from: 0, methods: Methods::OfRun, .. }), .. }
    ));
    script.handle(2, Event::JobCancelled);
    script.keys("l [ +");
    script.keys("R");
    assert!(matches!(
        script.command(),
        Command::Start { job: Job::Run(job::Run { methods: Methods::AsTuned, .. }), .. }
    ));
}

#[test]
fn a_run_activates_a_matching_attempt() {
    let mut script = Script::pruned(3);
    script.retry_layer_one(0.6);
    script.keys("1 g +");
    script.keys("R");
    let run = script.run();
    script.handle(run, script.run_started());
    script.handle(run, Event::AttemptActivated { layer: 1, attempt: Some(1) });
    assert_eq!(script.state.layers[1].chosen, Some(1));
    assert_eq!(script.state.compare.active[1], Some(1));
}

#[test]
fn a_run_interrupted_after_its_last_layer_can_be_resumed() {
    let mut script = Script::opened(2);
    script.keys("s");
    script.handle(1, script.run_started());
    script.prune(1, 0, 0, vec![]);
    script.prune(1, 1, 0, vec![0]);
    script.handle(1, Event::JobCancelled);
    script.keys("R");
    assert!(matches!(script.command(), Command::Start { job: Job::Run(job::Run { from: 2, .. }), .. }));
}
